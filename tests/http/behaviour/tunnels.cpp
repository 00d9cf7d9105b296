// behaviour/tunnels.cpp - routes whose handlers leave HTTP for a protocol called "echo".
//
//   GET, POST /tunnel    what comes goes back; "bye" at a drain, and then what comes until the end
//   GET /tunnel-throws   throws at the first bytes
//   GET /tunnel-split    has a field with CR LF in it: must not be sent
//   GET /tunnel-late     asks for its upgrade once the gate is open
//   GET /tunnel-both     writes pattern(both_bytes) while it reads, and says how much it read
//   GET /tunnel-flood    writes pattern(large_bytes), and never reads
//   GET /tunnel-twice    reads in two tasks at one time, and says what the second was told
#include <weir/http/problem.hpp>
#include <weir/runtime/nursery.hpp>
#include <weir/runtime/scheduler.hpp>
#include <weir/runtime/waits.hpp>

#include "behaviour/routes.hpp"

namespace weir::http::behaviour {
namespace {

using runtime::task;

class tunnel_mark {
 public:
  explicit tunnel_mark(route_state& of) noexcept : of_(of) { ++of_.tunnels_begun; }
  tunnel_mark(const tunnel_mark&) = delete;
  tunnel_mark& operator=(const tunnel_mark&) = delete;
  ~tunnel_mark() { ++of_.tunnels_ended; }

 private:
  route_state& of_;
};

task<result<upgraded_stream*>> take_over(exchange& x) {
  if (!x.asks_for("echo")) {
    response refusal = problem_response(problems::upgrade_required);
    refusal.offer_upgrade("echo");
    const error sent = co_await x.send(std::move(refusal));
    static_cast<void>(sent);
    co_return error(errc::invalid, "not asked for");
  }
  response fields(101);
  fields.header("X-Tunnel", "yes");
  const result<upgraded_stream*> wire = co_await x.upgrade("echo", std::move(fields));
  co_return wire;
}

task<error> echo(exchange& x, route_state& state) {
  const result<upgraded_stream*> got_wire = co_await take_over(x);
  if (!got_wire.ok()) co_return got_wire.why();
  const tunnel_mark mark(state);
  upgraded_stream& wire = *got_wire.value();
  for (;;) {
    const result<std::string_view> got = co_await wire.read();
    const bool told = !got.ok() && got.why() == errc::cancelled && state.tunnels_told == 0;
    if (told) ++state.tunnels_told;
    if (!got.ok() && !told) co_return got.why();
    if (got.ok() && got.value().empty()) co_return error{};
    const std::string_view back = told ? "bye" : got.value();
    const error wrote = co_await wire.write(back);
    if (wrote) co_return wrote;
  }
}

task<error> throws(exchange& x, route_state& state) {
  const result<upgraded_stream*> wire = co_await take_over(x);
  if (!wire.ok()) co_return wire.why();
  const tunnel_mark mark(state);
  const result<std::string_view> got = co_await wire.value()->read();
  if (!got.ok()) co_return got.why();
  throw 1;
}

task<error> split(exchange& x) {
  response fields(101);
  fields.header("X-Split", "a\r\nInjected: yes");
  const result<upgraded_stream*> wire = co_await x.upgrade("echo", std::move(fields));
  co_return wire.why();
}

task<error> late(exchange& x, route_state& state) {
  ++state.at_gate;
  error slept;
  while (!state.gate_open && !slept) {
    slept = co_await runtime::sleep_until(x.loop().now_ns() + millisecond_ns);
  }
  --state.at_gate;
  if (slept) co_return slept;
  const error done = co_await echo(x, state);
  co_return done;
}

task<error> write_all(upgraded_stream& wire, std::size_t bytes) {
  const std::string_view all = pattern(bytes);
  constexpr std::size_t piece_bytes = 50'000;
  for (std::size_t at = 0; at < bytes; at += piece_bytes) {
    const error wrote = co_await wire.write(all.substr(at, piece_bytes));
    if (wrote) co_return wrote;
  }
  co_return error{};
}

task<result<std::size_t>> read_all(upgraded_stream& wire) {
  std::size_t bytes = 0;
  for (;;) {
    const result<std::string_view> got = co_await wire.read();
    if (!got.ok()) co_return got.why();
    if (got.value().empty()) co_return bytes;
    bytes += got.value().size();
  }
}

task<error> both(exchange& x, route_state& state) {
  const result<upgraded_stream*> got_wire = co_await take_over(x);
  if (!got_wire.ok()) co_return got_wire.why();
  const tunnel_mark mark(state);
  upgraded_stream& wire = *got_wire.value();
  runtime::scope& here = co_await runtime::this_scope();
  runtime::nursery writing(here, "writing", 1);
  if (error why = writing.start(write_all(wire, both_bytes), "writer")) co_return why;
  const result<std::size_t> bytes = co_await read_all(wire);
  if (!bytes.ok()) writing.cancel(bytes.why());
  const error written = co_await writing.join();
  if (!bytes.ok()) co_return bytes.why();
  if (written) co_return written;
  const std::string sum = " read " + std::to_string(bytes.value());
  const error told = co_await wire.write(sum);
  co_return told;
}

task<error> flood(exchange& x, route_state& state) {
  const result<upgraded_stream*> wire = co_await take_over(x);
  if (!wire.ok()) co_return wire.why();
  const tunnel_mark mark(state);
  const error wrote = co_await write_all(*wire.value(), large_bytes);
  co_return wrote;
}

task<error> read_beside(upgraded_stream& wire, errc& told) {
  const result<std::string_view> got = co_await wire.read();
  told = got.why().code;
  co_return error{};
}

task<error> twice(exchange& x, route_state& state) {
  const result<upgraded_stream*> got_wire = co_await take_over(x);
  if (!got_wire.ok()) co_return got_wire.why();
  const tunnel_mark mark(state);
  upgraded_stream& wire = *got_wire.value();
  errc first = errc::none;
  errc second = errc::none;
  runtime::scope& here = co_await runtime::this_scope();
  runtime::nursery readers(here, "readers", 2);
  const error no_first = readers.start(read_beside(wire, first), "first");
  const error no_second = readers.start(read_beside(wire, second), "second");
  const error joined = co_await readers.join();
  if (joined || no_first || no_second) co_return error(errc::limit, "readers");
  const std::string both_told = std::string(to_string(first)) + " " + to_string(second);
  const error told = co_await wire.write(both_told);
  co_return told;
}

}  // namespace

error add_tunnels(routes& to, route_state& state) {
  const auto tunnel = [&state](exchange& x) { return echo(x, state); };
  error why = to.get_async("/tunnel", tunnel, state.own);
  if (!why) why = to.post_async("/tunnel", tunnel);
  if (!why) why = to.get_async("/tunnel-throws", [&](exchange& x) { return throws(x, state); });
  if (!why) why = to.get_async("/tunnel-split", [](exchange& x) { return split(x); });
  if (!why) why = to.get_async("/tunnel-late", [&](exchange& x) { return late(x, state); });
  if (!why) why = to.get_async("/tunnel-both", [&](exchange& x) { return both(x, state); });
  if (!why) why = to.get_async("/tunnel-flood", [&](exchange& x) { return flood(x, state); });
  if (!why) why = to.get_async("/tunnel-twice", [&](exchange& x) { return twice(x, state); });
  return why;
}

}  // namespace weir::http::behaviour
