// Waiting: P17 to P19; bounds and errors: P20 to P22.
#include <algorithm>
#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "host.hpp"

namespace weir::platform::contract {

namespace {
byte_span span_of(std::string& text) {
  return {reinterpret_cast<std::byte*>(text.data()), text.size()};
}
}  // namespace

CONTRACT("P17 wait with nothing to come returns at its due time, not before") {
  for (const time_ns span_ns : {time_ns{1}, 300 * microsecond_ns, 20 * millisecond_ns}) {
    const time_ns due_ns = b->now_ns() + span_ns;
    CHECK(b.turn(due_ns) == 0);
    CHECK(b->now_ns() >= due_ns);
    CHECK(b->now_ns() - due_ns < 5 * second_ns);
  }
}

CONTRACT("P17 wait with a due time in the past looks and returns") {
  const bench::pair two = b.connected();
  const time_ns before = b->now_ns();
  CHECK(b.turn(0) == 0);
  CHECK(b.turn(before) == 0);
  CHECK(b->now_ns() - before < second_ns);
  // What is there is found all the same.
  bench::op o;
  std::string into(8, '\0');
  const started s = b->receive(two.server, span_of(into), &o);
  REQUIRE(s.pending());
  b->cancel(s.id);
  b.until(o);
}

CONTRACT("P17 wait returns before its due time when a completion is there") {
  const bench::pair two = b.connected();
  std::string into(8, '\0');
  bench::op o;
  const started s = b->receive(two.server, span_of(into), &o);
  REQUIRE(s.pending());
  b.send_all(two.client, "x");
  const time_ns before = b->now_ns();
  while (o.completions == 0) b.turn(before + 60 * second_ns);
  CHECK(b->now_ns() - before < 10 * second_ns);
}

CONTRACT("P17 wait without a due time returns when a completion is there") {
  const bench::pair two = b.connected();
  bench::op o;
  const started s = b->wait_readable(two.server, &o);
  REQUIRE(s.pending());
  b->close(two.client);
  while (o.completions == 0) b.turn(never_ns);
  CHECK(o.completions == 1);
}

CONTRACT("P17 time on now_ns never goes back") {
  const bench::pair two = b.connected();
  time_ns last = b->now_ns();
  for (int i = 0; i < 200; ++i) {
    if (i % 10 == 0) b.send_all(two.client, "x");
    b.turn(b->now_ns() + (i % 3) * 100 * microsecond_ns);
    const time_ns now = b->now_ns();
    CHECK(now >= last);
    last = now;
  }
  CHECK(b->unix_seconds() > 1'600'000'000);
}

CONTRACT("P18 a wake before the wait makes the next wait return, once") {
  b->wake();
  const time_ns before = b->now_ns();
  CHECK(b.turn(before + 60 * second_ns) == 0);
  CHECK(b->now_ns() - before < 10 * second_ns);
  CHECK(b->counters().wakes == 1);
  // It was used up.
  const time_ns due_ns = b->now_ns() + 20 * millisecond_ns;
  CHECK(b.turn(due_ns) == 0);
  CHECK(b->now_ns() >= due_ns);
}

CONTRACT("P18 a wake without end is enough for a wait without end") {
  b->wake();
  CHECK(b.turn(never_ns) == 0);
}

CONTRACT("P18 many wakes are at least one, and do not pile up") {
  for (int i = 0; i < 10'000; ++i) b->wake();
  CHECK(b.turn(b->now_ns() + 60 * second_ns) == 0);
  const time_ns due_ns = b->now_ns() + 10 * millisecond_ns;
  for (int i = 0; i < 10 && b->now_ns() < due_ns; ++i) b.turn(due_ns);
  CHECK(b->now_ns() >= due_ns);
}

CONTRACT("P18 a wake does not swallow completions") {
  const bench::pair two = b.connected();
  bench::op o;
  const started s = b->wait_readable(two.server, &o);
  REQUIRE(s.pending());
  b.send_all(two.client, "x");
  b->wake();
  REQUIRE_FALSE(b.until(o).why);
}

CONTRACT("P18 another thread may wake, between waits") {
  for (int round = 0; round < 10; ++round) {
    std::thread other([&] { b->wake(); });
    other.join();
    const time_ns before = b->now_ns();
    CHECK(b.turn(before + 60 * second_ns) == 0);
    CHECK(b->now_ns() - before < 10 * second_ns);
  }
}

CONTRACT("P18 another thread wakes a wait that is under way") {
  if (b.skip_unless(b.on().real_time(), "a wake during a wait: its time moves in wait() only")) {
    return;
  }
  for (int round = 0; round < 50; ++round) {
    std::atomic<bool> go{false};
    std::thread other([&] {
      while (!go.load()) std::this_thread::yield();
      b->wake();
    });
    const time_ns before = b->now_ns();
    go.store(true);
    const std::size_t n = b.turn(before + 60 * second_ns);
    other.join();
    CHECK(n == 0);
    CHECK(b->now_ns() - before < 10 * second_ns);
  }
}

CONTRACT("P18 two pollers on two threads wake each other a thousand times") {
  if (b.skip_unless(b.on().real_time(), "two threads: its network belongs to one")) return;
  std::unique_ptr<poller> theirs = b.open();
  std::atomic<int> ball{0};
  constexpr int hits = 1'000;
  // A ball that is even is ours. Whoever misses a wake waits a minute, and fails.
  const auto play = [&](poller& mine, poller& other, int odd) {
    std::array<completion, 4> out{};
    const time_ns due_ns = mine.now_ns() + 60 * second_ns;
    while (mine.now_ns() < due_ns) {
      const int at = ball.load();
      if (at >= hits) break;
      if (at % 2 == odd) {
        ball.store(at + 1);
        other.wake();
      } else if (!mine.wait(out, due_ns).ok()) {
        break;
      }
    }
    other.wake();
  };
  std::thread other([&] { play(*theirs, b.p(), 1); });
  play(b.p(), *theirs, 0);
  other.join();
  CHECK(ball.load() == hits);
}

CONTRACT("P18 a socket accepted by one poller is adopted by another") {
  const socket_id at = b.listener();
  const socket_id client = b.connect(b.where(at));
  const native_socket got = b.accept(at);
  const std::unique_ptr<poller> theirs = b.open();
  const result<socket_id> server = theirs->adopt(got);
  REQUIRE(server.ok());
  b.send_all(client, "over there");
  std::string text;
  const time_ns due_ns = theirs->now_ns() + bench::patience_ns;
  while (text.size() < 10 && theirs->now_ns() < due_ns) {
    std::string piece(16, '\0');
    const result<std::size_t> n = theirs->try_receive(server.value(), span_of(piece));
    if (n) {
      text.append(piece, 0, n.value());
    } else {
      REQUIRE(n.why() == errc::would_block);
      std::array<completion, 4> out{};
      REQUIRE(theirs->wait(out, theirs->now_ns() + millisecond_ns).ok());
    }
  }
  CHECK(text == "over there");
}

CONTRACT("P19 completions that did not fit are delivered by the next wait") {
  const socket_id at = b.listener();
  constexpr std::size_t count = 9;
  std::array<bench::pair, count> pairs;
  std::array<bench::op, count> ops;
  for (std::size_t i = 0; i < count; ++i) {
    pairs[i] = b.connected(at);
    const started s = b->wait_readable(pairs[i].server, &ops[i]);
    REQUIRE(s.pending());
  }
  for (const bench::pair& two : pairs) b.send_all(two.client, "x");
  const time_ns due_ns = b->now_ns() + bench::patience_ns;
  // Some may have ended early, before now.
  const auto missing = [&ops] {
    return std::count_if(ops.begin(), ops.end(),
                         [](const bench::op& o) { return o.completions == 0; });
  };
  while (missing() > 0) {
    REQUIRE(b->now_ns() < due_ns);
    b.turn(due_ns, 2);
  }
  b.settle();
  for (const bench::op& o : ops) CHECK(o.completions == 1);
}

CONTRACT("P19 completions of cancels that did not fit are kept too") {
  const socket_id at = b.listener();
  constexpr std::size_t count = 7;
  std::array<bench::pair, count> pairs;
  std::array<bench::op, count> ops;
  std::array<std::string, count> into;
  for (std::size_t i = 0; i < count; ++i) {
    pairs[i] = b.connected(at);
    into[i].resize(16);
    const started s = b->receive(pairs[i].server, span_of(into[i]), &ops[i]);
    REQUIRE(s.pending());
  }
  for (const bench::pair& two : pairs) b->close(two.server);
  const time_ns due_ns = b->now_ns() + bench::patience_ns;
  for (std::size_t got = 0; got < count;) {
    REQUIRE(b->now_ns() < due_ns);
    got += b.turn(due_ns, 1);
  }
  for (const bench::op& o : ops) {
    CHECK(o.completions == 1);
    CHECK(o.last.why.code == errc::cancelled);
  }
}

CONTRACT("P20 a socket too many is limit, named, and room made is room") {
  b.replace({.sockets_max = 3, .operations_max = 8});
  const socket_id at = b.listener();
  const result<socket_id> two = b->open_stream(b.where(at));
  const result<socket_id> three = b->open_stream(b.where(at));
  REQUIRE(two.ok());
  REQUIRE(three.ok());
  const result<socket_id> four = b->open_stream(b.where(at));
  CHECK(four.why().code == errc::limit);
  CHECK(std::string_view(four.why().where) == "sockets_max");
  CHECK(b->listen(b.on().loopback(), {}).why().code == errc::limit);
  b->close(two.value());
  const result<socket_id> again = b->open_stream(b.where(at));
  CHECK(again.ok());
}

CONTRACT("P20 adopting a socket too many is limit, and closes it") {
  b.replace({.sockets_max = 2, .operations_max = 8});
  const socket_id at = b.listener();
  const socket_id client = b.connect(b.where(at));
  const result<socket_id> server = b->adopt(b.accept(at));
  CHECK(server.why().code == errc::limit);
  error why;
  CHECK(b.receive_rest(client, why).empty());
  CHECK((why.code == errc::eof || why.code == errc::reset));
}

CONTRACT("P20 an operation too many is limit, named, and room made is room") {
  b.replace({.sockets_max = 64, .operations_max = 6});
  const socket_id at = b.listener();
  std::vector<bench::pair> pairs;
  for (int i = 0; i < 7; ++i) pairs.push_back(b.connected(at));
  std::vector<bench::op> ops(7);
  std::vector<started> begun(7);
  for (std::size_t i = 0; i < 6; ++i) {
    begun[i] = b->wait_readable(pairs[i].server, &ops[i]);
    REQUIRE(begun[i].pending());
  }
  begun[6] = b->wait_readable(pairs[6].server, &ops[6]);
  CHECK_FALSE(begun[6].pending());
  CHECK(begun[6].why.code == errc::limit);
  CHECK(std::string_view(begun[6].why.where) == "operations_max");
  b->cancel(begun[0].id);
  b.until(ops[0]);
  begun[6] = b->wait_readable(pairs[6].server, &ops[6]);
  CHECK(begun[6].pending());
  for (std::size_t i = 1; i < 7; ++i) {
    b->cancel(begun[i].id);
    b.until(ops[i]);
  }
}

CONTRACT("P21 sending to a peer that is gone is an error, not a signal") {
  for (const bool hard : {false, true}) {
    const bench::pair two = b.connected();
    hard ? b->reset(two.server) : b->close(two.server);
    const std::string bytes = pattern(4'000);
    error why;
    const time_ns due_ns = b->now_ns() + bench::patience_ns;
    for (int calls = 0; !why && b->now_ns() < due_ns; ++calls) {
      if (calls % 2 == 0) {
        const byte_view parts[] = {as_bytes(bytes), as_bytes("x")};
        const result<std::size_t> n = b->try_send(two.client, parts);
        if (!n && n.why() != errc::would_block) why = n.why();
      } else {
        bench::op o;
        why = b.ended(b->send(two.client, as_bytes(bytes), &o), o).why;
      }
      b.settle(millisecond_ns);
    }
    CHECK((why.code == errc::reset || why.code == errc::broken_pipe || why.code == errc::aborted));
    b->close(two.client);
  }
}

CONTRACT("P22 connections that wait together are accepted one by one, and none is lost") {
  const socket_id at = b.listener();
  std::vector<socket_id> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(b.connect(b.where(at)));
  for (int i = 0; i < 5; ++i) {
    const result<socket_id> server = b->adopt(b.accept(at));
    REQUIRE(server.ok());
    b.send_all(server.value(), "x");
  }
  for (const socket_id client : clients) CHECK(b.receive(client, 1) == "x");
}

CONTRACT("P22 a connection that dies before it is accepted does not stop the listener") {
  const socket_id at = b.listener();
  for (int round = 0; round < 10; ++round) {
    const socket_id client = b.connect(b.where(at));
    b->reset(client);
    b.settle(millisecond_ns);
    // Some systems hand it over, some report it, some forget it.
    const result<native_socket> got = b->try_accept(at, nullptr);
    if (got) {
      b->discard(got.value());
    } else {
      CHECK((got.why().code == errc::would_block || got.why().code == errc::aborted ||
             got.why().code == errc::reset));
    }
    const bench::pair two = b.connected(at);
    b.send_all(two.client, "x");
    CHECK(b.receive(two.server, 1) == "x");
    b->close(two.client);
    b->close(two.server);
  }
}

}  // namespace weir::platform::contract
