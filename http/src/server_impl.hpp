// http/server_impl.hpp - a server from inside: who listens, who is connected, how it ends.
//
// server.cpp accepts and drains, server_connection.cpp runs one connection after another. One
// thread, but for the door and `asked`.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include <weir/http/server.hpp>
#include <weir/net/listener.hpp>
#include <weir/net/socket_stream.hpp>
#include <weir/runtime/nursery.hpp>
#include <weir/runtime/waits.hpp>

#include "admission.hpp"
#include "connection.hpp"
#include "server_hand_over.hpp"
#include "service.hpp"

namespace weir::http {

// Connections that are told 503 at one time. Beyond it they are reset: turning peers away is a
// kindness that may not become the load.
inline constexpr std::uint32_t shedding_max = 64;

inline constexpr std::uint32_t listeners_max = 64;

// A connection while it is served, in the list that a drain walks.
struct live_connection {
  connection* served = nullptr;
  net::socket_stream* stream = nullptr;
  bool handshaking = false;
  live_connection* next = nullptr;
  live_connection** link = nullptr;

  void enter(live_connection*& first) noexcept {
    next = first;
    link = &first;
    if (next != nullptr) next->link = &next;
    first = this;
  }
  void leave() noexcept {
    *link = next;
    if (next != nullptr) next->link = link;
  }
};

struct server::impl {
  struct listening {
    std::unique_ptr<net::listener> door;
    bool secure = false;
  };

  impl(runtime::scheduler& on, const routes& handlers, const server_options& with)
      : loop(on),
        own(with.shared == nullptr ? std::make_unique<admission>(with.bounds) : nullptr),
        shared(with.shared == nullptr ? *own : *with.shared),
        common(on, handlers, with, shared),
        scope(on.root(), "server"),
        acceptors(scope, "listeners", listeners_max, runtime::nursery::on_failure::carry_on),
        connections(scope, "connections", connections_bound(with.bounds),
                    runtime::nursery::on_failure::carry_on),
        handshakes(with.bounds.handshakes_max, connections_bound(with.bounds)) {}

  static std::uint32_t connections_bound(const limits& bounds) noexcept {
    const std::uint32_t most = ~std::uint32_t{0};
    return bounds.connections_max < most - shedding_max ? bounds.connections_max + shedding_max
                                                        : most;
  }

  struct drain_request final : runtime::posted_job {
    explicit drain_request(impl* i) noexcept : posted_job(&run_it), of(i) {}
    static void run_it(posted_job& job) noexcept {
      static_cast<drain_request&>(job).of->on_drain_asked();
    }
    impl* of;
  };

  error begin(on_stopped tell, void* context) noexcept;
  void ask_to_drain() noexcept;
  void on_drain_asked() noexcept;
  result<address> listen(const address& at, net::port_use use, bool secure);
  runtime::task<error> accept_from(const listening& from);
  void place(const arrival& what) noexcept;
  void admit(const arrival& what) noexcept;
  static void take(void* self, const arrival& what) noexcept {
    static_cast<impl*>(self)->admit(what);
  }
  void shed(const arrival& what) noexcept;
  // How one connection is run and ended: server_connection.cpp.
  runtime::task<error> run_connection(platform::native_socket accepted, peer_address peer,
                                      bool secure);
  runtime::task<error> secure(net::socket_stream& stream,
                              std::unique_ptr<runtime::secured_stream>& over);
  runtime::task<error> shake(net::socket_stream& stream,
                             std::unique_ptr<runtime::secured_stream>& over);
  runtime::task<error> end(net::socket_stream& stream, runtime::secured_stream* over, ending how);
  void end_at_once(net::socket_stream& stream, ending how) noexcept;
  runtime::task<error> end_secured(runtime::secured_stream& over, ending how);
  ending end_below(const runtime::secured_stream& over, ending how) noexcept;
  runtime::task<error> turn_away(net::accepted who);
  void say_last(net::socket_stream& stream, const refusal_kind& what) noexcept;
  runtime::task<error> linger(net::socket_stream& stream);
  void count_closed() noexcept;
  std::uint32_t open_connections() const noexcept;
  runtime::task<error> run_drain();
  runtime::task<error> until_no_connection();
  runtime::task<error> until_no_blocking_handler();
  void end_at_once() noexcept;
  void finish(const drain_report& with) noexcept;

  runtime::scheduler& loop;
  std::unique_ptr<admission> own;
  admission& shared;
  service common;
  runtime::scope scope;
  std::vector<listening> listeners;
  runtime::nursery acceptors;
  runtime::nursery connections;
  runtime::semaphore handshakes;  // steps of them that are computed at one time
  live_connection* live = nullptr;
  runtime::event last_closed;  // set whenever no connection is left
  runtime::event ended;
  std::uint32_t shedding = 0;
  bool started = false;
  bool without_order = false;  // no frame could be had for a drain
  drain_report report;
  on_stopped told = nullptr;
  void* told_context = nullptr;
  hand_over_door door{loop, &impl::take, this};
  std::vector<impl*> others;   // who take turns with this server at what it accepts
  std::size_t next_other = 0;  // others.size(): it is this server's turn
  drain_request asked_job{this};
  std::atomic<bool> asked{false};
};

}  // namespace weir::http
