// Accepting: what a system without room does to a listener, and who may have an address.
#include "net/listeners.hpp"

using namespace weir;
using namespace weir::runtime;
using namespace weir::test;
using platform::sim_end;
using platform::sim_peer_id;
using platform::sim_step;

namespace {

const address server_at = address::loopback_ipv4(8080);

sim_peer_id visit(virtual_loop& v, time_ns after_ns = 0) {
  platform::sim_peer peer;
  peer.at = server_at;
  peer.start_ns = after_ns;
  const result<sim_peer_id> id = v.net.add_peer(peer);
  REQUIRE(id.ok());
  return id.value();
}

constexpr time_ns arrival_ns = 50 * microsecond_ns;

}  // namespace

TEST_CASE("listener: out of descriptors it waits 10 ms, then 20, and goes on") {
  virtual_loop v;
  net::listener from(v.loop, open(v.loop, server_at));
  const time_ns start_ns = v.net.now_ns();
  // Each pause asks twice: the accept, and once more with the reserve given back.
  v.net.fail_accepts(errc::handles_exhausted, 4);
  const sim_peer_id peer = visit(v);
  accept_log log;
  outcome end;
  begin(v.loop, greet(from, log), end);
  run_for(v, second_ns);
  REQUIRE(log.at_ns.size() == 1);
  CHECK(log.at_ns[0] == start_ns + arrival_ns + 30 * millisecond_ns);
  CHECK(v.net.record(peer).received == "hello");
  CHECK(from.counters().pauses == 2);
  CHECK(from.counters().turned_away == 0);
  CHECK(from.counters().accepted == 1);
  v.loop.root().cancel(error(errc::cancelled, "drain"));
  settle(v.loop);
  CHECK(where(log.end) == "drain");
}

TEST_CASE("listener: the reserve descriptor sends one peer away at once, by reset") {
  virtual_loop v;
  net::listener from(v.loop, open(v.loop, server_at));
  v.net.fail_accepts(errc::handles_exhausted, 1);
  const sim_peer_id unlucky = visit(v);
  const sim_peer_id next = visit(v, millisecond_ns);
  accept_log log;
  outcome end;
  begin(v.loop, greet(from, log), end);
  run_for(v, second_ns);
  CHECK(v.net.record(unlucky).end == sim_end::reset);
  CHECK(v.net.record(next).received == "hello");
  CHECK(from.counters().turned_away == 1);
  CHECK(from.counters().accepted == 1);
  CHECK(from.counters().pauses == 1);
  v.loop.root().cancel(error(errc::cancelled, "drain"));
  settle(v.loop);
}

TEST_CASE("listener: a shortage of five seconds costs a few wake-ups, and ends within a second") {
  virtual_loop v;
  net::listener from(v.loop, open(v.loop, server_at));
  v.net.exhaust_handles(5 * second_ns);
  const time_ns start_ns = v.net.now_ns();
  const sim_peer_id peer = visit(v);
  accept_log log;
  outcome end;
  begin(v.loop, greet(from, log), end);
  run_for(v, 10 * second_ns);
  REQUIRE(log.at_ns.size() == 1);
  CHECK(log.at_ns[0] >= start_ns + 5 * second_ns);
  CHECK(log.at_ns[0] <= start_ns + 6 * second_ns);
  CHECK(v.net.record(peer).received == "hello");
  // 10, 20, 40 ... 640 ms, then once a second.
  CHECK(from.counters().pauses == 11);
  CHECK(v.loop.counters().turns < 60);
  v.loop.root().cancel(error(errc::cancelled, "drain"));
  settle(v.loop);
}

TEST_CASE("listener: connections that died in the queue are passed over") {
  virtual_loop v;
  net::listener from(v.loop, open(v.loop, server_at));
  v.net.fail_accepts(errc::aborted, 2);
  for (int i = 0; i < 3; ++i) visit(v);
  accept_log log;
  outcome end;
  begin(v.loop, greet(from, log), end);
  run_for(v, second_ns);
  CHECK(log.at_ns.size() == 1);
  CHECK(from.counters().aborted == 2);
  CHECK(from.counters().pauses == 0);
  v.loop.root().cancel(error(errc::cancelled, "drain"));
  settle(v.loop);
}

TEST_CASE("listener: an error that takes nothing off the queue does not hold the loop") {
  virtual_loop v;
  net::listener from(v.loop, open(v.loop, server_at));
  v.net.fail_accepts(errc::network_down, 1'000);
  visit(v);
  accept_log log;
  outcome end;
  SECTION("accept rests now and then") {
    const time_ns start_ns = v.net.now_ns();
    begin(v.loop, greet(from, log), end);
    run_for(v, second_ns);
    REQUIRE(log.at_ns.size() == 1);
    // 1,000 errors, a rest of 10 ms after each 64.
    CHECK(log.at_ns[0] == start_ns + arrival_ns + 15 * 10 * millisecond_ns);
    v.loop.root().cancel(error(errc::cancelled, "drain"));
    settle(v.loop);
  }
  SECTION("try_accept gives up") {
    run_for(v, millisecond_ns);
    const result<net::accepted> none = from.try_accept();
    CHECK(none.why() == errc::would_block);
    CHECK(from.counters().aborted < 100);
  }
}

TEST_CASE("listener: a cancel during the pause ends it at once, with the reason") {
  virtual_loop v;
  net::listener from(v.loop, open(v.loop, server_at));
  v.net.exhaust_handles(60 * second_ns);
  visit(v);
  accept_log log;
  outcome end;
  begin(v.loop, greet(from, log), end);
  run_for(v, 5 * second_ns);
  const time_ns now_ns = v.net.now_ns();
  v.loop.root().cancel(error(errc::cancelled, "drain"));
  settle(v.loop);
  CHECK(where(log.end) == "drain");
  CHECK(v.net.now_ns() == now_ns);
}

TEST_CASE("listener: for a drain, try_accept empties the queue and then says so") {
  virtual_loop v;
  net::listener from(v.loop, open(v.loop, server_at));
  for (int i = 0; i < 3; ++i) visit(v);
  run_for(v, millisecond_ns);
  for (int i = 0; i < 3; ++i) {
    const result<net::accepted> next = from.try_accept();
    REQUIRE(next.ok());
    v.loop.poller().discard(next.value().socket);
  }
  CHECK(from.try_accept().why() == errc::would_block);
  CHECK(from.counters().accepted == 3);
  from.close();
  from.close();
  CHECK(from.try_accept().why() == errc::bad_handle);
}

// Real sockets. -----------------------------------------------------------------------------------

TEST_CASE("dual stack: [::] serves IPv4 exactly when v6_only is false, whatever the system's way") {
  scheduler loop(native_poller());
  for (const bool only : {false, true}) {
    CAPTURE(only);
    platform::listen_options options;
    options.v6_only = only;
    net::listener from(loop, open(loop, address::any_ipv6(0), options));
    const std::uint16_t port = bound(from).port();
    CHECK(answers(address::loopback_ipv6(port)));
    CHECK(answers(address::loopback_ipv4(port)) == !only);
    if (only) {
      // The other family is free for somebody else.
      net::listener v4(loop, open(loop, address::any_ipv4(port)));
      CHECK(answers(address::loopback_ipv4(port)));
    }
  }
}

TEST_CASE("listener: a second plain bind on a port that is served fails") {
  scheduler loop(native_poller());
  net::listener from(loop, open(loop, address::loopback_ipv4(0)));
  CHECK(net::listener::open(loop, bound(from), {}).why() == errc::address_in_use);
}
