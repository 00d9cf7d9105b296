// Calls that finish at once: P1 to P4, and operations that have nothing to wait for.
#include <weir/platform/file.hpp>

#include "host.hpp"

namespace weir::platform::contract {

namespace {
byte_span span_of(std::string& text) {
  return {reinterpret_cast<std::byte*>(text.data()), text.size()};
}
}  // namespace

CONTRACT("P1 try_receive with nothing to read says would_block at once") {
  const bench::pair two = b.connected();
  std::string into(16, '.');
  const time_ns before = b->now_ns();
  const result<std::size_t> got = b->try_receive(two.server, span_of(into));
  REQUIRE(got.why() == errc::would_block);
  CHECK(b->now_ns() - before < second_ns);
  CHECK(into == std::string(16, '.'));
}

CONTRACT("P1 try_send into a connection nobody reads says would_block in the end") {
  const bench::pair two = b.connected();
  CHECK(b.fill(two.client) > 0);
}

CONTRACT("P1 try_accept with nobody waiting says would_block") {
  const socket_id at = b.listener();
  CHECK(b->try_accept(at, nullptr).why() == errc::would_block);
}

CONTRACT("P1 try_accept takes what the system has queued, with the address of the peer") {
  const socket_id at = b.listener();
  const socket_id client = b.connect(b.where(at));
  address peer;
  result<native_socket> got = b->try_accept(at, &peer);
  const time_ns due_ns = b->now_ns() + bench::patience_ns;
  while (!got && got.why() == errc::would_block && b->now_ns() < due_ns) {
    b.settle(millisecond_ns);
    got = b->try_accept(at, &peer);
  }
  REQUIRE(got.ok());
  CHECK(peer == b.where(client));
  const result<socket_id> server = b->adopt(got.value());
  REQUIRE(server.ok());
  b.send_all(client, "hello");
  CHECK(b.receive(server.value(), 5) == "hello");
}

CONTRACT("P2 memory of a try_send is the caller's again when the call returns") {
  const bench::pair two = b.connected();
  std::string bytes = pattern(2000);
  const std::string sent = bytes;
  const byte_view part = as_bytes(bytes);
  result<std::size_t> n = b->try_send(two.client, {&part, 1});
  while (!n && n.why() == errc::would_block) n = b->try_send(two.client, {&part, 1});
  REQUIRE(n.ok());
  bytes.assign(bytes.size(), '#');
  CHECK(b.receive(two.server, n.value()) == sent.substr(0, n.value()));
}

CONTRACT("P2 memory of a try_receive is not written after the call") {
  const bench::pair two = b.connected();
  b.send_all(two.client, "first");
  b.until_readable(two.server);
  std::string into(64, '.');
  result<std::size_t> n = b->try_receive(two.server, span_of(into));
  while (!n && n.why() == errc::would_block) {
    b.until_readable(two.server);
    n = b->try_receive(two.server, span_of(into));
  }
  REQUIRE(n.ok());
  into.assign(64, '.');
  b.send_all(two.client, "second");
  b.settle();
  CHECK(into == std::string(64, '.'));
}

CONTRACT("P3 try_send takes its parts in order, as if they were one, and counts them") {
  const bench::pair two = b.connected();
  const byte_view parts[] = {as_bytes("one "), as_bytes(""), as_bytes("two "), as_bytes("three")};
  const std::string whole = "one two three";
  result<std::size_t> n = b->try_send(two.client, parts);
  while (!n && n.why() == errc::would_block) n = b->try_send(two.client, parts);
  REQUIRE(n.ok());
  REQUIRE(n.value() >= 1);
  REQUIRE(n.value() <= whole.size());
  CHECK(b.receive(two.server, n.value()) == whole.substr(0, n.value()));
  // And not a byte more than it said.
  b.send_all(two.client, "|");
  CHECK(b.receive(two.server, 1) == "|");
}

CONTRACT("P3 what try_send_more took arrives before what is sent behind it") {
  const bench::pair two = b.connected();
  const byte_view parts[] = {as_bytes("head "), as_bytes("and ")};
  const std::string whole = "head and ";
  result<std::size_t> n = b->try_send_more(two.client, parts);
  while (!n && n.why() == errc::would_block) n = b->try_send_more(two.client, parts);
  REQUIRE(n.ok());
  REQUIRE(n.value() >= 1);
  REQUIRE(n.value() <= whole.size());
  b.send_all(two.client, "body");
  CHECK(b.receive(two.server, n.value() + 4) == whole.substr(0, n.value()) + "body");
}

CONTRACT("P3 what try_send_more took arrives before the end that follows it") {
  for (const bool closes : {false, true}) {
    CAPTURE(closes);
    const bench::pair two = b.connected();
    const byte_view parts[] = {as_bytes("the last "), as_bytes("words")};
    const std::string whole = "the last words";
    result<std::size_t> n = b->try_send_more(two.client, parts);
    while (!n && n.why() == errc::would_block) n = b->try_send_more(two.client, parts);
    REQUIRE(n.ok());
    if (closes) {
      b->close(two.client);
    } else {
      REQUIRE_FALSE(b->shut_send(two.client));
    }
    error why;
    CHECK(b.receive_rest(two.server, why) == whole.substr(0, n.value()));
    CHECK(why.code == errc::eof);
  }
}

CONTRACT("P3 try_send looks at 64 parts in one call, and says how far it came") {
  const bench::pair two = b.connected();
  std::vector<byte_view> parts(100, as_bytes("x"));
  result<std::size_t> n = b->try_send(two.client, parts);
  while (!n && n.why() == errc::would_block) n = b->try_send(two.client, parts);
  REQUIRE(n.ok());
  CHECK(n.value() >= 1);
  CHECK(n.value() <= 64);
  CHECK(b.receive(two.server, n.value()) == std::string(n.value(), 'x'));
}

CONTRACT("P3 a short try_send took exactly the bytes it says, from the front") {
  const bench::pair two = b.connected();
  const std::string first = pattern(700'001, 1);
  const std::string second = pattern(500'003, 2);
  const std::string whole = first + second;
  std::size_t taken = 0;
  // The rest of an unfinished gather is offered again; what arrives is the whole, once.
  std::string got;
  const time_ns due_ns = b->now_ns() + bench::patience_ns;
  while (got.size() < whole.size() && b->now_ns() < due_ns) {
    std::vector<byte_view> parts;
    if (taken < first.size()) parts.push_back(as_bytes(std::string_view(first).substr(taken)));
    const std::size_t past = taken > first.size() ? taken - first.size() : 0;
    if (past < second.size()) parts.push_back(as_bytes(std::string_view(second).substr(past)));
    if (!parts.empty()) {
      const result<std::size_t> n = b->try_send(two.client, parts);
      if (n) {
        taken += n.value();
      } else {
        REQUIRE(n.why() == errc::would_block);
      }
    }
    std::string piece(65'536, '\0');
    const result<std::size_t> n = b->try_receive(two.server, span_of(piece));
    if (n) {
      got.append(piece, 0, n.value());
    } else {
      REQUIRE(n.why() == errc::would_block);
      b.turn(b->now_ns() + millisecond_ns);
    }
  }
  CHECK(taken == whole.size());
  CHECK((got == whole));
}

CONTRACT("P4 try_receive says eof once every byte was read, and says so again") {
  const bench::pair two = b.connected();
  b.send_all(two.client, "the last words");
  REQUIRE_FALSE(b->shut_send(two.client));
  error why;
  CHECK(b.receive_rest(two.server, why) == "the last words");
  CHECK(why.code == errc::eof);
  for (int again = 0; again < 3; ++again) {
    CHECK(b.receive_rest(two.server, why).empty());
    CHECK(why.code == errc::eof);
  }
}

CONTRACT("P4 after the peer ended its side we can still answer it") {
  const bench::pair two = b.connected();
  b.send_all(two.client, "question");
  REQUIRE_FALSE(b->shut_send(two.client));
  error why;
  CHECK(b.receive_rest(two.server, why) == "question");
  b.send_all(two.server, "answer");
  REQUIRE_FALSE(b->shut_send(two.server));
  CHECK(b.receive_rest(two.client, why) == "answer");
  CHECK(why.code == errc::eof);
}

CONTRACT("P4 sending after our own side was ended is broken_pipe") {
  const bench::pair two = b.connected();
  REQUIRE_FALSE(b->shut_send(two.client));
  const byte_view part = as_bytes("late");
  CHECK(b->try_send(two.client, {&part, 1}).why() == errc::broken_pipe);
}

CONTRACT("P12 an operation over no bytes at all could never end, and is invalid") {
  const bench::pair c = b.connected();
  const file none;
  bench::op o;
  CHECK(b->receive(c.server, {}, &o).why == errc::invalid);
  CHECK(b->send(c.server, {}, &o).why == errc::invalid);
  CHECK(b->send_file(c.server, none, 0, 0, &o).why == errc::invalid);
  CHECK(b->counters().operations_open == 0);
}

}  // namespace weir::platform::contract
