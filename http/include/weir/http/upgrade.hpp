// http/upgrade.hpp - leaving HTTP: what a handler talks through once it has taken over the stream
// (RFC 9110 7.8).
//
//   runtime::task<error> echo(exchange& x) {
//     if (!x.asks_for("echo")) {  // no Upgrade, or to something else
//       response refusal = problem_response(problems::upgrade_required);
//       refusal.offer_upgrade("echo");
//       const error sent = co_await x.send(std::move(refusal));
//       co_return sent;
//     }
//     response fields(101);                          // Sec-WebSocket-Accept and the like go here
//     const result<upgraded_stream*> switched = co_await x.upgrade("echo", std::move(fields));
//     if (!switched.ok()) co_return switched.why();
//     upgraded_stream& wire = *switched.value();
//     for (;;) {
//       const result<std::string_view> got = co_await wire.read();
//       if (!got.ok()) co_return got.why();
//       if (got.value().empty()) co_return error{};  // the peer has ended its side
//       const error wrote = co_await wire.write(got.value());
//       if (wrote) co_return wrote;
//     }
//   }
//
// What goes on to hold: the connection counts against connections_max and its handler against
// requests_in_flight_max; what is written is held to write_deadline and write_rate_min; and without
// a byte in either direction for `limits::upgraded_idle_deadline` everything the handler awaits
// fails with errc::timed_out. The bounds of HTTP (heads, bodies, requests) end with it.
//
// How it ends: when the handler returns, whatever it returns, what it wrote is sent and the stream
// is closed so that the peer can read it. After an exception, or when the stream broke, it is
// reset.
//
// Drain: the handler is told once, by errc::cancelled from the read() that waits or would wait. It
// may still write its goodbye, and read the peer's; at `drain_timeout` the stream is reset.
#pragma once

#include <cstddef>
#include <string_view>

#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/runtime/byte_stream.hpp>
#include <weir/runtime/task.hpp>

namespace weir::http {

class conversation;

// The stream of one connection, in both directions. Lives until the handler's task ends; on the
// server's scheduler only. One task may read while another writes, both inside the handler: two
// that read, or two that write, are refused (errc::invalid).
class WEIR_EXPORT upgraded_stream {
 public:
  upgraded_stream(conversation& of, runtime::scope& in) noexcept;
  upgraded_stream(const upgraded_stream&) = delete;
  upgraded_stream& operator=(const upgraded_stream&) = delete;

  // The next bytes, first those that came behind the request's head; empty once the peer has ended
  // its side, which it does not take back. The view lives until the next read(). Errors:
  // errc::cancelled (a drain, once; or the end of it), errc::timed_out, errc::reset, errc::limit
  // (no buffer).
  runtime::task<result<std::string_view>> read();
  // Returns once the bytes are on their way or copied: they may be reused then. Waits while the
  // peer reads more slowly than the handler writes. Errors: errc::timed_out (below write_rate_min,
  // or no progress for write_deadline), errc::reset, errc::broken_pipe.
  runtime::task<error> write(std::string_view bytes);

 private:
  friend class conversation;
  runtime::task<result<std::string_view>> next_bytes();
  runtime::task<error> write_pieces(std::string_view bytes);
  void on_drain() noexcept;
  void renew() noexcept;

  conversation& talk_;
  runtime::scope& scope_;  // the handler's: carries upgraded_idle_deadline
  runtime::readable* waiting_ = nullptr;
  std::size_t looked_at_ = 0;  // of the input, by the caller of read()
  bool reading_ = false;
  bool writing_ = false;
  bool ended_ = false;      // by the peer, in order
  bool drain_due_ = false;  // to be told
};

}  // namespace weir::http
