// W1 to W15 of the binding's seam: what a TLS library may answer, and what the engine makes of it.
#include <string>

#include <catch_amalgamated.hpp>

#include "engine_pair.hpp"
#include "fake_session.hpp"
#include "narrow_wire.hpp"

using namespace weir;
using namespace weir::test;

namespace {

std::string without(std::string text, char mark) {
  std::erase(text, mark);
  return text;
}

// Its wire takes so many bytes, then once nothing, and from then on everything.
struct narrow_once final : narrow_session {
  narrow_once(std::unique_ptr<tls::session> real, std::size_t block_at)
      : narrow_session(std::move(real), left), left(block_at) {}
  result<std::size_t> give(byte_view bytes) noexcept override {
    const result<std::size_t> got = narrow_session::give(bytes);
    if (!got.ok()) left = plenty;
    return got;
  }
  std::size_t left;
};

}  // namespace

TEST_CASE("W1: a write that wants to read goes on when something is readable, byte for byte") {
  fake_engine e;
  e.open();
  e.script.write = {answer::want_read, answer::want_read};
  const std::string text = pattern(65'536);
  std::size_t taken = 0;
  REQUIRE_FALSE(e.write(text, &taken));
  CHECK(taken == 16'384);  // they count as taken: the engine keeps them
  CHECK(e.of.wants_receive(false));
  CHECK_FALSE(e.of.wants_send());
  CHECK_FALSE(e.of.writable());
  e.take_calls();
  e.writable();  // of no use to it
  CHECK(e.take_calls().empty());
  e.readable("x");
  CHECK(e.take_calls() == "w");
  e.readable("y");
  CHECK(e.take_calls() == "w");
  CHECK(e.of.writable());
  while (taken < text.size()) {
    e.writable();
    std::size_t more = 0;
    REQUIRE_FALSE(e.write(std::string_view(text).substr(taken), &more));
    taken += more;
  }
  e.writable();
  CHECK(e.wire == text);
  CHECK(e.of.counters().cross_wants == 2);
  CHECK(e.of.counters().futile_retries == 1);
  CHECK(e.read() == "xy");
}

TEST_CASE("W2: a write that wants to write goes on when ciphertext has left") {
  fake_engine e;
  e.open();
  e.script.write = {answer::want_write};
  const std::string text = pattern(40'000);
  std::size_t taken = 0;
  REQUIRE_FALSE(e.write(text, &taken));
  CHECK(e.of.wants_send());
  CHECK_FALSE(e.of.wants_receive(false));
  e.take_calls();
  e.readable("x");
  CHECK(e.take_calls().empty());
  e.writable();
  CHECK(e.take_calls() == "w");
  while (taken < text.size()) {
    std::size_t more = 0;
    REQUIRE_FALSE(e.write(std::string_view(text).substr(taken), &more));
    taken += more;
    e.writable();
  }
  e.writable();
  CHECK(without(e.wire, '#') == text);
}

TEST_CASE("W3: a read that wants to write waits for that, and no write runs in between") {
  fake_engine e;
  e.open();
  e.script.read = {answer::want_write};
  e.readable("question");
  CHECK(e.read().empty());
  CHECK(e.of.wants_send());
  CHECK_FALSE(e.of.wants_receive(true));
  CHECK_FALSE(e.of.writable());
  CHECK(e.write("answer") == errc::would_block);
  CHECK(e.take_calls() == "hr");
  SECTION("the reader comes back") {
    e.of.sent(e.of.egress_bytes());
    CHECK(e.read() == "question");
    CHECK(e.take_calls() == "r");
  }
  SECTION("the reader is busy: the read is not left hanging, and nothing of it is lost") {
    e.writable();
    CHECK(e.take_calls() == "r");
    CHECK(e.of.writable());
    REQUIRE_FALSE(e.write("answer"));
    CHECK(e.read() == "q");
    CHECK(e.read() == "uestion");
  }
}

TEST_CASE("W4: while a handler works nothing is waited for that only it could use") {
  fake_engine e;
  e.open();
  e.script.read = {answer::want_read};
  CHECK(e.read().empty());
  CHECK(e.of.wants_receive(true));
  CHECK_FALSE(e.of.wants_receive(false));
  CHECK_FALSE(e.of.wants_send());
  e.take_calls();
  for (int i = 0; i < 100; ++i) CHECK_FALSE(e.of.advance());
  CHECK(e.take_calls().empty());
  e.readable("request");
  CHECK(e.read() == "request");
}

TEST_CASE("W5: wants inside a streamed body and between chunks lose nothing") {
  fake_engine e;
  e.open();
  std::string sent;
  for (int chunk = 0; chunk < 60; ++chunk) {
    if (chunk % 3 == 1) e.script.write = {answer::want_write};
    if (chunk % 3 == 2) e.script.write = {answer::want_read, answer::want_write};
    const std::string text = "5\r\n" + pattern(5) + std::to_string(chunk) + "\r\n";
    std::size_t at = 0;
    for (int turn = 0; at < text.size() || turn < 3; ++turn) {
      std::size_t taken = 0;
      if (at < text.size()) {
        const error why = e.write(std::string_view(text).substr(at), &taken);
        CHECK((!why || why == errc::would_block));
      }
      at += taken;
      e.readable("b");
      CHECK(e.read().size() <= 3);
      e.writable();
      REQUIRE(turn < 20);
    }
    sent += text;
  }
  CHECK(without(e.wire, '#') == sent);
}

TEST_CASE("W6: a thousand events for no reason cost nothing and change nothing") {
  fake_engine e;
  e.open();
  SECTION("a write that wants to read") {
    e.script.write = {answer::want_read};
  }
  SECTION("a write that wants to write") {
    e.script.write = {answer::want_write};
  }
  REQUIRE_FALSE(e.write("text"));
  const bool receives = e.of.wants_receive(false);
  const bool sends = e.of.wants_send();
  CHECK(receives != sends);
  e.take_calls();
  for (int i = 0; i < 1'000; ++i) {
    e.readable();
    e.of.sent(0);
    static_cast<void>(e.of.advance());
  }
  CHECK(e.take_calls().empty());
  CHECK(e.of.wants_receive(false) == receives);
  CHECK(e.of.wants_send() == sends);
  CHECK(e.of.counters().futile_retries == 0);
}

TEST_CASE("W7: a writer whose queue grows or shrinks changes nothing of a write under way") {
  fake_engine e;
  e.open();
  e.script.write = {answer::want_write};
  std::string queue(100, 'a');
  std::size_t taken = 0;
  REQUIRE_FALSE(e.write(queue, &taken));
  REQUIRE(taken == 100);
  queue.assign(200, 'b');  // the memory of the first call is another thing now
  CHECK(e.write(queue) == errc::would_block);
  queue.resize(10);
  CHECK(e.write(queue) == errc::would_block);
  e.writable();
  REQUIRE_FALSE(e.write(queue, &taken));
  CHECK(taken == 10);
  e.writable();
  CHECK(e.wire == "#" + std::string(100, 'a') + std::string(10, 'b'));
  CHECK(e.script.written == std::vector<std::string>{std::string(100, 'a'), std::string(100, 'a'),
                                                     std::string(10, 'b')});
}

TEST_CASE("W9: a close waits for the write before it, and is really sent") {
  fake_engine e;
  e.open();
  e.script.write = {answer::want_write};
  REQUIRE_FALSE(e.write("last"));
  CHECK(e.of.close() == errc::would_block);
  CHECK(e.take_calls() == "hw");
  SECTION("at once") {
    e.writable();
    CHECK(e.take_calls() == "wc");
  }
  SECTION("blocked itself, and the first success was only that of the record before it") {
    e.script.close = {answer::want_write, answer::done};
    e.script.unsent = {false, true, false};
    e.writable();
    CHECK(e.take_calls() == "wc");
    CHECK(e.of.close() == errc::would_block);
    e.writable();
    CHECK(e.take_calls() == "cc");
  }
  CHECK_FALSE(e.of.close());
  e.writable();
  CHECK(without(e.wire, '#') == "last!");
  CHECK(e.of.at() == engine::phase::write_shut);
  CHECK(e.write("more") == errc::broken_pipe);
  CHECK_FALSE(e.of.close());
  CHECK(e.take_calls().empty());
  e.readable("still read");
  CHECK(e.read() == "still read");
}

TEST_CASE("W11: after a failure the library is not called again, whatever comes") {
  fake_engine e;
  SECTION("in the handshake") {
    e.script.handshake = {answer::failed};
  }
  SECTION("reading") {
    e.open();
    e.script.read = {answer::failed};
    CHECK(e.read().empty());
  }
  SECTION("writing, with a write under way") {
    e.open();
    e.script.write = {answer::want_write, answer::failed};
    REQUIRE_FALSE(e.write("text"));
    e.writable();
  }
  static_cast<void>(e.of.advance());
  REQUIRE(e.of.at() == engine::phase::failed);
  e.take_calls();
  for (int i = 0; i < 10; ++i) {
    e.readable("more");
    e.writable();
    error why;
    CHECK(e.read(&why).empty());
    CHECK(why == errc::protocol);
    CHECK(e.write("x") == errc::protocol);
    CHECK(e.of.close() == errc::protocol);
  }
  e.of.transport_ended({errc::reset, "test"});
  CHECK(e.of.advance() == errc::protocol);
  CHECK(e.take_calls().empty());
  CHECK_FALSE(e.of.wants_receive(true));
}

TEST_CASE("W13: reading paused with records buffered goes on without an event") {
  fake_engine e;
  e.open();
  e.readable("one two three");
  std::array<std::byte, 4> room;
  REQUIRE(e.of.read(room).ok());
  CHECK(e.of.readable());
  CHECK(e.read() == "two three");
  CHECK_FALSE(e.of.readable());
}

TEST_CASE("W14: a ticket before the data is passed over, signalled or not") {
  fake_engine e;
  e.open();
  SECTION("said by name") {
    e.script.read = {answer::again, answer::again};
  }
  SECTION("said as a want while something is pending") {
    e.script.pending = true;
    e.script.read = {answer::want_read, answer::again};
  }
  e.readable("data");
  CHECK(e.read() == "data");
}

TEST_CASE("a library that always claims to hold something is asked twice, not for ever") {
  fake_engine e;
  e.open();
  e.script.pending = true;
  e.script.read = std::deque<answer>(1'000, answer::want_read);
  e.take_calls();
  CHECK(e.read().empty());
  CHECK(e.take_calls() == "rr");
  CHECK(e.read().empty());
  CHECK(e.take_calls().empty());
  CHECK_FALSE(e.of.readable());
  e.readable("x");
  CHECK(e.read().empty());
  CHECK(e.take_calls() == "rr");
}

TEST_CASE("W15: a handshake blocked once at every place, each way, completes") {
  const tls::version v = GENERATE(tls::version::tls_1_2, tls::version::tls_1_3);
  const auto [of_server, of_client] = speaking(v);
  for (std::size_t at = 1; at < 1'200; at += at < 20 ? 1 : 37) {
    INFO("blocked after " << at << " bytes");
    engine_pair pair(of_server, of_client);
    result<std::unique_ptr<tls::session>> server = tls::open_session(of_server.data(), {});
    result<std::unique_ptr<tls::session>> client = tls::open_session(of_client.data(), host);
    REQUIRE(server.ok());
    REQUIRE(client.ok());
    pair.server = std::make_unique<engine>(
        std::make_unique<narrow_once>(std::move(server).value(), at), tls::engine_options());
    pair.client = std::make_unique<engine>(
        std::make_unique<narrow_once>(std::move(client).value(), at), tls::engine_options());
    REQUIRE(pair.shake());
    REQUIRE(pair.client->write(as_bytes("hello")).ok());
    carry(*pair.client, *pair.server);
    static_cast<void>(pair.client->advance());
    carry(*pair.client, *pair.server);
    CHECK(read_all(*pair.server) == "hello");
  }
}
