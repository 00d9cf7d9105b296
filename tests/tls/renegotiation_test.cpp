// H4, H5 and W8: a client that asks for another handshake while we cannot send.
//
// Renegotiation is not compiled in; the request is still answered, by an alert, and that is enough
// for a naive binding to lose or to double what it writes next.
#include <string>

#include <catch_amalgamated.hpp>

#include "bare_client.hpp"
#include "engine_pair.hpp"
#include "narrow_wire.hpp"

using namespace weir;
using namespace weir::test;
using answer = tls::outcome::answer;

namespace {

const std::string hundred(100, 'a');
constexpr bare_client::message again = bare_client::message::client_hello;

// The library as a naive binding uses it.
struct naive {
  naive() : of(speaking(tls::version::tls_1_2)), peer(of.second) {
    result<std::unique_ptr<tls::session>> opened = tls::open_session(of.first.data(), {});
    REQUIRE(opened.ok());
    server = std::move(opened).value();
    REQUIRE_FALSE(server->attach(wire));
    bool done = false;
    for (int i = 0; i < 20 && !done; ++i) {
      static_cast<void>(peer.handshake());
      exchange();
      done = server->handshake().what == answer::done;
      exchange();
    }
    REQUIRE(peer.handshake());
  }
  void exchange() {
    wire.in += std::exchange(peer.out, "");
    peer.in += std::exchange(wire.out, "");
  }
  tls::outcome read() {
    std::array<std::byte, 10> room;
    return server->read(room);
  }
  std::pair<tls::context, tls::context> of;
  bare_client peer;
  string_wire wire;
  std::unique_ptr<tls::session> server;
};

// The same under an engine, which puts its records down whenever it may.
struct ours {
  ours() : of(speaking(tls::version::tls_1_2)), peer(of.second) {
    result<std::unique_ptr<tls::session>> opened = tls::open_session(of.first.data(), {});
    REQUIRE(opened.ok());
    tls::engine_options options;
    options.records = &pool;
    server = std::make_unique<engine>(
        std::make_unique<narrow_session>(std::move(opened).value(), room), options);
    for (int i = 0; i < 20 && server->handshaking(); ++i) {
      static_cast<void>(peer.handshake());
      exchange();
      static_cast<void>(server->advance());
      exchange();
    }
    REQUIRE(peer.handshake());
  }
  void exchange() {
    inject(*server, std::exchange(peer.out, ""));
    drain();
  }
  void drain() {
    for (const byte_view piece : server->egress()) peer.in += as_text(piece);
    server->sent(server->egress_bytes());
    server->give_back();
  }
  error read() {
    std::array<std::byte, 10> into;
    const error why = server->read(into).why();
    server->give_back();
    return why;
  }
  std::pair<tls::context, tls::context> of;
  runtime::buffer_pool pool{engine::records_bytes(), 2, 2};
  std::size_t room = plenty;
  bare_client peer;
  std::unique_ptr<engine> server;
};

}  // namespace

TEST_CASE("S14 a refused renegotiation costs a client nothing but its answer") {
  ours safe;
  safe.peer.say(again);
  safe.exchange();
  CHECK(safe.read() == errc::would_block);
  CHECK(safe.server->egress_bytes() > 0);  // no_renegotiation
  REQUIRE(safe.server->write(as_bytes(hundred)).ok());
  safe.drain();
  CHECK(safe.peer.read_all() == hundred);
}

TEST_CASE("H4: after a refused renegotiation over a full wire the next write is lost, or an end") {
  naive bare;
  bare.peer.say(again);
  bare.exchange();
  bare.wire.room = 0;
  REQUIRE(bare.read().what == answer::want_write);
  REQUIRE(bare.read().what == answer::want_read);  // the alert is still unsent
  bare.wire.room = plenty;
  CHECK(bare.server->write(as_bytes(hundred)).bytes == 100);
  bare.exchange();
  CHECK(bare.peer.read_all().empty());

  ours safe;
  safe.peer.say(again);
  safe.room = 10;
  inject(*safe.server, std::exchange(safe.peer.out, ""));
  CHECK(safe.read() == errc::would_block);
  CHECK(safe.server->wants_send());
  CHECK(safe.server->write(as_bytes(hundred)).why() == errc::would_block);
  safe.room = plenty;
  safe.drain();
  static_cast<void>(safe.server->advance());
  const result<std::size_t> taken = safe.server->write(as_bytes(hundred));
  safe.drain();
  const std::string got = safe.peer.read_all();
  // W8: every byte, or the end of the connection. Never silence.
  if (taken.ok()) {
    CHECK(got == hundred);
  } else {
    CHECK(safe.server->at() == engine::phase::failed);
    CHECK(got.empty());
  }
}

TEST_CASE("H5: a read over a blocked write flushes it, and its retry sends it twice") {
  naive bare;
  bare.wire.room = 10;
  REQUIRE(bare.server->write(as_bytes(hundred)).what == answer::want_write);
  bare.peer.say(again);
  bare.exchange();
  bare.wire.room = plenty;
  static_cast<void>(bare.read());
  REQUIRE(bare.server->write(as_bytes(hundred)).bytes == 100);
  bare.exchange();
  CHECK(bare.peer.read_all() == hundred + hundred);

  ours safe;
  safe.room = 10;
  REQUIRE(safe.server->write(as_bytes(hundred)).ok());
  safe.peer.say(again);
  inject(*safe.server, std::exchange(safe.peer.out, ""));
  CHECK(safe.read() == errc::would_block);
  safe.room = plenty;
  for (int i = 0; i < 5; ++i) {
    safe.drain();
    static_cast<void>(safe.server->advance());
    static_cast<void>(safe.read());
  }
  CHECK(safe.peer.read_all() == hundred);
}

TEST_CASE("a client that only asks for handshakes, and never reads, loses nobody's bytes") {
  ours safe;
  // Each request is answered by an alert: at some point not even the reserve has room.
  std::size_t asked = 0;
  while (!safe.server->why_failed() && asked < 20'000) {
    safe.peer.say(again);
    ++asked;
    if (safe.server->ingress_room().size() < safe.peer.out.size()) break;
    inject(*safe.server, std::exchange(safe.peer.out, ""));
    const error why = safe.read();
    CHECK((why == errc::would_block || safe.server->why_failed()));
  }
  CHECK(asked > 1'000);
  safe.drain();
  static_cast<void>(safe.server->advance());
  const result<std::size_t> taken = safe.server->write(as_bytes(hundred));
  safe.drain();
  CHECK(safe.peer.read_all() == (taken.ok() ? hundred : ""));
  CHECK((taken.ok() || safe.server->at() == engine::phase::failed));
}
