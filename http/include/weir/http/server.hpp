// http/server.hpp - listens, accepts, serves, drains. One server belongs to one scheduler.
//
//   fresh --start()--> serving --drain()--> lame duck --drain_delay--> draining --> stopped
//
//   serving    connections are accepted and kept
//   lame duck  still accepting; every answer says `Connection: close`
//   draining   listeners are empty and closed, idle connections are closed, requests under way are
//              finished; a further request gets 503
//   stopped    no connection is left; those still there at `drain_timeout` were reset and counted,
//              and so were blocking handlers that had not returned
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <weir/http/handler.hpp>
#include <weir/http/limits.hpp>
#include <weir/http/refusal.hpp>
#include <weir/net/port_use.hpp>
#include <weir/platform/address.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/runtime/offload.hpp>
#include <weir/runtime/scheduler.hpp>
#include <weir/runtime/secured_stream.hpp>
#include <weir/runtime/task.hpp>

namespace weir::http {

class health;

// What several servers of one process share: the limits that are per process. Thread-safe. It
// outlives its servers.
class WEIR_EXPORT admission {
 public:
  explicit admission(const limits& bounds);
  ~admission();
  admission(const admission&) = delete;
  admission& operator=(const admission&) = delete;

  struct impl;
  impl& inside() noexcept { return *impl_; }

 private:
  std::unique_ptr<impl> impl_;
};

// Counts since the server was made. Read on the server's scheduler.
struct server_counters {
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_closed = 0;
  std::uint64_t connections_reset = 0;   // ended by us without an orderly close
  std::uint64_t listeners_failed = 0;    // stopped accepting, not for a drain
  std::uint64_t handshakes = 0;          // of secure connections, that were done
  std::uint64_t handshakes_failed = 0;   // for any reason
  std::uint64_t sessions_truncated = 0;  // secure connections that ended without close_notify
  std::uint64_t sessions_failed = 0;     // after their handshake, by what the peer sent
  std::uint64_t requests = 0;            // heads that were complete
  std::uint64_t responses_1xx = 0;
  std::uint64_t responses_2xx = 0;
  std::uint64_t responses_3xx = 0;
  std::uint64_t responses_4xx = 0;
  std::uint64_t responses_5xx = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  // Limits and deadlines, each time one bites. Refusals of the parsers are counted by their code.
  std::uint64_t refused[refusals::all.size()] = {};
  std::uint64_t shed_connections_max = 0;
  std::uint64_t shed_connections_per_peer_max = 0;
  std::uint64_t shed_requests_in_flight_max = 0;
  std::uint64_t shed_blocking_queue_max = 0;
  std::uint64_t ended_requests_per_connection_max = 0;
  std::uint64_t paused_pipelined_requests_max = 0;
  std::uint64_t paused_response_queue_bytes_max = 0;
  std::uint64_t paused_handshakes_max = 0;
  std::uint64_t ended_tls_records_per_second_max = 0;
  std::uint64_t timed_out_handshake_deadline = 0;
  std::uint64_t timed_out_head_deadline = 0;
  std::uint64_t timed_out_body_deadline = 0;
  std::uint64_t timed_out_handler_deadline = 0;
  std::uint64_t timed_out_blocking_queue_deadline = 0;
  std::uint64_t timed_out_write_deadline = 0;
  std::uint64_t timed_out_idle_deadline = 0;
  std::uint64_t timed_out_linger_deadline = 0;
  std::uint64_t timed_out_upgraded_idle_deadline = 0;
  std::uint64_t too_slow_body_rate_min = 0;
  std::uint64_t too_slow_write_rate_min = 0;
  std::uint64_t linger_bytes_max_reached = 0;
  std::uint64_t upgraded = 0;               // streams handed over after 101
  std::uint64_t held_loop_hold_max = 0;     // runs of handlers that were longer
  std::uint64_t handlers_failed = 0;        // threw, or made an answer that may not be sent
  std::uint64_t late_results = 0;           // coroutines that answered after their deadline
  std::uint64_t input_buffers_refused = 0;  // no memory to keep a partial request: closed
};

// One answered request, for logs and metrics. Views live during the call.
struct access_record {
  std::string_view method;
  std::string_view target;   // as sent; "" when the head was refused before it was known
  std::string_view pattern;  // of the route: a bounded set, unlike targets
  status_code status = 0;
  std::uint64_t response_bytes = 0;  // of the body
  time_ns duration_ns = 0;           // from the complete head to the end of the answer
  const address* peer = nullptr;
};

// One run of a handler that was longer than `limits::loop_hold_max`. The view lives as long as the
// routes.
struct hold_record {
  std::string_view pattern;  // of the route
  time_ns held_ns = 0;       // to some milliseconds
};

struct server_options {
  limits bounds;
  std::string_view server_field = "weir";  // of the Server field; "" leaves it out
  // What protects the connections of listen_secure(), on this server's scheduler: see
  // weir/tls/server_security.hpp. It outlives the server. Null: there are no secure connections.
  runtime::stream_security* security = nullptr;
  // Shared by the servers of a process; null: this server has its own.
  admission* shared = nullptr;
  // Told of each answer, on the server's scheduler. It may not wait or throw.
  void (*observe)(void* context, const access_record& record) noexcept = nullptr;
  // Told of each handler that held the loop, likewise, with the same context.
  void (*observe_hold)(void* context, const hold_record& record) noexcept = nullptr;
  void* observe_context = nullptr;
  // Told that this server exists, has started, and drains; outlives it. May be null.
  health* tells = nullptr;
  // Simulator only: how long each blocking handler takes; never_ns: it is stuck.
  time_ns virtual_blocking_ns = 0;
};

struct drain_report {
  std::uint32_t drained = 0;  // connections open when the drain began that ended in order
  std::uint32_t forced = 0;   // connections that were reset at drain_timeout
  // Blocking handlers that had not returned at drain_timeout. Their threads run on, detached: see
  // blocking.hpp for what has to live until they end.
  std::uint32_t abandoned = 0;
};

class WEIR_EXPORT server {
 public:
  // `handlers` and `on` outlive the server.
  server(runtime::scheduler& on, const routes& handlers,
         const server_options& options = server_options());
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  // Before the end the server is stopped, or never started (asserted).
  ~server();

  // Binds an address; port 0 takes a free one. Returns what was bound. Errors: those of
  // net::listener::open(), and what is wrong with the limits.
  result<address> listen(const address& at, net::port_use use = net::port_use::alone);
  // Parses and binds: "127.0.0.1:8080", "[::1]:0", "unix:/path".
  result<address> listen(std::string_view at, net::port_use use = net::port_use::alone);

  // As listen(), for connections that are protected by server_options::security: https. A peer that
  // speaks plain HTTP there is told 400, and nothing more. errc::invalid without a security. At a
  // limit connections are closed before their handshake: a 503 would cost what there is too little
  // of.
  result<address> listen_secure(const address& at, net::port_use use = net::port_use::alone);
  result<address> listen_secure(std::string_view at, net::port_use use = net::port_use::alone);

  // What this server accepts goes to `others` and itself in turn, each on its own scheduler and
  // thread: for systems that do not spread connections over shared ports (all but Linux). Before
  // start(). The others are started first, share this one's `admission`, have a security if this
  // one has, and live until this one is stopped; one that drains is passed over.
  void spread_to(std::span<server* const> others);

  // Begins to accept. `told` (may be null) is called once, on the scheduler, when a drain has
  // ended. After an error (errc::limit: no frame) what had begun is drained: `told` is called here
  // too, and the server lives until then; only errc::invalid, started twice, did nothing. For hosts
  // that drive the scheduler themselves and use no coroutines.
  using on_stopped = void (*)(void* context, const drain_report& report) noexcept;
  error start(on_stopped told = nullptr, void* context = nullptr);

  // start(), then waits until a drain has ended. Errors: those of start(), once all is unwound.
  runtime::task<result<drain_report>> serve();

  // Asks for a drain. Any thread; before start, twice and after the end are all normal.
  void drain() noexcept;

  bool stopped() const noexcept;
  std::uint32_t connections() const noexcept;
  const server_counters& counters() const noexcept;
  // Of the pool of blocking handlers: among them who was abandoned, and results that came too late.
  runtime::offload_counters blocking() const noexcept;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace weir::http
