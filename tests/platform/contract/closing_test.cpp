// Closing: P14 to P16, and P24.
#include "host.hpp"

namespace weir::platform::contract {

namespace {
byte_span span_of(std::string& text) {
  return {reinterpret_cast<std::byte*>(text.data()), text.size()};
}
}  // namespace

CONTRACT("P14 after close the id is stale: every call says bad_handle and touches nothing") {
  const socket_id at = b.listener();
  const bench::pair two = b.connected(at);
  const address to = b.where(at);
  const std::uint32_t open = b->counters().sockets_open;
  b->close(two.server);
  CHECK(b->counters().sockets_open == open - 1);
  const socket_id dead = two.server;
  std::string into(8, '.');
  const byte_view part = as_bytes("x");
  bench::op o;
  CHECK(b->try_receive(dead, span_of(into)).why().code == errc::bad_handle);
  CHECK(b->try_send(dead, {&part, 1}).why().code == errc::bad_handle);
  CHECK(b->try_accept(dead, nullptr).why().code == errc::bad_handle);
  CHECK(b->accept(dead, nullptr, &o).why.code == errc::bad_handle);
  CHECK(b->connect(dead, to, &o).why.code == errc::bad_handle);
  CHECK(b->wait_readable(dead, &o).why.code == errc::bad_handle);
  CHECK(b->receive(dead, span_of(into), &o).why.code == errc::bad_handle);
  CHECK(b->send(dead, part, &o).why.code == errc::bad_handle);
  CHECK(b->shut_send(dead).code == errc::bad_handle);
  CHECK(b->local_address(dead).why().code == errc::bad_handle);
  CHECK(b->peer_address(dead).why().code == errc::bad_handle);
  b->close(dead);
  b->reset(dead);
  CHECK(b->local_address(socket_id{}).why().code == errc::bad_handle);
  b.settle();
  CHECK(o.completions == 0);
  CHECK(into == "........");
  // The slot's next tenant does not answer to the old name.
  const bench::pair next = b.connected(at);
  CHECK(b->local_address(dead).why().code == errc::bad_handle);
  b->close(dead);
  b.send_all(next.client, "alive");
  CHECK(b.receive(next.server, 5) == "alive");
}

CONTRACT("P14 close cancels a receive and a send, and both completions still come") {
  const bench::pair two = b.connected();
  std::size_t filled = b.fill(two.client);
  std::string into(64, '\0');
  const std::string bytes = pattern(8 * 1024 * 1024);
  bench::op reading;
  bench::op writing;
  const started r = b->receive(two.client, span_of(into), &reading);
  const started w = b.send_blocked(two.client, as_bytes(bytes), &writing, filled);
  REQUIRE(r.pending());
  REQUIRE(w.pending());
  b->close(two.client);
  CHECK(b.until(reading).why.code == errc::cancelled);
  const completion sent = b.until(writing);
  CHECK((sent.why.code == errc::cancelled || !sent.why));
  b.settle();
  CHECK(reading.completions == 1);
  CHECK(writing.completions == 1);
  CHECK(b->counters().operations_open == 0);
}

CONTRACT("P14 close and reset cancel a wait_readable") {
  for (const bool hard : {false, true}) {
    const bench::pair two = b.connected();
    bench::op o;
    const started s = b->wait_readable(two.server, &o);
    REQUIRE(s.pending());
    hard ? b->reset(two.server) : b->close(two.server);
    CHECK(b.until(o).why.code == errc::cancelled);
    b.settle();
    CHECK(o.completions == 1);
    b->close(two.client);
  }
}

CONTRACT("P14 close cancels an accept, and a connect") {
  const socket_id at = b.listener();
  bench::op accepting;
  const started a = b->accept(at, nullptr, &accepting);
  REQUIRE(a.pending());
  b->close(at);
  CHECK(b.until(accepting).why.code == errc::cancelled);

  const address to = b.on().silent();
  const result<socket_id> client = b->open_stream(to);
  REQUIRE(client.ok());
  bench::op connecting;
  const started c = b->connect(client.value(), to, &connecting);
  b->close(client.value());
  if (c.pending()) CHECK(b.until(connecting).why);
  b.settle();
  CHECK(accepting.completions == 1);
  CHECK(connecting.completions <= 1);
}

CONTRACT("P14 a closed listener refuses, and its port can be listened on again") {
  const socket_id at = b.listener();
  const address name = b.where(at);
  const bench::pair two = b.connected(at);
  CHECK(b->listen(name, {}).why().code == errc::address_in_use);
  b->close(at);
  const result<socket_id> again = b->listen(name, {});
  INFO(to_string(again.why().code));
  REQUIRE(again.ok());
  CHECK(b.where(again.value()) == name);
  // A connection of the old listener is not disturbed.
  b.send_all(two.client, "x");
  CHECK(b.receive(two.server, 1) == "x");
}

CONTRACT("P15 close ends the stream in order: every byte, then eof") {
  const bench::pair two = b.connected();
  const std::string bytes = pattern(5'000);
  b.send_all(two.client, bytes);
  b->close(two.client);
  error why;
  CHECK(b.receive_rest(two.server, why) == bytes);
  CHECK(why.code == errc::eof);
}

CONTRACT("P15 reset makes the peer see a reset") {
  const bench::pair two = b.connected();
  b->reset(two.client);
  error why;
  CHECK(b.receive_rest(two.server, why).empty());
  CHECK(why.code == errc::reset);
}

CONTRACT("P15 reset after shut_send is a reset all the same") {
  const bench::pair two = b.connected();
  REQUIRE_FALSE(b->shut_send(two.client));
  error why;
  CHECK(b.receive_rest(two.server, why).empty());
  CHECK(why.code == errc::eof);
  b->reset(two.client);
  b.settle();
  // What we still send is for nobody: an error comes, at the first send or at the next.
  const byte_view part = as_bytes("x");
  error sending;
  const time_ns due_ns = b->now_ns() + bench::patience_ns;
  while (!sending && b->now_ns() < due_ns) {
    const result<std::size_t> n = b->try_send(two.server, {&part, 1});
    if (!n && n.why() != errc::would_block) sending = n.why();
    b.settle(millisecond_ns);
  }
  CHECK((sending.code == errc::reset || sending.code == errc::broken_pipe));
}

CONTRACT("P16 an event of a dead socket never reaches its successor in the slot") {
  const socket_id at = b.listener();
  for (int round = 0; round < 20; ++round) {
    const bench::pair first = b.connected(at);
    const bench::pair second = b.connected(at);
    bench::op one;
    bench::op other;
    const started s1 = b->wait_readable(first.server, &one);
    const started s2 = b->wait_readable(second.server, &other);
    REQUIRE(s1.pending());
    REQUIRE(s2.pending());
    b.send_all(first.client, "1");
    b.send_all(second.client, "2");
    // One completion is taken; the event of the other may already be in the poller's hands when
    // its socket is closed and the slot gets a new tenant.
    b.turn(b->now_ns() + bench::patience_ns, 1);
    REQUIRE(one.completions + other.completions == 1);
    const bool first_came = one.completions == 1;
    const bench::pair& rest = first_came ? second : first;
    b->close(rest.server);
    const bench::pair next = b.connected(at);
    std::string into(8, '.');
    bench::op o;
    const started s = b->receive(next.server, span_of(into), &o);
    REQUIRE(s.pending());
    b.until(first_came ? other : one);
    b->close(rest.client);
    b.settle(2 * millisecond_ns);
    CHECK(o.completions == 0);
    b.send_all(next.client, "n");
    const completion end = b.until(o);
    REQUIRE_FALSE(end.why);
    CHECK(end.value == 1);
    CHECK(into[0] == 'n');
    for (const socket_id id :
         {first.client, second.client, first.server, second.server, next.client, next.server}) {
      b->reset(id);
    }
  }
}

CONTRACT("P16 what a peer sends to a closed socket does not arrive at its successor") {
  const socket_id at = b.listener();
  for (int round = 0; round < 20; ++round) {
    const bench::pair old = b.connected(at);
    b.send_all(old.client, "for the old one");
    b->close(old.server);
    const bench::pair next = b.connected(at);
    std::string into(64, '.');
    bench::op o;
    const started s = b->receive(next.server, span_of(into), &o);
    REQUIRE(s.pending());
    const byte_view part = as_bytes("more for the old one");
    static_cast<void>(b->try_send(old.client, {&part, 1}));
    b.settle(2 * millisecond_ns);
    CHECK(o.completions == 0);
    b->close(next.client);
    CHECK(b.until(o).why.code == errc::eof);
    b->close(next.server);
    b->close(old.client);
  }
}

CONTRACT("P24 close_all ends everything under its bound, and leaks nothing that completed") {
  // The memory outlives the operations: close_all is the last to touch it.
  std::string into(64, '\0');
  const std::string bytes = pattern(8 * 1024 * 1024);
  bench::op ops[5];
  const socket_id at = b.listener();
  const bench::pair two = b.connected(at);
  const bench::pair three = b.connected(at);
  std::size_t filled = b.fill(two.client);
  REQUIRE(b->accept(at, nullptr, &ops[0]).pending());
  REQUIRE(b->receive(two.client, span_of(into), &ops[1]).pending());
  REQUIRE(b.send_blocked(two.client, as_bytes(bytes), &ops[2], filled).pending());
  REQUIRE(b->wait_readable(three.server, &ops[3]).pending());
  const address to = b.on().silent();
  const result<socket_id> client = b->open_stream(to);
  REQUIRE(client.ok());
  static_cast<void>(b->connect(client.value(), to, &ops[4]));

  const time_ns before = b->now_ns();
  CHECK(b->close_all(5 * second_ns) == 0);
  CHECK(b->now_ns() - before <= 5 * second_ns + second_ns);
  CHECK(b->counters().operations_open == 0);
  CHECK(b->counters().sockets_open == 0);
  CHECK(b->counters().slots_leaked == 0);
  for (const socket_id id : {at, two.client, two.server, three.client, three.server}) {
    CHECK(b->local_address(id).why().code == errc::bad_handle);
  }
  // Contexts are not reported: whoever started them is gone.
  for (const bench::op& o : ops) CHECK(o.completions == 0);
  CHECK(b->close_all(second_ns) == 0);
}

CONTRACT("P24 the other side of a connection sees it end when a poller is destroyed") {
  std::unique_ptr<poller> other = b.open();
  const socket_id at = b.listener();
  const address to = b.where(at);
  const result<socket_id> client = other->open_stream(to);
  REQUIRE(client.ok());
  bench::op connecting;
  static_cast<void>(other->connect(client.value(), to, &connecting));
  const result<socket_id> server = b->adopt(b.accept(at));
  REQUIRE(server.ok());
  other.reset();
  error why;
  CHECK(b.receive_rest(server.value(), why).empty());
  CHECK((why.code == errc::eof || why.code == errc::reset));
}

}  // namespace weir::platform::contract
