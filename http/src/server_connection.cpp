// http/server_connection.cpp - one connection of a server, from its socket to its end.
#include <utility>

#include <weir/net/linger.hpp>
#include <weir/platform/assert.hpp>
#include <weir/runtime/within.hpp>

#include "server_impl.hpp"

namespace weir::http {

namespace {

// A child, so that it can be put under a deadline.
runtime::task<error> until_readable(net::socket_stream& stream) {
  const error why = co_await runtime::readable(stream);
  co_return why;
}

}  // namespace

// One connection as one coroutine: while it is idle its frame is all there is of it. So it says
// little itself: each await has room in the frame, whether it is passed or not.
runtime::task<error> server::impl::run_connection(platform::native_socket accepted,
                                                  peer_address peer, bool is_secure) {
  result<platform::socket_id> socket = net::socket_stream::adopt(loop, accepted);
  if (socket.ok()) {
    net::socket_stream stream(loop, socket.value());
    live_connection entry{nullptr, &stream};
    entry.enter(live);
    std::unique_ptr<runtime::secured_stream> secured;
    if (is_secure) {
      entry.handshaking = true;
      const error refused = co_await secure(stream, secured);
      static_cast<void>(refused);  // then there is nothing over the stream, which has ended
      entry.handshaking = false;
    }
    if (!is_secure || secured != nullptr) {
      runtime::byte_stream& over =
          is_secure ? static_cast<runtime::byte_stream&>(*secured) : stream;
      connection served(common, over, peer);
      entry.served = &served;
      runtime::scope& here = co_await runtime::this_scope();
      for (;;) {
        const connection::next what = served.advance(here);
        if (what == connection::next::end) break;
        if (what == connection::next::wait_readable) {
          runtime::readable ready(over);
          served.begin_wait(ready);
          const error why = co_await ready;
          served.end_wait(why, ready.waited());
        } else {
          const error why = co_await served.work();
          static_cast<void>(why);  // advance() knows
        }
      }
      entry.served = nullptr;
      if (is_secure || served.how() == ending::linger) {
        const error unheard = co_await end(stream, secured.get(), served.how());
        static_cast<void>(unheard);  // the peer is gone, or does not read
      } else {
        end_at_once(stream, served.how());
      }
    }
    entry.leave();
  }
  shared.inside().leave(peer.get());
  count_closed();
  co_return error{};
}

// -- inside TLS --

// The handshake, all of it under one deadline from accept. An error: there was none, `over` is null
// and `stream` is ended.
runtime::task<error> server::impl::secure(net::socket_stream& stream,
                                          std::unique_ptr<runtime::secured_stream>& over) {
  const error why = co_await shake(stream, over);
  if (!why) {
    ++common.counters.handshakes;
    co_return why;
  }
  server_counters& counters = common.counters;
  ++counters.handshakes_failed;
  runtime::secured_end how = runtime::secured_end::other;
  if (over != nullptr) {
    how = over->ended_by();
    const error abandoned = co_await over->abandon();
    static_cast<void>(abandoned);  // a worker that is stuck has what it needs
    over.reset();
  }
  if (why == errc::cancelled) {  // a drain
    stream.reset();
    ++counters.connections_reset;
    co_return why;
  }
  if (why == errc::timed_out) {
    ++counters.timed_out_handshake_deadline;
    stream.close();
    co_return why;
  }
  if (how == runtime::secured_end::spoken_to_plainly) say_last(stream, problems::plain_http);
  const error lingered = co_await linger(stream);  // so that it, or an alert, can be read
  static_cast<void>(lingered);
  co_return why;
}

runtime::task<error> server::impl::shake(net::socket_stream& stream,
                                         std::unique_ptr<runtime::secured_stream>& over) {
  const time_ns due_ns = due_after(loop.now_ns(), common.bounds.handshake_deadline);
  // A session costs memory: none is made before there is something to answer.
  const error silent =
      co_await runtime::within(due_ns, "handshake_deadline", until_readable(stream));
  if (silent) co_return silent;
  const runtime::secured_limits bounds{&handshakes, &common.counters.paused_handshakes_max,
                                       common.bounds.tls_records_per_second_max};
  result<std::unique_ptr<runtime::secured_stream>> made =
      common.options.security->secure(stream, bounds);
  if (!made.ok()) co_return made.why();
  over = std::move(made).value();
  const error why = co_await over->handshake(due_ns);
  co_return why;
}

// Before the connection itself ends: what waits, and close_notify (RFC 9112 9.8).
runtime::task<error> server::impl::end_secured(runtime::secured_stream& over, ending how) {
  if (how == ending::reset) {
    const error why = co_await over.abandon();
    co_return why;
  }
  const time_ns due_ns = due_after(loop.now_ns(), common.bounds.linger_deadline);
  const error why = co_await over.finish(due_ns);
  if (why == errc::timed_out) ++common.counters.timed_out_linger_deadline;
  co_return why;
}

// How the socket below a session ends, which itself has ended.
ending server::impl::end_below(const runtime::secured_stream& over, ending how) noexcept {
  switch (over.ended_by()) {
    case runtime::secured_end::other: break;
    case runtime::secured_end::truncated: ++common.counters.sessions_truncated; break;
    case runtime::secured_end::tls_records_per_second_max:
      ++common.counters.ended_tls_records_per_second_max;
      break;
    case runtime::secured_end::failed:
      ++common.counters.sessions_failed;
      return ending::linger;                                           // there was an alert
    case runtime::secured_end::spoken_to_plainly: WEIR_ASSERT(false);  // in the handshake alone
  }
  // Who was told by close_notify answers with his own: that may not meet a closed socket.
  return how == ending::close ? ending::linger : how;
}

// -- ending --

// What is said before the end, and the end. `over`: the session over the stream, if there is one.
runtime::task<error> server::impl::end(net::socket_stream& stream, runtime::secured_stream* over,
                                       ending how) {
  if (over != nullptr) {
    const error unsaid = co_await end_secured(*over, how);
    static_cast<void>(unsaid);  // the peer is gone, or does not read
    how = end_below(*over, how);
  }
  if (how != ending::linger) {
    end_at_once(stream, how);
    co_return error{};
  }
  const error lingered = co_await linger(stream);
  co_return lingered;
}

void server::impl::end_at_once(net::socket_stream& stream, ending how) noexcept {
  if (how == ending::close) return stream.close();
  ++common.counters.connections_reset;
  stream.reset();
}

// Ends a stream so that its last answer can be read, and counts the bounds that were reached.
runtime::task<error> server::impl::linger(net::socket_stream& stream) {
  const net::linger_limits bounds{common.bounds.linger_deadline, common.bounds.linger_bytes_max};
  const result<net::linger_end> end = co_await net::linger_close(loop, stream, bounds);
  if (!end.ok()) co_return end.why();
  if (end.value() == net::linger_end::timed_out) ++common.counters.timed_out_linger_deadline;
  if (end.value() == net::linger_end::too_much) ++common.counters.linger_bytes_max_reached;
  co_return error{};
}

std::uint32_t server::impl::open_connections() const noexcept {
  const server_counters& counted = common.counters;
  return static_cast<std::uint32_t>(counted.connections_accepted - counted.connections_closed);
}

void server::impl::count_closed() noexcept {
  ++common.counters.connections_closed;
  if (open_connections() == 0) last_closed.set();
}

// An answer to a connection of which no request was read.
void server::impl::say_last(net::socket_stream& stream, const refusal_kind& what) noexcept {
  char text[2'048];
  const response answer = problem_response(what);
  response_context context;
  context.keep_alive = false;
  context.date = common.dates.at(loop.poller().unix_seconds());
  context.server = common.options.server_field;
  const result<encoded_head> head = encode_head(answer, context, text);
  if (!head.ok()) return;
  const byte_view parts[] = {as_bytes({text, head.value().bytes}), as_bytes(answer.body())};
  // A fresh connection takes this much; if it does not, there is nobody to tell.
  const result<std::size_t> sent = stream.try_write(parts);
  if (sent.ok()) common.counters.bytes_sent += sent.value();
  ++(what.status < 500 ? common.counters.responses_4xx : common.counters.responses_5xx);
}

// 503 and an orderly close, without reading a request: at a limit that is all there is to give.
runtime::task<error> server::impl::turn_away(net::accepted who) {
  result<platform::socket_id> socket = net::socket_stream::adopt(loop, who.socket);
  if (socket.ok()) {
    net::socket_stream stream(loop, socket.value());
    live_connection entry{nullptr, &stream};
    entry.enter(live);
    say_last(stream, problems::overloaded);
    const error lingered = co_await linger(stream);
    static_cast<void>(lingered);
    entry.leave();
  }
  --shedding;
  count_closed();
  co_return error{};
}

}  // namespace weir::http
