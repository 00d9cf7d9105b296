// Racing addresses, in virtual time: who wins, when exactly, and that the losers are closed.
#include <array>
#include <vector>

#include <weir/net/connect.hpp>
#include <weir/net/socket_stream.hpp>

#include "runtime/virtual_loop.hpp"

using namespace weir;
using namespace weir::runtime;
using namespace weir::test;

namespace {

const address first = address::ipv6({0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 80);
const address second = address::ipv4({192, 0, 2, 1}, 80);
const address third = address::ipv4({192, 0, 2, 2}, 80);

constexpr time_ns round_trip_ns = 100 * microsecond_ns;  // two latencies of the simulator

struct race_end {
  bool done = false;
  error why{};
  address to{};
  time_ns after_ns = 0;
};

task<error> race(std::span<const address> to, net::connect_options options, race_end& out) {
  scope& here = co_await this_scope();
  scheduler& loop = here.owner();
  const time_ns start_ns = loop.now_ns();
  if (options.due_ns != never_ns) options.due_ns += start_ns;
  const result<platform::socket_id> won = co_await net::connect(loop, to, options);
  out.done = true;
  out.after_ns = loop.now_ns() - start_ns;
  out.why = won.why();
  if (won.ok()) {
    const result<address> peer = loop.poller().peer_address(won.value());
    if (peer.ok()) out.to = peer.value();
    loop.poller().close(won.value());
  }
  co_return won.why();
}

task<error> in_scope(scope& in, task<error> child) {
  const error why = co_await run_in(in, std::move(child));
  co_return why;
}

void serve(virtual_loop& v, const address& at, time_ns latency_ns = -1) {
  platform::sim_peer peer;
  peer.at = at;
  peer.listens = true;
  peer.latency_ns = latency_ns;
  REQUIRE(v.net.add_peer(peer).ok());
}

race_end run_race(virtual_loop& v, std::span<const address> to, net::connect_options options = {}) {
  race_end end;
  static_cast<void>(v.loop.run(race(to, options, end)));
  REQUIRE(end.done);
  // Whoever lost is closed, and nothing of the race is left behind.
  CHECK(v.loop.poller().counters().sockets_open == 0);
  CHECK(v.loop.poller().counters().operations_open == 0);
  CHECK(v.loop.timers().count() == 0);
  CHECK(v.loop.frames().bytes_in_use() == 0);
  return end;
}

}  // namespace

TEST_CASE("connect: the first address answers, and no other is tried") {
  virtual_loop v;
  serve(v, first);
  serve(v, second);
  const std::array to{first, second};
  const race_end end = run_race(v, to);
  CHECK_FALSE(end.why);
  CHECK(end.to == first);
  CHECK(end.after_ns == round_trip_ns);
  CHECK(v.loop.poller().counters().operations == 1);
}

TEST_CASE("connect: a silent first address costs 250 ms, then the second wins") {
  virtual_loop v;
  v.net.fail_connect(first, errc::timed_out, 127 * second_ns);
  serve(v, second);
  const std::array to{first, second};
  const race_end end = run_race(v, to);
  CHECK(end.to == second);
  CHECK(end.after_ns == 250 * millisecond_ns + round_trip_ns);
}

TEST_CASE("connect: a refused first address starts the second at once") {
  virtual_loop v;
  v.net.fail_connect(first, errc::refused, 3 * millisecond_ns);
  serve(v, second);
  const std::array to{first, second};
  const race_end end = run_race(v, to);
  CHECK(end.to == second);
  CHECK(end.after_ns == 3 * millisecond_ns + round_trip_ns);
}

TEST_CASE("connect: a slow first address loses to the second, and is closed") {
  virtual_loop v;
  serve(v, first, 400 * millisecond_ns);
  serve(v, second);
  const std::array to{first, second};
  const race_end end = run_race(v, to);
  CHECK(end.to == second);
  CHECK(end.after_ns == 250 * millisecond_ns + round_trip_ns);
}

TEST_CASE("connect: a slow first address still wins when the second does not answer") {
  virtual_loop v;
  serve(v, first, 400 * millisecond_ns);
  v.net.fail_connect(second, errc::timed_out, 127 * second_ns);
  const std::array to{first, second};
  const race_end end = run_race(v, to);
  CHECK(end.to == first);
  CHECK(end.after_ns == 400 * millisecond_ns + round_trip_ns / 2);
}

TEST_CASE("connect: of two that answer in one instant one wins and the other is closed") {
  virtual_loop v;
  serve(v, first, 250 * millisecond_ns + round_trip_ns / 2);
  serve(v, second);
  const std::array to{first, second};
  const race_end end = run_race(v, to);
  CHECK_FALSE(end.why);
  CHECK(end.after_ns == 250 * millisecond_ns + round_trip_ns);
}

TEST_CASE("connect: one deadline covers all addresses") {
  virtual_loop v;
  for (const address& at : {first, second, third}) {
    v.net.fail_connect(at, errc::timed_out, 127 * second_ns);
  }
  const std::array to{first, second, third};
  const race_end end = run_race(v, to, {.due_ns = 600 * millisecond_ns});
  CHECK(end.why == errc::timed_out);
  CHECK(where(end.why) == "connect deadline");
  CHECK(end.after_ns == 600 * millisecond_ns);
}

TEST_CASE(
    "connect: when all fail, the error of the first address is told, as soon as it is known") {
  virtual_loop v;
  SECTION("one address") {
    v.net.fail_connect(first, errc::refused, millisecond_ns);
    const std::array to{first};
    const race_end end = run_race(v, to);
    CHECK(end.why == errc::refused);
    CHECK(end.after_ns == millisecond_ns);
  }
  SECTION("three") {
    v.net.fail_connect(first, errc::unreachable, millisecond_ns);
    v.net.fail_connect(second, errc::refused, millisecond_ns);
    v.net.fail_connect(third, errc::timed_out, millisecond_ns);
    const std::array to{first, second, third};
    const race_end end = run_race(v, to);
    CHECK(end.why == errc::unreachable);
    CHECK(end.after_ns == 3 * millisecond_ns);
  }
  SECTION("none to try") {
    const race_end end = run_race(v, {});
    CHECK(end.why == errc::invalid);
  }
}

TEST_CASE("connect: a cancel around it ends every attempt with its reason") {
  virtual_loop v;
  v.net.fail_connect(first, errc::timed_out, 127 * second_ns);
  v.net.fail_connect(second, errc::refused, millisecond_ns);
  v.net.fail_connect(third, errc::timed_out, 127 * second_ns);
  const std::array to{second, first, third};
  scope mine(v.loop.root(), "mine");
  race_end end;
  outcome task_end;
  begin(v.loop, in_scope(mine, race(to, {}, end)), task_end);
  run_for(v, second_ns);
  CHECK_FALSE(end.done);
  mine.cancel(error(errc::aborted, "drain"));
  settle(v.loop);
  CHECK(end.done);
  CHECK(end.why == errc::aborted);
  CHECK(where(end.why) == "drain");
  CHECK(v.loop.poller().counters().sockets_open == 0);
}

TEST_CASE("connect: begun in a cancelled scope it fails at once, and opens nothing for long") {
  virtual_loop v;
  serve(v, first);
  const std::array to{first};
  scope mine(v.loop.root(), "mine");
  mine.cancel(error(errc::aborted, "gone"));
  race_end end;
  outcome task_end;
  begin(v.loop, in_scope(mine, race(to, {}, end)), task_end);
  settle(v.loop);
  CHECK(where(end.why) == "gone");
  CHECK(v.loop.poller().counters().operations == 0);
  CHECK(v.loop.poller().counters().sockets_open == 0);
}

TEST_CASE("connect: many seeds, kernel-owned buffers: one socket at most, nothing left") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    platform::sim_options options;
    options.seed = seed;
    options.kernel_owns_buffers = true;
    options.shuffle = true;
    options.latency_max_ns = 300 * millisecond_ns;
    virtual_loop v(scheduler_options(), options);
    serve(v, first);
    serve(v, second);
    serve(v, third);
    const std::array to{first, second, third};
    const race_end end = run_race(v, to, {.due_ns = 400 * millisecond_ns});
    CHECK((!end.why || end.why == errc::timed_out));
    CHECK(v.net.violations().empty());
  }
}
