// A listener in a process that has run out of descriptors: it pauses, costs little, and recovers.
#include <ctime>
#include <vector>

#include <weir/net/listener.hpp>
#include <weir/net/socket_stream.hpp>
#include <weir/platform/clock.hpp>
#include <weir/platform/process.hpp>

#include "runtime/virtual_loop.hpp"
#include "support/raw_client.hpp"
#include "support/raw_system.hpp"

using namespace weir;
using namespace weir::runtime;
using namespace weir::test;

namespace {

task<error> collect(net::listener& from, std::vector<platform::native_socket>& out) {
  for (;;) {
    const result<net::accepted> next = co_await from.accept();
    if (!next.ok()) co_return next.why();
    out.push_back(next.value().socket);
  }
}

time_ns processor_ns() {
  return static_cast<time_ns>(std::clock()) * (second_ns / static_cast<time_ns>(CLOCKS_PER_SEC));
}

}  // namespace

TEST_CASE("RLIMIT_NOFILE=64: accepting pauses, costs little, and recovers") {
  const descriptor_limits before = read_descriptor_limits();
  scheduler loop(native_poller());
  const result<platform::socket_id> at = net::listener::open(loop, address::loopback_ipv4(0), {});
  REQUIRE(at.ok());
  net::listener from(loop, at.value());
  const address where = from.local_address().value();
  // UBSan needs a descriptor of its own for the first look at a type: the shortage is to be ours.
  REQUIRE_FALSE(loop.run(sleep_for(microsecond_ns)));
  REQUIRE(set_soft_descriptor_limit(64));
  std::vector<platform::native_socket> accepted;
  outcome end;
  begin(loop, collect(from, accepted), end);

  // Peers come until this process, which plays both sides, has no descriptor left. Nothing is
  // checked meanwhile, for the same reason.
  bool fine = true;
  std::vector<raw_client> clients;
  for (int i = 0; i < 100; ++i) {
    raw_client next = raw_client::connect(where);
    if (!next.connected()) break;
    clients.push_back(std::move(next));
    if (i < 20) fine = fine && !loop.poll_once(0);
  }
  const std::size_t peers = clients.size();
  const time_ns start_ns = system_clock().now_ns();
  const time_ns used_before_ns = processor_ns();
  const time_ns until_ns = start_ns + 300 * millisecond_ns;
  while (system_clock().now_ns() < until_ns) fine = fine && !loop.poll_once(until_ns);
  const time_ns used_ns = processor_ns() - used_before_ns;
  const net::listener_counters short_of = from.counters();
  const std::uint64_t turns = loop.counters().turns;
  for (const platform::native_socket socket : accepted) loop.poller().discard(socket);
  accepted.clear();
  clients.clear();
  CHECK(fine);
  CHECK(peers < 64);
  CHECK(short_of.pauses >= 1);
  CHECK(short_of.turned_away >= 1);
  // 10, 20, 40 ... milliseconds: a handful of wake-ups, not a spinning loop.
  CHECK(short_of.pauses <= 8);
  CHECK(turns < 200);
  CHECK(used_ns < 150 * millisecond_ns);

  // Room again: a newcomer is accepted, within the longest pause.
  raw_client newcomer = raw_client::connect(where);
  REQUIRE(newcomer.connected());
  const time_ns due_ns = system_clock().now_ns() + 20 * second_ns;
  while (accepted.empty() && system_clock().now_ns() < due_ns) {
    REQUIRE_FALSE(loop.poll_once(due_ns));
  }
  CHECK_FALSE(accepted.empty());
  for (const platform::native_socket socket : accepted) loop.poller().discard(socket);
  accepted.clear();
  REQUIRE(set_soft_descriptor_limit(before.soft));
  CHECK(loop.shutdown(second_ns) == 0);
}
