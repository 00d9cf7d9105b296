#include <string>

#include <catch_amalgamated.hpp>

#include "engine_pair.hpp"

using namespace weir;
using namespace weir::test;

namespace {

std::size_t write_text(engine& to, std::string_view text) {
  const result<std::size_t> got = to.write(as_bytes(text));
  return got.ok() ? got.value() : 0;
}

// Sends all of `text`, carrying as needed, and returns what the other side read.
std::string pass(engine& from, engine& to, std::string_view text, std::size_t most) {
  std::string read;
  std::size_t quiet = 0;
  std::size_t written = 0;
  while (quiet < 4) {
    const std::size_t before = read.size() + written;
    if (written < text.size()) written += write_text(from, text.substr(written));
    carry(from, to, most);
    static_cast<void>(to.advance());
    read += read_all(to);
    static_cast<void>(from.advance());
    quiet = before == read.size() + written && from.egress_bytes() == 0 ? quiet + 1 : 0;
  }
  return read;
}

}  // namespace

TEST_CASE("both versions shake hands, agree on a protocol and carry bytes both ways") {
  const tls::version v = GENERATE(tls::version::tls_1_2, tls::version::tls_1_3);
  const auto [of_server, of_client] = speaking(v);
  engine_pair pair(of_server, of_client);
  REQUIRE(pair.shake());
  CHECK(pair.server->spoken() == v);
  CHECK(pair.client->spoken() == v);
  CHECK(pair.server->protocol() == "http/1.1");
  CHECK(pair.client->protocol() == "http/1.1");
  const std::string text = pattern(300'000);
  CHECK(pass(*pair.client, *pair.server, text, ~std::size_t{0}) == text);
  CHECK(pass(*pair.server, *pair.client, text, ~std::size_t{0}) == text);
  CHECK(pair.server->counters().futile_retries == 0);
  CHECK(pair.client->counters().futile_retries == 0);
  CHECK(pair.server->counters().cross_wants == 0);
}

TEST_CASE("W12: every split of the ciphertext gives the same text") {
  const tls::version v = GENERATE(tls::version::tls_1_2, tls::version::tls_1_3);
  const auto [of_server, of_client] = speaking(v);
  const std::string text = pattern(3'000);
  for (const int bytes : {1, 2, 3, 4, 5, 6, 7, 11, 16, 21, 37, 64, 255, 1'021, 16'384}) {
    const auto most = static_cast<std::size_t>(bytes);
    INFO("pieces of " << most);
    engine_pair pair(of_server, of_client);
    REQUIRE(pair.shake(most));
    CHECK(pass(*pair.client, *pair.server, text, most) == text);
    CHECK(pass(*pair.server, *pair.client, text, most) == text);
    CHECK(pair.server->counters().futile_retries == 0);
  }
}

TEST_CASE("W12: a record cut in two at every place is read whole") {
  const tls::version v = GENERATE(tls::version::tls_1_2, tls::version::tls_1_3);
  const auto [of_server, of_client] = speaking(v);
  engine_pair pair(of_server, of_client);
  REQUIRE(pair.shake());
  const std::string text = "neither lost nor doubled";
  std::size_t cuts = 0;
  for (std::size_t cut = 1;; ++cut, ++cuts) {
    REQUIRE(write_text(*pair.client, text) == text.size());
    if (cut >= pair.client->egress_bytes()) break;
    carry(*pair.client, *pair.server, cut);
    CHECK(read_all(*pair.server).empty());
    CHECK(pair.server->wants_receive(true));
    carry(*pair.client, *pair.server);
    CHECK(read_all(*pair.server) == text);
  }
  CHECK(cuts > text.size());
}

TEST_CASE("W13: what is buffered inside is read without another event") {
  const tls::version v = GENERATE(tls::version::tls_1_2, tls::version::tls_1_3);
  const auto [of_server, of_client] = speaking(v);
  engine_pair pair(of_server, of_client);
  REQUIRE(pair.shake());
  for (const char* each : {"one ", "two ", "three"}) {
    REQUIRE(write_text(*pair.client, each) == std::string_view(each).size());
  }
  carry(*pair.client, *pair.server);
  std::byte one{};
  REQUIRE(pair.server->read({&one, 1}).ok());
  // The application pauses; nothing more comes from the wire.
  CHECK(pair.server->readable());
  CHECK(read_all(*pair.server) == "ne two three");
  CHECK_FALSE(pair.server->readable());
}

TEST_CASE("W14: tickets and data that come together are read without waiting") {
  const auto [of_server, of_client] = speaking(tls::version::tls_1_3);
  engine_pair pair(of_server, of_client);
  // The server's last flight, its ticket and its data arrive as one.
  while (pair.server->handshaking()) {
    static_cast<void>(pair.client->advance());
    carry(*pair.client, *pair.server);
    static_cast<void>(pair.server->advance());
    if (pair.server->handshaking()) carry(*pair.server, *pair.client);
  }
  REQUIRE(write_text(*pair.server, "greeting") == 8);
  carry(*pair.server, *pair.client);
  REQUIRE_FALSE(pair.client->advance());
  CHECK(pair.client->readable());
  CHECK(read_all(*pair.client) == "greeting");
}

TEST_CASE("a clean end is told from a truncated one") {
  const tls::version v = GENERATE(tls::version::tls_1_2, tls::version::tls_1_3);
  const auto [of_server, of_client] = speaking(v);
  engine_pair pair(of_server, of_client);
  REQUIRE(pair.shake());
  REQUIRE(write_text(*pair.client, "last words") == 10);
  error why;
  SECTION("close_notify, then the end of the stream") {
    REQUIRE_FALSE(pair.client->close());
    carry(*pair.client, *pair.server);
    pair.server->transport_ended({errc::eof, "test"});
    CHECK(read_all(*pair.server, &why) == "last words");
    CHECK(why == errc::eof);
    CHECK(pair.server->peer_closed());
    CHECK_FALSE(pair.server->truncated());
  }
  SECTION("the end of the stream alone") {
    carry(*pair.client, *pair.server);
    pair.server->transport_ended({errc::eof, "test"});
    CHECK(read_all(*pair.server, &why) == "last words");
    CHECK(why == errc::truncated);
    CHECK(pair.server->truncated());
    CHECK_FALSE(pair.server->peer_closed());
  }
}

TEST_CASE("half-close: a peer that has said close_notify is still answered") {
  const tls::version v = GENERATE(tls::version::tls_1_2, tls::version::tls_1_3);
  const auto [of_server, of_client] = speaking(v);
  engine_pair pair(of_server, of_client);
  REQUIRE(pair.shake());
  REQUIRE_FALSE(pair.client->close());
  carry(*pair.client, *pair.server);
  error why;
  CHECK(read_all(*pair.server, &why).empty());
  CHECK(why == errc::eof);
  CHECK(pair.server->writable());
  CHECK(write_text(*pair.server, "the answer") == 10);
  REQUIRE_FALSE(pair.server->close());
  carry(*pair.server, *pair.client);
  CHECK(read_all(*pair.client, &why) == "the answer");
  CHECK(why == errc::eof);
}

TEST_CASE("an altered record ends the session, once, and the peer is told") {
  const tls::version v = GENERATE(tls::version::tls_1_2, tls::version::tls_1_3);
  const auto [of_server, of_client] = speaking(v);
  engine_pair pair(of_server, of_client);
  REQUIRE(pair.shake());
  REQUIRE(write_text(*pair.client, "hello") == 5);
  std::string record(as_text(pair.client->egress()[0]));
  record.back() = static_cast<char>(record.back() ^ 1);
  inject(*pair.server, record);
  error why;
  CHECK(read_all(*pair.server, &why).empty());
  CHECK(why == errc::protocol);
  CHECK(pair.server->at() == engine::phase::failed);
  CHECK(pair.server->egress_bytes() > 0);  // the alert
  CHECK_FALSE(pair.server->wants_receive(true));
  CHECK(pair.server->write(as_bytes("x")).why() == errc::protocol);
  CHECK(pair.server->advance() == errc::protocol);
  CHECK(pair.server->close() == errc::protocol);
}

TEST_CASE("plain HTTP on a TLS port is not a record, and fails at once") {
  const tls::context of_server = make_context(server_options());
  const std::unique_ptr<engine> server = take(engine::for_server(of_server));
  inject(*server, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(server->advance() == errc::malformed);
  CHECK(server->at() == engine::phase::failed);
}

TEST_CASE("S17 S18 versions that do not overlap, and protocols that do not, are refused") {
  tls::server_options server = server_options();
  tls::client_options client = client_options();
  SECTION("1.2 only against 1.3 only") {
    server.oldest = tls::version::tls_1_3;
    client.newest = tls::version::tls_1_2;
  }
  SECTION("1.3 only against 1.2 only") {
    server.newest = tls::version::tls_1_2;
    client.oldest = tls::version::tls_1_3;
  }
  SECTION("no protocol in common") {
    client.protocols = {"h2"};
  }
  engine_pair pair(make_context(server), make_context(client));
  CHECK_FALSE(pair.shake());
  CHECK(pair.server->at() == engine::phase::failed);
}

TEST_CASE("S17 a client that asks for no protocol is served") {
  tls::client_options client = client_options();
  client.protocols.clear();
  engine_pair pair(make_context(server_options()), make_context(client));
  REQUIRE(pair.shake());
  CHECK(pair.server->protocol().empty());
}

TEST_CASE("S17 a server shows the certificate of the host that was asked for, or its first") {
  tls::certificate_request request = leaf_request();
  request.dns_names = {"*.example.com"};
  tls::server_options server = server_options();
  server.identities.push_back(identity_of(make_leaf(request)));
  const tls::context of_server = make_context(server);
  const tls::context of_client = make_context(client_options());
  for (const char* name : {"a.example.com", "localhost"}) {
    engine_pair pair(of_server, of_client);
    pair.client = take(engine::for_client(of_client, name));
    CHECK(pair.shake());
  }
  engine_pair pair(of_server, of_client);
  pair.client = take(engine::for_client(of_client, "unknown.test"));
  CHECK_FALSE(pair.shake());
  CHECK(pair.client->why_failed() == errc::permission);
}

TEST_CASE("S17 client certificates: asked for, required, and held to be good in both cases") {
  const tls::version v = GENERATE(tls::version::tls_1_2, tls::version::tls_1_3);
  tls::server_options server = server_options();
  server.oldest = server.newest = v;
  server.client_anchors = anchors_of(authority());
  tls::client_options client = client_options();
  server.ask = GENERATE(tls::client_certificates::optional, tls::client_certificates::required);
  const bool required = server.ask == tls::client_certificates::required;
  CAPTURE(required);
  SECTION("a good one") {
    client.identities = {identity_of(client_certificate())};
    engine_pair pair(make_context(server), make_context(client));
    CHECK(pair.shake());
  }
  SECTION("none") {
    engine_pair pair(make_context(server), make_context(client));
    pair.shake();
    CHECK(static_cast<bool>(pair.server->why_failed()) == required);
  }
  SECTION("one of somebody else") {
    tls::certificate_request request = leaf_request();
    request.for_servers = false;
    request.for_clients = true;
    client.identities = {identity_of(make_leaf(request, stranger()))};
    engine_pair pair(make_context(server), make_context(client));
    pair.shake();
    CHECK(pair.server->why_failed() == errc::permission);
  }
}

TEST_CASE("a step of a handshake is light when it takes no key, and only then") {
  const tls::version v = GENERATE(tls::version::tls_1_2, tls::version::tls_1_3);
  const bool asks = GENERATE(false, true);
  CAPTURE(v == tls::version::tls_1_3, asks);
  tls::server_options server = server_options();
  server.oldest = server.newest = v;
  if (asks) {
    server.ask = tls::client_certificates::optional;
    server.client_anchors = anchors_of(authority());
  }
  const tls::context of_server = make_context(std::move(server));
  const tls::context of_client = make_context(client_options());
  engine_pair pair(of_server, of_client);
  std::string steps;
  for (int i = 0; i < 10 && pair.server->handshaking(); ++i) {
    static_cast<void>(pair.client->advance());
    carry(*pair.client, *pair.server);
    steps += pair.server->light_step() ? 'l' : 'h';
    static_cast<void>(pair.server->advance());
    carry(*pair.server, *pair.client);
  }
  CHECK(steps == (v == tls::version::tls_1_3 && !asks ? "hl" : "hh"));
  CHECK_FALSE(pair.server->light_step());
}

TEST_CASE("a reader that does not read bounds what a writer can put in") {
  const auto [of_server, of_client] = speaking(tls::version::tls_1_3);
  engine_pair pair(of_server, of_client);
  REQUIRE(pair.shake());
  const std::string text = pattern(1'000'000);
  const std::size_t written = write_text(*pair.server, text);
  CHECK(written > 32'000);
  CHECK(written < 65'536 - engine::egress_reserve_bytes);
  CHECK_FALSE(pair.server->writable());
  CHECK(pair.server->write(as_bytes("x")).why() == errc::would_block);
  CHECK(pair.server->wants_send());
  // What has to be said always fits.
  REQUIRE_FALSE(pair.server->close());
  carry(*pair.server, *pair.client);
  error why;
  CHECK(read_all(*pair.client, &why) == text.substr(0, written));
  CHECK(why == errc::eof);
}

TEST_CASE("an idle engine holds no ring memory") {
  runtime::buffer_pool pool(65'536, 8, 8);
  tls::engine_options options;
  options.buffers = &pool;
  const auto [of_server, of_client] = speaking(tls::version::tls_1_3);
  engine_pair pair(of_server, of_client, options);
  REQUIRE(pair.shake());
  pair.server->give_back();
  pair.client->give_back();
  CHECK(pool.in_use() == 0);
  REQUIRE(write_text(*pair.client, "x") == 1);
  carry(*pair.client, *pair.server);
  CHECK(pool.in_use() == 2);
  CHECK(read_all(*pair.server) == "x");
  pair.server->give_back();
  pair.client->give_back();
  CHECK(pool.in_use() == 0);
}
