// Started operations: P5 to P13.
#include "host.hpp"

#include <array>

namespace weir::platform::contract {

namespace {
byte_span span_of(std::string& text) {
  return {reinterpret_cast<std::byte*>(text.data()), text.size()};
}
}  // namespace

CONTRACT("P5 a pending receive writes into the memory it was given, by its completion") {
  const bench::pair two = b.connected();
  std::string into(4096, '\0');
  bench::op o;
  const started s = b->receive(two.server, span_of(into), &o);
  REQUIRE(s.pending());
  b.send_all(two.client, "hello");
  const completion end = b.until(o);
  REQUIRE_FALSE(end.why);
  REQUIRE(end.value >= 1);
  REQUIRE(end.value <= 5);
  CHECK(into.substr(0, end.value) == std::string("hello").substr(0, end.value));
}

CONTRACT("P5 a pending send reads the memory it was given until its completion") {
  const bench::pair two = b.connected();
  std::size_t before = b.fill(two.client);
  const std::string bytes = pattern(100'000, 7);
  bench::op o;
  const started s = b.send_blocked(two.client, as_bytes(bytes), &o, before);
  REQUIRE(s.pending());
  b.receive(two.server, before);
  const completion end = b.until(o);
  REQUIRE_FALSE(end.why);
  REQUIRE(end.value >= 1);
  REQUIRE(end.value <= bytes.size());
  CHECK(b.receive(two.server, end.value) == bytes.substr(0, end.value));
}

CONTRACT("P6 a receive of what is there ends once: at the start, or by one completion") {
  const bench::pair two = b.connected();
  b.send_all(two.client, "x");
  b.until_readable(two.server);
  std::string into(8, '\0');
  bench::op o;
  const completion end = b.ended(b->receive(two.server, span_of(into), &o), o);
  REQUIRE_FALSE(end.why);
  CHECK(end.value == 1);
  const int so_far = o.completions;
  b.settle();
  CHECK(o.completions == so_far);
}

CONTRACT("P6 every pending operation ends with one completion that carries its context") {
  const socket_id at = b.listener();
  constexpr std::size_t count = 12;
  std::array<bench::pair, count> pairs;
  std::array<std::string, count> into;
  std::array<bench::op, count> ops;
  std::array<started, count> begun;
  for (std::size_t i = 0; i < count; ++i) {
    pairs[i] = b.connected(at);
    into[i].resize(64);
    begun[i] = b->receive(pairs[i].server, span_of(into[i]), &ops[i]);
    REQUIRE(begun[i].pending());
  }
  for (std::size_t i = count; i-- > 0;) b.send_all(pairs[i].client, std::string(1, char('a' + i)));
  for (std::size_t i = 0; i < count; ++i) {
    const completion end = b.until(ops[i]);
    REQUIRE_FALSE(end.why);
    CHECK(end.context == &ops[i]);
    CHECK(end.value == 1);
    CHECK(into[i][0] == char('a' + i));
  }
  b.settle();
  for (const bench::op& o : ops) CHECK(o.completions == 1);
  CHECK(b->counters().operations_open == 0);
}

CONTRACT("P6 connect and accept end once each") {
  const socket_id at = b.listener();
  const result<socket_id> client = b->open_stream(b.where(at));
  REQUIRE(client.ok());
  bench::op accepting;
  bench::op connecting;
  address peer;
  const started a = b->accept(at, &peer, &accepting);
  const started c = b->connect(client.value(), b.where(at), &connecting);
  REQUIRE_FALSE(b.ended(c, connecting).why);
  const completion accepted = b.ended(a, accepting);
  REQUIRE_FALSE(accepted.why);
  CHECK(peer == b.where(client.value()));
  b.settle();
  CHECK(accepting.completions <= 1);
  CHECK(connecting.completions <= 1);
  const result<socket_id> server = b->adopt(static_cast<native_socket>(accepted.value));
  REQUIRE(server.ok());
  const result<address> seen = b->peer_address(server.value());
  REQUIRE(seen.ok());
  CHECK(seen.value() == peer);
}

CONTRACT("P6 a connect that nobody answers for ends once, refused") {
  const socket_id at = b.listener();
  const address gone = b.where(at);
  b->close(at);
  const result<socket_id> client = b->open_stream(gone);
  REQUIRE(client.ok());
  bench::op o;
  const completion end = b.ended(b->connect(client.value(), gone, &o), o);
  CHECK(end.why.code == errc::refused);
  b.settle();
  CHECK(o.completions <= 1);
}

CONTRACT("P7 cancel asks and the completion still comes: receive") {
  const bench::pair two = b.connected();
  std::string into(64, '\0');
  bench::op o;
  const started s = b->receive(two.server, span_of(into), &o);
  REQUIRE(s.pending());
  b->cancel(s.id);
  CHECK(b.until(o).why.code == errc::cancelled);
  b.settle();
  CHECK(o.completions == 1);
  // The stream lives on.
  b.send_all(two.client, "still here");
  CHECK(b.receive(two.server, 10) == "still here");
}

CONTRACT("P7 cancel asks and the completion still comes: wait_readable") {
  const bench::pair two = b.connected();
  bench::op o;
  const started s = b->wait_readable(two.server, &o);
  REQUIRE(s.pending());
  b->cancel(s.id);
  const completion end = b.until(o);
  CHECK((end.why.code == errc::cancelled || !end.why));  // it may end early
  b.settle();
  CHECK(o.completions == 1);
  b.send_all(two.client, "still here");
  CHECK(b.receive(two.server, 10) == "still here");
}

CONTRACT("P7 cancel asks and the completion still comes: accept") {
  const socket_id at = b.listener();
  bench::op o;
  const started s = b->accept(at, nullptr, &o);
  REQUIRE(s.pending());
  b->cancel(s.id);
  CHECK(b.until(o).why.code == errc::cancelled);
  const bench::pair two = b.connected(at);
  b.send_all(two.client, "x");
  CHECK(b.receive(two.server, 1) == "x");
}

CONTRACT("P7 cancel asks and the completion still comes: send") {
  const bench::pair two = b.connected();
  std::size_t filled = b.fill(two.client);
  const std::string bytes = pattern(8 * 1024 * 1024);
  bench::op o;
  const started s = b.send_blocked(two.client, as_bytes(bytes), &o, filled);
  REQUIRE(s.pending());
  b->cancel(s.id);
  const completion end = b.until(o);
  CHECK((end.why.code == errc::cancelled || !end.why));
  b.settle();
  CHECK(o.completions == 1);
}

CONTRACT("P7 cancel asks and the completion still comes: connect") {
  const address to = b.on().silent();
  const result<socket_id> client = b->open_stream(to);
  REQUIRE(client.ok());
  bench::op o;
  const started s = b->connect(client.value(), to, &o);
  if (s.pending()) {
    b->cancel(s.id);
    const completion end = b.until(o);
    // A machine without a route says so at once.
    CHECK(end.why);
  } else {
    CHECK(s.why);
  }
  b.settle();
  CHECK(o.completions <= 1);
}

CONTRACT("P8 bytes that race the cancel of a receive are handed over or still there") {
  for (int round = 0; round < 40; ++round) {
    const bench::pair two = b.connected();
    std::string into(64, '\0');
    bench::op o;
    const started s = b->receive(two.server, span_of(into), &o);
    REQUIRE(s.pending());
    b.send_all(two.client, "precious");
    if (round % 4 == 1) b.settle(25 * microsecond_ns);
    if (round % 4 == 2) b.settle(100 * microsecond_ns);
    if (round % 4 == 3) b.settle(millisecond_ns);
    b->cancel(s.id);
    const completion end = b.until(o);
    CHECK(o.completions == 1);
    std::string got;
    if (!end.why) {
      REQUIRE(end.value <= 8);
      got = into.substr(0, end.value);
    } else {
      CHECK(end.why.code == errc::cancelled);
    }
    got += b.receive(two.server, 8 - got.size());
    CHECK(got == "precious");
    b->reset(two.client);
    b->reset(two.server);
  }
}

CONTRACT("P8 a receive that ended before its cancel, and was not delivered yet, loses nothing") {
  const socket_id at = b.listener();
  for (int round = 0; round < 10; ++round) {
    const bench::pair pairs[2] = {b.connected(at), b.connected(at)};
    std::string into[2] = {std::string(64, '\0'), std::string(64, '\0')};
    bench::op ops[2];
    started begun[2];
    for (int i = 0; i < 2; ++i) {
      begun[i] = b->receive(pairs[i].server, span_of(into[i]), &ops[i]);
      REQUIRE(begun[i].pending());
    }
    for (const bench::pair& two : pairs) b.send_all(two.client, "precious");
    // One is handed out; the other may be in the poller's hands when it is cancelled.
    b.turn(b->now_ns() + bench::patience_ns, 1);
    for (int i = 0; i < 2; ++i) b->cancel(begun[i].id);
    for (int i = 0; i < 2; ++i) {
      const completion end = b.until(ops[i]);
      if (end.why) CHECK(end.why.code == errc::cancelled);
      std::string got = end.why ? std::string() : into[i].substr(0, end.value);
      got += b.receive(pairs[i].server, 8 - got.size());
      CHECK(got == "precious");
      b->reset(pairs[i].client);
      b->reset(pairs[i].server);
    }
  }
}

CONTRACT("P8 a connection that races the cancel of an accept is handed over or still queued") {
  for (int round = 0; round < 20; ++round) {
    const socket_id at = b.listener();
    bench::op o;
    const started s = b->accept(at, nullptr, &o);
    REQUIRE(s.pending());
    const result<socket_id> client = b->open_stream(b.where(at));
    REQUIRE(client.ok());
    bench::op connecting;
    const started c = b->connect(client.value(), b.where(at), &connecting);
    if (round % 2 == 1) b.settle(60 * microsecond_ns);
    b->cancel(s.id);
    const completion end = b.until(o);
    CHECK(o.completions == 1);
    native_socket got = native_socket::none;
    if (!end.why) {
      got = static_cast<native_socket>(end.value);
    } else {
      CHECK(end.why.code == errc::cancelled);
      got = b.accept(at);
    }
    REQUIRE_FALSE(b.ended(c, connecting).why);
    const result<socket_id> server = b->adopt(got);
    REQUIRE(server.ok());
    b.send_all(client.value(), "x");
    CHECK(b.receive(server.value(), 1) == "x");
    b->close(at);
    b->reset(client.value());
    b->reset(server.value());
  }
}

CONTRACT("P8 an accepted socket that nobody wants is discarded, and its peer is told by reset") {
  const socket_id at = b.listener();
  const socket_id client = b.connect(b.where(at));
  b->discard(b.accept(at));
  error why;
  CHECK(b.receive_rest(client, why).empty());
  CHECK(why.code == errc::reset);
}

CONTRACT("P9 cancelling what has ended, or never was, does nothing") {
  const bench::pair two = b.connected();
  b->cancel(operation_id{});
  b->cancel(operation_id{7, 3});
  std::string into(8, '\0');
  bench::op first;
  const started s = b->receive(two.server, span_of(into), &first);
  REQUIRE(s.pending());
  b.send_all(two.client, "x");
  REQUIRE_FALSE(b.until(first).why);
  b->cancel(s.id);
  b->cancel(s.id);
  // The name is stale now; the operation in the same slot must not hear of it.
  bench::op second;
  const started again = b->receive(two.server, span_of(into), &second);
  REQUIRE(again.pending());
  b->cancel(s.id);
  b.settle();
  CHECK(second.completions == 0);
  b.send_all(two.client, "y");
  REQUIRE_FALSE(b.until(second).why);
  CHECK(into[0] == 'y');
  CHECK(first.completions == 1);
}

CONTRACT("P9 cancelling twice brings one completion") {
  const bench::pair two = b.connected();
  std::string into(8, '\0');
  bench::op o;
  const started s = b->receive(two.server, span_of(into), &o);
  REQUIRE(s.pending());
  b->cancel(s.id);
  b->cancel(s.id);
  CHECK(b.until(o).why.code == errc::cancelled);
  b.settle();
  CHECK(o.completions == 1);
}

CONTRACT("P10 a cancelled send has sent a beginning of its bytes, and the stream can be closed") {
  const bench::pair two = b.connected();
  std::size_t before = b.fill(two.client);
  const std::string bytes = pattern(4 * 1024 * 1024, 9);
  bench::op o;
  const started s = b.send_blocked(two.client, as_bytes(bytes), &o, before);
  REQUIRE(s.pending());
  b->cancel(s.id);
  const completion end = b.until(o);
  const bool counted = !end.why;
  b->close(two.client);
  error why;
  const std::string got = b.receive_rest(two.server, why);
  CHECK((why.code == errc::eof || why.code == errc::reset));
  if (why.code == errc::eof) {
    REQUIRE(got.size() >= before);
    const std::string rest = got.substr(before);
    CHECK((rest == bytes.substr(0, rest.size())));
    if (counted) CHECK(rest.size() == end.value);
  }
}

CONTRACT("P11 wait_readable ends when bytes come") {
  const bench::pair two = b.connected();
  for (int round = 0; round < 10; ++round) {
    bench::op o;
    const started s = b->wait_readable(two.server, &o);
    b.send_all(two.client, "x");
    REQUIRE_FALSE(b.ended(s, o).why);
    CHECK(b.receive(two.server, 1) == "x");
  }
}

CONTRACT("P11 wait_readable misses nothing that came before it was started") {
  const bench::pair two = b.connected();
  b.send_all(two.client, "early");
  b.settle();
  b.until_readable(two.server);
  // Part of it read: the rest is still a reason to end.
  CHECK(b.receive(two.server, 2) == "ea");
  b.until_readable(two.server);
  CHECK(b.receive(two.server, 3) == "rly");
}

CONTRACT("P11 wait_readable ends at the end of the stream") {
  const bench::pair two = b.connected();
  bench::op o;
  const started s = b->wait_readable(two.server, &o);
  REQUIRE_FALSE(b->shut_send(two.client));
  REQUIRE_FALSE(b.ended(s, o).why);
  error why;
  CHECK(b.receive_rest(two.server, why).empty());
  CHECK(why.code == errc::eof);
  b.until_readable(two.server);  // and again: the end stays there
}

CONTRACT("P11 wait_readable ends when the peer resets the connection") {
  const bench::pair two = b.connected();
  bench::op o;
  const started s = b->wait_readable(two.server, &o);
  REQUIRE(s.pending());
  b->reset(two.client);
  static_cast<void>(b.until(o));  // with or without the error: try_receive has it
  error why;
  CHECK(b.receive_rest(two.server, why).empty());
  CHECK(why.code == errc::reset);
}

CONTRACT("P11 with both directions busy no edge is lost") {
  const bench::pair two = b.connected();
  std::string to_server = pattern(300'000, 3);
  std::string to_client = pattern(300'000, 4);
  std::size_t sent[2] = {0, 0};
  std::string got[2];
  const socket_id ends[2] = {two.client, two.server};
  const std::string* whole[2] = {&to_server, &to_client};
  const time_ns due_ns = b->now_ns() + bench::patience_ns;
  bench::op reading[2];
  bench::op writing[2];
  started read_of[2];
  started write_of[2];
  bool reads[2] = {false, false};
  bool writes[2] = {false, false};
  while (got[0].size() < to_client.size() || got[1].size() < to_server.size()) {
    REQUIRE(b->now_ns() < due_ns);
    bool moved = false;
    for (int side = 0; side < 2; ++side) {
      if (reads[side] && (!read_of[side].pending() || reading[side].completions > 0)) {
        reads[side] = false;
      }
      if (!reads[side]) {
        std::string piece(7'001, '\0');
        const result<std::size_t> n = b->try_receive(ends[side], span_of(piece));
        if (n) {
          got[side].append(piece, 0, n.value());
          moved = true;
        } else {
          REQUIRE(n.why() == errc::would_block);
          reading[side] = {};
          read_of[side] = b->wait_readable(ends[side], &reading[side]);
          reads[side] = true;
          moved = moved || !read_of[side].pending();
        }
      }
      if (writes[side] && (!write_of[side].pending() || writing[side].completions > 0)) {
        const started& w = write_of[side];
        REQUIRE_FALSE((w.pending() ? writing[side].last.why : w.why));
        sent[side] += w.pending() ? writing[side].last.value : w.value;
        writes[side] = false;
      }
      if (!writes[side] && sent[side] < whole[side]->size()) {
        writing[side] = {};
        write_of[side] =
            b->send(ends[side], as_bytes(std::string_view(*whole[side]).substr(sent[side], 20'011)),
                    &writing[side]);
        writes[side] = true;
        moved = moved || !write_of[side].pending();
      }
    }
    if (!moved) b.turn(due_ns);
  }
  CHECK((got[0] == to_client));
  CHECK((got[1] == to_server));
  for (int side = 0; side < 2; ++side) {
    if (reads[side] && read_of[side].pending()) {
      b->cancel(read_of[side].id);
      b.until(reading[side]);
    }
    if (writes[side] && write_of[side].pending()) b.until(writing[side]);
  }
}

CONTRACT("P12 a receive ends with at least one byte, or says eof") {
  const bench::pair two = b.connected();
  b.send_all(two.client, "abc");
  REQUIRE_FALSE(b->shut_send(two.client));
  std::string got;
  for (;;) {
    std::string into(2, '\0');
    bench::op o;
    const completion end = b.ended(b->receive(two.server, span_of(into), &o), o);
    if (end.why) {
      CHECK(end.why.code == errc::eof);
      break;
    }
    REQUIRE(end.value >= 1);
    REQUIRE(end.value <= into.size());
    got.append(into, 0, end.value);
    REQUIRE(got.size() <= 3);
  }
  CHECK(got == "abc");
}

CONTRACT("P12 a send ends when at least one byte was taken, and says how many") {
  const bench::pair two = b.connected();
  const std::string bytes = pattern(1'000'000, 5);
  std::string got;
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    bench::op o;
    const started s = b->send(two.client, as_bytes(std::string_view(bytes).substr(sent)), &o);
    // Without a reader it could wait for ever.
    while (s.pending() && o.completions == 0) {
      std::string piece(65'536, '\0');
      const result<std::size_t> n = b->try_receive(two.server, span_of(piece));
      if (n) {
        got.append(piece, 0, n.value());
      } else {
        REQUIRE(n.why() == errc::would_block);
        b.turn(b->now_ns() + millisecond_ns);
      }
    }
    const completion end = b.ended(s, o);
    REQUIRE_FALSE(end.why);
    REQUIRE(end.value >= 1);
    REQUIRE(end.value <= bytes.size() - sent);
    sent += end.value;
  }
  got += b.receive(two.server, bytes.size() - got.size());
  CHECK((got == bytes));
}

CONTRACT("P12 a receive under way ends with reset when the peer resets") {
  const bench::pair two = b.connected();
  std::string into(8, '\0');
  bench::op o;
  const started s = b->receive(two.server, span_of(into), &o);
  REQUIRE(s.pending());
  b->reset(two.client);
  CHECK(b.until(o).why.code == errc::reset);
}

CONTRACT("P12 a send under way ends with an error when the peer resets") {
  const bench::pair two = b.connected();
  std::size_t filled = b.fill(two.client);
  const std::string bytes = pattern(8 * 1024 * 1024);
  bench::op o;
  const started s = b.send_blocked(two.client, as_bytes(bytes), &o, filled);
  REQUIRE(s.pending());
  b->reset(two.server);
  const completion end = b.until(o);
  CHECK((end.why.code == errc::reset || end.why.code == errc::broken_pipe));
}

CONTRACT("P25 to ask for nothing is invalid, and starts nothing") {
  const bench::pair two = b.connected();
  bench::op o;
  CHECK(b->try_receive(two.server, {}).why() == errc::invalid);
  CHECK(b->receive(two.server, {}, &o).why == errc::invalid);
  CHECK(b->send(two.client, {}, &o).why == errc::invalid);
  const result<std::size_t> nothing = b->try_send(two.client, {});
  if (nothing.ok()) {
    CHECK(nothing.value() == 0);
  } else {
    CHECK(nothing.why() == errc::would_block);  // a storm does not look at how much it refuses
  }
  CHECK(b->counters().operations_open == 0);
  b.send_all(two.client, "x");
  CHECK(b.receive(two.server, 1) == "x");
}

CONTRACT("P13 a second operation in the same direction is in_progress") {
  const bench::pair two = b.connected();
  std::string into(8, '\0');
  std::string other(8, '\0');
  bench::op o;
  bench::op refused;
  const started s = b->receive(two.server, span_of(into), &o);
  REQUIRE(s.pending());
  CHECK(b->receive(two.server, span_of(other), &refused).why.code == errc::in_progress);
  CHECK(b->wait_readable(two.server, &refused).why.code == errc::in_progress);
  b->cancel(s.id);
  static_cast<void>(b.until(o));
  CHECK(refused.completions == 0);
}

CONTRACT("P13 a second send is in_progress, and reading goes on beside a send") {
  const bench::pair two = b.connected();
  std::size_t filled = b.fill(two.client);
  const std::string bytes = pattern(8 * 1024 * 1024);
  bench::op sending;
  bench::op refused;
  const started s = b.send_blocked(two.client, as_bytes(bytes), &sending, filled);
  REQUIRE(s.pending());
  CHECK(b->send(two.client, as_bytes("x"), &refused).why.code == errc::in_progress);
  std::string into(8, '\0');
  bench::op reading;
  const started r = b->receive(two.client, span_of(into), &reading);
  REQUIRE(r.pending());
  b.send_all(two.server, "z");
  REQUIRE_FALSE(b.until(reading).why);
  CHECK(into[0] == 'z');
  CHECK(refused.completions == 0);
  b->cancel(s.id);
  static_cast<void>(b.until(sending));
}

CONTRACT("P13 a second accept on one listener is in_progress") {
  const socket_id at = b.listener();
  bench::op o;
  bench::op refused;
  const started s = b->accept(at, nullptr, &o);
  REQUIRE(s.pending());
  CHECK(b->accept(at, nullptr, &refused).why.code == errc::in_progress);
  b->cancel(s.id);
  static_cast<void>(b.until(o));
  CHECK(refused.completions == 0);
}

}  // namespace weir::platform::contract
