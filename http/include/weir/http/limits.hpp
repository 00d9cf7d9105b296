// http/limits.hpp - every limit and deadline of the server, by name, with the default that is on.
//
// A maintainer must not break: zero never means "no limit" (validate() refuses it; switching a
// limit off is written `limits::unbounded`), and a new field goes into `limit_fields` too. The
// table is where flags, help and documentation come from; an assertion at the end counts it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/platform/time.hpp>

namespace weir::http {

// Bounds of one server. A plain value: copy it, change fields, give it to the server, which calls
// validate() and keeps its own copy. Deadlines are spans in nanoseconds from the event named.
struct limits {
  // "No limit", written out: converts to the largest value of the field it is assigned to. Fields
  // that size memory or a system call do not accept it (`limit_field::unbounded_ok`).
  struct unbounded_t {
    constexpr operator std::uint64_t() const noexcept { return ~std::uint64_t{0}; }
    constexpr operator std::uint32_t() const noexcept { return ~std::uint32_t{0}; }
    constexpr operator time_ns() const noexcept { return never_ns; }
  };
  static constexpr unbounded_t unbounded{};

  // -- sizes, in bytes --

  // Request line and header section, first byte of the method to the last CRLF. Past it: 431.
  std::uint64_t head_bytes_max = 32 * 1024;
  // The request-target alone. Past it: 414. RFC 9112 3 asks for request lines of 8,000 at least.
  std::uint64_t target_bytes_max = 8 * 1024;
  // A body, declared or summed over chunks. Past it: 413, before the first byte where possible.
  std::uint64_t body_bytes_max = 1024 * 1024;
  // A chunk-size line without its CRLF. Past it: 400. Bounds what one chunk may cost.
  std::uint64_t chunk_line_bytes_max = 256;
  // Chunk extensions of one body together: one byte of data may not hide behind many of these.
  std::uint64_t chunk_extension_bytes_max = 16 * 1024;
  // The trailer section of one chunked body, its last CRLF included. Past it: 431.
  std::uint64_t trailer_bytes_max = 8 * 1024;
  // Answers queued for one peer that does not read; past it no further request is started.
  std::uint64_t response_queue_bytes_max = 1024 * 1024;
  // Unread request bytes discarded after the last answer, so that the peer can read that answer.
  std::uint64_t linger_bytes_max = 256 * 1024;
  // Slowest body accepted, bytes a second, after `rate_grace`. Below it: 408 and close.
  std::uint64_t body_rate_min = 240;
  // Slowest reader accepted, bytes a second, after `rate_grace`, while bytes are queued.
  std::uint64_t write_rate_min = 240;

  // -- deadlines, in nanoseconds --

  // From accept (on a kept connection: the first byte) to the end of the head. Then 408.
  time_ns head_deadline = 10 * second_ns;
  // From the head to the last body byte, for bodies that are buffered for the handler. Then 408.
  time_ns body_deadline = 30 * second_ns;
  // From the start of a handler to its response head. Then 504.
  time_ns handler_deadline = 30 * second_ns;
  // Longest run of a handler on the loop before it waits or returns. What runs longer is counted
  // and told with its route (server_options::observe_hold): all other connections have stood still.
  time_ns loop_hold_max = 50 * millisecond_ns;
  // Longest wait of a request for a worker of the pool of blocking handlers. Then 503 with
  // Retry-After: the handler has not run, and by then its peer may do better elsewhere.
  time_ns blocking_queue_deadline = 5 * second_ns;
  // Longest time without a byte of progress while answers are queued. Then the connection ends.
  time_ns write_deadline = 10 * second_ns;
  // Longest time a kept connection waits for its next request. Then a silent close.
  time_ns idle_deadline = 15 * second_ns;
  // Longest time without a byte in either direction once a handler has taken over the stream. Then
  // what it awaits fails, and the connection ends.
  time_ns upgraded_idle_deadline = 60 * second_ns;
  // From accept to the end of the TLS handshake, however it is dripped. Then a close.
  time_ns handshake_deadline = 10 * second_ns;
  // From the end of `drain_delay` to force-close of what is still open.
  time_ns drain_timeout = 5 * second_ns;
  // Requests are still served this long after a drain was asked for. Zero is meant: no delay.
  time_ns drain_delay = 0;
  // How long the unread rest is discarded after the last answer.
  time_ns linger_deadline = 2 * second_ns;
  // Time before `body_rate_min` and `write_rate_min` are held against a peer.
  time_ns rate_grace = 5 * second_ns;

  // -- counts --

  // Field lines of one head. Past it: 431.
  std::uint32_t header_fields_max = 100;
  // Field lines of one trailer section. Past it: 431.
  std::uint32_t trailer_fields_max = 32;
  // Requests of one connection taken up before their predecessors are answered.
  std::uint32_t pipelined_requests_max = 64;
  // Requests served on one connection; the last one carries `Connection: close`.
  std::uint32_t requests_per_connection_max = 1'000;
  // Connections of the process; past it one is told 503 with Retry-After, and closed.
  std::uint32_t connections_max = 10'000;
  // Connections of one peer address. By default what `connections_max` is.
  std::uint32_t connections_per_peer_max = connections_max;
  // Requests with a running handler, all connections together. Past it: 503 with Retry-After.
  std::uint32_t requests_in_flight_max = 4'096;
  // Threads that run blocking handlers, for each server (of `weir serve`: each thread). They are
  // started as they are needed. Abandoned ones count until their handlers return.
  std::uint32_t blocking_workers_max = 16;
  // Requests that wait for such a worker. Past it: 503 with Retry-After.
  std::uint32_t blocking_queue_max = 256;
  // Connections the system queues before accept.
  std::uint32_t accept_backlog = 1'024;
  // Steps of TLS handshakes that are computed or queued for it, for each server (of `weir serve`:
  // each thread): each costs a millisecond of CPU. A peer that stalls holds none. Past it one
  // waits.
  std::uint32_t handshakes_max = 64;
  // TLS records of less than 512 bytes that one connection may send in a second: they cost CPU out
  // of proportion. Past it the connection is cut.
  std::uint32_t tls_records_per_second_max = 10'000;

  // Threads are memory and table entries of the system: more than this many are no pool.
  static constexpr std::uint32_t blocking_workers_hard_max = 1'024;

  // No error, or the first field that is zero, negative, too large, or contradicts another:
  // `error::where` is the field's name.
  WEIR_EXPORT error validate() const noexcept;

  friend bool operator==(const limits&, const limits&) = default;
};

enum class limit_kind : std::uint8_t {
  duration,  // nanoseconds; written with a unit: 250ms, 4s
  bytes,     // written plain or with a unit: 64KiB, 1MiB
  rate,      // bytes a second
  count,
};

// One field of `limits`, described for flags and documentation. Exactly one member pointer is set:
// `duration` for durations, `bytes` for bytes and rates, `count` for counts.
struct limit_field {
  std::string_view name;  // as in `limits`; the flag is the same with dashes
  limit_kind kind = limit_kind::count;
  std::string_view help;  // one line, no full stop
  time_ns limits::* duration = nullptr;
  std::uint64_t limits::* bytes = nullptr;
  std::uint32_t limits::* count = nullptr;
  bool zero_ok = false;
  bool unbounded_ok = true;
  // Unless it is set itself, the field follows this one (one copy after parsing the flags).
  std::uint32_t limits::* follows = nullptr;
};

namespace detail {
constexpr limit_field duration_field(std::string_view name, time_ns limits::* at,
                                     std::string_view help, bool zero_ok = false,
                                     bool unbounded_ok = true) {
  return {name, limit_kind::duration, help, at, nullptr, nullptr, zero_ok, unbounded_ok, nullptr};
}
constexpr limit_field bytes_field(std::string_view name, std::uint64_t limits::* at,
                                  std::string_view help, bool unbounded_ok = true,
                                  limit_kind kind = limit_kind::bytes) {
  return {name, kind, help, nullptr, at, nullptr, false, unbounded_ok, nullptr};
}
constexpr limit_field count_field(std::string_view name, std::uint32_t limits::* at,
                                  std::string_view help, bool unbounded_ok = true,
                                  std::uint32_t limits::* follows = nullptr) {
  return {name, limit_kind::count, help, nullptr, nullptr, at, false, unbounded_ok, follows};
}
}  // namespace detail

// Every field of `limits`, in the order in which help lists them.
inline constexpr auto limit_fields = std::to_array<limit_field>({
    detail::bytes_field("head_bytes_max", &limits::head_bytes_max,
                        "request line and header section; past it 431", false),
    detail::count_field("header_fields_max", &limits::header_fields_max,
                        "field lines of a head; past it 431", false),
    detail::bytes_field("target_bytes_max", &limits::target_bytes_max,
                        "request-target; past it 414", false),
    detail::bytes_field("body_bytes_max", &limits::body_bytes_max, "request body; past it 413"),
    detail::bytes_field("chunk_line_bytes_max", &limits::chunk_line_bytes_max,
                        "a chunk-size line with its extensions; past it 400"),
    detail::bytes_field("chunk_extension_bytes_max", &limits::chunk_extension_bytes_max,
                        "chunk extensions of one body together; past it 400"),
    detail::bytes_field("trailer_bytes_max", &limits::trailer_bytes_max,
                        "trailer section; past it 431", false),
    detail::count_field("trailer_fields_max", &limits::trailer_fields_max,
                        "field lines of a trailer section; past it 431", false),
    detail::count_field("pipelined_requests_max", &limits::pipelined_requests_max,
                        "requests taken up before their predecessors are answered"),
    detail::count_field("requests_per_connection_max", &limits::requests_per_connection_max,
                        "requests served on one connection"),
    detail::count_field("connections_max", &limits::connections_max,
                        "connections; past it 503 and an orderly close"),
    detail::count_field("connections_per_peer_max", &limits::connections_per_peer_max,
                        "connections of one peer address; as connections_max unless set", true,
                        &limits::connections_max),
    detail::count_field("requests_in_flight_max", &limits::requests_in_flight_max,
                        "requests with a running handler; past it 503"),
    detail::count_field("blocking_workers_max", &limits::blocking_workers_max,
                        "threads for blocking handlers, for each loop", false),
    detail::count_field("blocking_queue_max", &limits::blocking_queue_max,
                        "requests that wait for such a thread; past it 503"),
    detail::bytes_field("response_queue_bytes_max", &limits::response_queue_bytes_max,
                        "answers queued for one connection; past it reading pauses"),
    detail::duration_field("head_deadline", &limits::head_deadline,
                           "from accept, or the first byte, to the end of the head; then 408"),
    detail::duration_field("body_deadline", &limits::body_deadline,
                           "from the head to the end of a buffered body; then 408"),
    detail::duration_field("handler_deadline", &limits::handler_deadline,
                           "from the start of a handler to its response head; then 504"),
    detail::duration_field("loop_hold_max", &limits::loop_hold_max,
                           "longest run of a handler without waiting; past it counted and logged"),
    detail::duration_field("blocking_queue_deadline", &limits::blocking_queue_deadline,
                           "longest wait for a worker of the blocking handlers; then 503"),
    detail::duration_field("write_deadline", &limits::write_deadline,
                           "longest stall while answers are queued"),
    detail::duration_field("idle_deadline", &limits::idle_deadline,
                           "longest wait of a kept connection for its next request"),
    detail::duration_field("upgraded_idle_deadline", &limits::upgraded_idle_deadline,
                           "longest time without a byte either way after an upgrade"),
    detail::duration_field("handshake_deadline", &limits::handshake_deadline,
                           "from accept to the end of the TLS handshake; then a close"),
    detail::duration_field("drain_timeout", &limits::drain_timeout,
                           "from the end of drain_delay to force-close"),
    // Not unbounded: a drain that never begins never ends.
    detail::duration_field("drain_delay", &limits::drain_delay,
                           "how long requests are still served after a drain was asked for", true,
                           false),
    detail::duration_field("linger_deadline", &limits::linger_deadline,
                           "how long the unread rest is discarded after the last answer"),
    detail::bytes_field("linger_bytes_max", &limits::linger_bytes_max,
                        "unread bytes discarded after the last answer"),
    detail::bytes_field("body_rate_min", &limits::body_rate_min,
                        "slowest body accepted, bytes a second after rate_grace", false,
                        limit_kind::rate),
    detail::bytes_field("write_rate_min", &limits::write_rate_min,
                        "slowest reader accepted, bytes a second after rate_grace", false,
                        limit_kind::rate),
    detail::duration_field("rate_grace", &limits::rate_grace,
                           "time before the two minimum rates are held against a peer"),
    detail::count_field("accept_backlog", &limits::accept_backlog,
                        "connections the system queues before accept", false),
    detail::count_field("handshakes_max", &limits::handshakes_max,
                        "steps of TLS handshakes computed at once, for each loop"),
    detail::count_field("tls_records_per_second_max", &limits::tls_records_per_second_max,
                        "small TLS records of one connection in a second; past it a cut"),
});

namespace detail {
constexpr std::size_t bytes_described() {
  std::size_t sum = 0;
  for (const limit_field& field : limit_fields) sum += field.count != nullptr ? 4 : 8;
  return sum;
}
}  // namespace detail
static_assert(
    detail::bytes_described() == sizeof(limits),
    "a field of limits is missing in limit_fields (keep the count fields an even number)");

}  // namespace weir::http
