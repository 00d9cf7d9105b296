// What mbedTLS does to a binding that trusts its answers (H1 to H17), and that the engine does not.
//
// Each hazard is first shown on the library itself, over a wire with a given amount of room: if a
// later version stops behaving so, these tests say it. Then the same happens to an engine.
#include <string>

#include <catch_amalgamated.hpp>

#include "engine_pair.hpp"
#include "narrow_wire.hpp"

using namespace weir;
using namespace weir::test;
using answer = tls::outcome::answer;

namespace {

// The library as a naive binding uses it, against an engine that reads what comes out.
struct naive {
  explicit naive(tls::version v) : naive(speaking(v)) {}
  explicit naive(const std::pair<tls::context, tls::context>& of)
      : peer(take(engine::for_client(of.second, host))) {
    result<std::unique_ptr<tls::session>> opened = tls::open_session(of.first.data(), {});
    REQUIRE(opened.ok());
    server = std::move(opened).value();
    REQUIRE_FALSE(server->attach(wire));
  }
  void exchange() {
    for (const byte_view piece : peer->egress()) wire.in += as_text(piece);
    peer->sent(peer->egress_bytes());
    inject(*peer, std::exchange(wire.out, ""));
    static_cast<void>(peer->advance());
  }
  void shake() {
    bool done = false;
    for (int i = 0; i < 20 && !done; ++i) {
      static_cast<void>(peer->advance());
      exchange();
      done = server->handshake().what == answer::done;
      exchange();
    }
    REQUIRE(done);
    REQUIRE_FALSE(peer->handshaking());
    REQUIRE(peer_reads().empty());
  }
  std::string peer_reads(error* why = nullptr) {
    exchange();
    return read_all(*peer, why);
  }
  tls::outcome write(std::string_view text) { return server->write(as_bytes(text)); }

  string_wire wire;
  std::unique_ptr<tls::session> server;
  std::unique_ptr<engine> peer;
};

// An engine as server whose egress can be made narrow, and a client. It puts its records down
// whenever it may.
struct ours {
  explicit ours(tls::version v) : ours(speaking(v)) {}
  explicit ours(const std::pair<tls::context, tls::context>& of) : pair(of.first, of.second) {
    result<std::unique_ptr<tls::session>> opened = tls::open_session(of.first.data(), {});
    REQUIRE(opened.ok());
    tls::engine_options options;
    options.records = &pool;
    pair.server = std::make_unique<engine>(
        std::make_unique<narrow_session>(std::move(opened).value(), room), options);
  }
  void shake() {
    REQUIRE(pair.shake());
    REQUIRE(read_all(*pair.client).empty());
  }
  // Everything that can move, moves.
  std::string client_reads(error* why = nullptr) {
    std::string text;
    for (int i = 0; i < 8; ++i) {
      static_cast<void>(pair.server->advance());
      carry(*pair.server, *pair.client);
      text += read_all(*pair.client, why);
      pair.server->give_back();
    }
    return text;
  }
  error write(std::string_view text) {
    const error why = pair.server->write(as_bytes(text)).why();
    pair.server->give_back();
    return why;
  }

  std::size_t room = plenty;
  runtime::buffer_pool pool{engine::records_bytes(), 2, 2};
  engine_pair pair;
};

tls::version any_version() {
  return GENERATE(tls::version::tls_1_2, tls::version::tls_1_3);
}

const std::string hundred(100, 'a');

}  // namespace

TEST_CASE("H1: a blocked write repeated with more is told as done, and is not") {
  const tls::version v = any_version();
  naive bare(v);
  bare.shake();
  bare.wire.room = 10;
  REQUIRE(bare.write(hundred).what == answer::want_write);
  bare.wire.room = plenty;
  CHECK(bare.write(std::string(200, 'b')).bytes == 200);
  CHECK(bare.peer_reads() == hundred);

  ours safe(v);
  safe.shake();
  safe.room = 10;
  REQUIRE_FALSE(safe.write(hundred));
  CHECK(safe.write(std::string(200, 'b')) == errc::would_block);
  safe.room = plenty;
  CHECK(safe.client_reads() == hundred);
  REQUIRE_FALSE(safe.write(std::string(200, 'b')));
  CHECK(safe.client_reads() == std::string(200, 'b'));
}

TEST_CASE("H2: a blocked write repeated with less makes its caller send the rest twice") {
  const tls::version v = any_version();
  naive bare(v);
  bare.shake();
  bare.wire.room = 10;
  REQUIRE(bare.write(hundred).what == answer::want_write);
  bare.wire.room = plenty;
  CHECK(bare.write(hundred.substr(0, 10)).bytes == 10);
  CHECK(bare.peer_reads() == hundred);

  ours safe(v);
  safe.shake();
  safe.room = 10;
  const result<std::size_t> taken = safe.pair.server->write(as_bytes(hundred));
  REQUIRE(taken.ok());
  CHECK(taken.value() == 100);
  CHECK(safe.write(hundred.substr(0, 10)) == errc::would_block);
  safe.room = plenty;
  CHECK(safe.client_reads() == hundred);
}

TEST_CASE("H3: the bytes of the first attempt are what is sent, wherever the caller points") {
  const tls::version v = any_version();
  naive bare(v);
  bare.shake();
  bare.wire.room = 10;
  REQUIRE(bare.write(hundred).what == answer::want_write);
  bare.wire.room = plenty;
  CHECK(bare.write(std::string(100, 'b')).bytes == 100);
  CHECK(bare.peer_reads() == hundred);

  ours safe(v);
  safe.shake();
  safe.room = 10;
  {
    std::string gone = hundred;
    REQUIRE_FALSE(safe.write(gone));
    gone.assign(100, 'b');
  }
  safe.room = plenty;
  CHECK(safe.client_reads() == hundred);
}

TEST_CASE("H6: close_notify over a blocked write says done and was never sent") {
  const tls::version v = any_version();
  naive bare(v);
  bare.shake();
  bare.wire.room = 10;
  REQUIRE(bare.write(hundred).what == answer::want_write);
  bare.wire.room = plenty;
  REQUIRE(bare.server->close_notify().what == answer::done);
  error why;
  CHECK(bare.peer_reads(&why) == hundred);
  CHECK(why == errc::would_block);  // no end in sight

  ours safe(v);
  safe.shake();
  safe.room = 10;
  REQUIRE_FALSE(safe.write(hundred));
  CHECK(safe.pair.server->close() == errc::would_block);
  safe.room = plenty;
  CHECK(safe.client_reads(&why) == hundred);
  CHECK(why == errc::eof);
}

TEST_CASE("H6b: close_notify and then the blocked write again sends the bytes twice") {
  const tls::version v = any_version();
  naive bare(v);
  bare.shake();
  bare.wire.room = 10;
  REQUIRE(bare.write(hundred).what == answer::want_write);
  bare.wire.room = plenty;
  REQUIRE(bare.server->close_notify().what == answer::done);
  REQUIRE(bare.write(hundred).what == answer::done);
  CHECK(bare.peer_reads() == hundred + hundred);

  ours safe(v);
  safe.shake();
  safe.room = 10;
  REQUIRE_FALSE(safe.write(hundred));
  CHECK(safe.pair.server->close() == errc::would_block);
  CHECK(safe.write(hundred) == errc::broken_pipe);
  safe.room = plenty;
  CHECK(safe.client_reads() == hundred);
}

TEST_CASE("H8: one write carries one record; the rest is written by further ones") {
  const tls::version v = any_version();
  naive bare(v);
  bare.shake();
  const std::string text = pattern(40'000);
  CHECK(bare.write(text).bytes == (v == tls::version::tls_1_2 ? 16'384 : 16'383));

  ours safe(v);
  safe.shake();
  std::string got;
  std::size_t sent = 0;
  while (sent < text.size()) {
    const result<std::size_t> taken =
        safe.pair.server->write(as_bytes(std::string_view(text).substr(sent)));
    if (taken.ok()) sent += taken.value();
    got += safe.client_reads();
  }
  CHECK(got == text);
}

TEST_CASE("H9: a write of nothing is a record of nothing, so it is never made") {
  const tls::version v = any_version();
  ours safe(v);
  safe.shake();
  CHECK_FALSE(safe.write(""));
  CHECK(safe.pair.server->egress_bytes() == 0);
}

TEST_CASE("H10: after its own close_notify the library would go on writing; the engine does not") {
  const tls::version v = any_version();
  naive bare(v);
  bare.shake();
  REQUIRE(bare.server->close_notify().what == answer::done);
  CHECK(bare.write("more after the end").what == answer::done);

  ours safe(v);
  safe.shake();
  REQUIRE_FALSE(safe.pair.server->close());
  CHECK(safe.write("more after the end") == errc::broken_pipe);
  error why;
  CHECK(safe.client_reads(&why).empty());
  CHECK(why == errc::eof);
}

TEST_CASE("H11: the end of the wire and close_notify are two things") {
  const tls::version v = any_version();
  naive bare(v);
  bare.shake();
  bare.wire.ended = true;
  std::array<std::byte, 10> room;
  CHECK(bare.server->read(room).what == answer::eof);
}

TEST_CASE("H12: a failed session fails for good, although the library would only wait") {
  const tls::version v = any_version();
  naive bare(v);
  bare.shake();
  REQUIRE(bare.peer->write(as_bytes("hello")).ok());
  bare.exchange();
  bare.wire.in.back() = static_cast<char>(bare.wire.in.back() ^ 1);
  std::array<std::byte, 10> room;
  CHECK(bare.server->read(room).what == answer::failed);
  CHECK(bare.server->read(room).what == answer::want_read);

  ours safe(v);
  safe.shake();
  REQUIRE(safe.pair.client->write(as_bytes("hello")).ok());
  std::string record(as_text(safe.pair.client->egress()[0]));
  record.back() = static_cast<char>(record.back() ^ 1);
  inject(*safe.pair.server, record);
  error why;
  CHECK(read_all(*safe.pair.server, &why).empty());
  CHECK(why == errc::protocol);
  CHECK(read_all(*safe.pair.server, &why).empty());
  CHECK(why == errc::protocol);
}

TEST_CASE("H15: a handshake is over when the library says so, not when nothing is left to ask") {
  const auto of = speaking(tls::version::tls_1_3);
  ours safe(of);
  // All but the client's last flight; then the server's tickets find no room.
  while (safe.pair.server->egress_bytes() == 0) {
    static_cast<void>(safe.pair.client->advance());
    carry(*safe.pair.client, *safe.pair.server);
    static_cast<void>(safe.pair.server->advance());
  }
  carry(*safe.pair.server, *safe.pair.client);
  REQUIRE_FALSE(safe.pair.client->advance());
  REQUIRE(safe.pair.client->write(as_bytes("early bird")).ok());
  safe.room = 10;
  carry(*safe.pair.client, *safe.pair.server);
  CHECK(safe.pair.server->advance() == errc::would_block);
  CHECK(safe.pair.server->handshaking());
  CHECK(safe.pair.server->wants_send());
  error why;
  CHECK(read_all(*safe.pair.server, &why).empty());
  CHECK(why == errc::would_block);
  CHECK_FALSE(safe.pair.server->writable());
  safe.room = plenty;
  carry(*safe.pair.server, *safe.pair.client);
  REQUIRE_FALSE(safe.pair.server->advance());
  CHECK(read_all(*safe.pair.server) == "early bird");
}

TEST_CASE("H16: nothing is written before the handshake is over") {
  const tls::version v = any_version();
  ours safe(v);
  CHECK(safe.write("too early") == errc::would_block);
  CHECK_FALSE(safe.pair.server->writable());
  safe.shake();
  REQUIRE_FALSE(safe.write("in time"));
  CHECK(safe.client_reads() == "in time");
}

TEST_CASE("H17: a close_notify that is blocked itself is delivered later") {
  const tls::version v = any_version();
  ours safe(v);
  safe.shake();
  REQUIRE_FALSE(safe.write("last"));
  safe.room = 5;
  CHECK(safe.pair.server->close() == errc::would_block);
  safe.room = plenty;
  error why;
  CHECK(safe.client_reads(&why) == "last");
  CHECK(why == errc::eof);
  CHECK_FALSE(safe.pair.server->close());
}
