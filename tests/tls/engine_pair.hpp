// tests/tls/engine_pair.hpp - two engines and the wire between them, cut up as a test likes.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include <catch_amalgamated.hpp>

#include <weir/tls/engine.hpp>

#include "identities.hpp"

namespace weir::test {

using tls::engine;

inline std::unique_ptr<engine> take(result<std::unique_ptr<engine>> opened) {
  INFO(opened.why().where);
  REQUIRE(opened.ok());
  return std::move(opened).value();
}

// Moves at most `most` bytes of what `from` has to send; the text is what passed.
inline std::string carry(engine& from, engine& to, std::size_t most = ~std::size_t{0}) {
  std::string passed;
  while (passed.size() < most) {
    const byte_view piece = from.egress()[0];
    const byte_span room = to.ingress_room();
    const std::size_t count = std::min({piece.size(), room.size(), most - passed.size()});
    if (count == 0) break;
    std::memcpy(room.data(), piece.data(), count);
    passed += as_text(piece.first(count));
    to.received(count);
    from.sent(count);
  }
  return passed;
}

// Hands `to` bytes of the test's own.
inline void inject(engine& to, std::string_view bytes) {
  while (!bytes.empty()) {
    const byte_span room = to.ingress_room();
    REQUIRE_FALSE(room.empty());
    const std::size_t count = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), count);
    to.received(count);
    bytes.remove_prefix(count);
  }
}

// All that can be read now; ends at would_block, or with the error in `why`.
inline std::string read_all(engine& from, error* why = nullptr) {
  std::string text;
  std::array<std::byte, 20'000> room;
  for (;;) {
    const result<std::size_t> got = from.read(room);
    if (!got.ok()) {
      if (why != nullptr) *why = got.why();
      return text;
    }
    text += as_text(byte_view(room).first(got.value()));
  }
}

struct engine_pair {
  engine_pair(const tls::context& of_server, const tls::context& of_client,
              const tls::engine_options& options = {})
      : server(take(engine::for_server(of_server, options))),
        client(take(engine::for_client(of_client, host, options))) {}

  // Until both are open, `most` bytes at a time each way. False: one of them failed.
  bool shake(std::size_t most = ~std::size_t{0}) {
    for (int i = 0; i < 100'000; ++i) {
      static_cast<void>(client->advance());
      carry(*client, *server, most);
      static_cast<void>(server->advance());
      carry(*server, *client, most);
      static_cast<void>(client->advance());
      if (client->why_failed() && server->why_failed()) return false;
      const bool stuck = client->egress_bytes() == 0 && server->egress_bytes() == 0;
      if (stuck && (client->why_failed() || server->why_failed())) return false;
      if (stuck && !client->handshaking() && !server->handshaking()) return true;
    }
    return false;
  }

  std::unique_ptr<engine> server;
  std::unique_ptr<engine> client;
};

// Contexts that speak one version only.
inline std::pair<tls::context, tls::context> speaking(tls::version v) {
  tls::server_options server = server_options();
  server.oldest = server.newest = v;
  tls::client_options client = client_options();
  client.oldest = client.newest = v;
  return {make_context(std::move(server)), make_context(std::move(client))};
}

// Text that shows where it was cut.
inline std::string pattern(std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>('a' + i % 23 + i / 251 % 3);
  return text;
}

}  // namespace weir::test
