// What an open session puts down while it waits, and that nothing is lost by it: bytes, order, what
// came in part, what was not sent to its end.
//
// Only over the mbedTLS that weir builds: weir_mbedtls_rest.c. Tests that break here after a new
// version of it say that its inside has changed.
#include <algorithm>
#include <string>

#include <catch_amalgamated.hpp>

#include "engine_pair.hpp"
#include "narrow_wire.hpp"

using namespace weir;
using namespace weir::test;
using answer = tls::outcome::answer;

namespace {

tls::version any_version() {
  return GENERATE(tls::version::tls_1_2, tls::version::tls_1_3);
}

// Both sides have their records from one pool, and are open.
struct lent {
  explicit lent(tls::version v, std::uint32_t most = 8) : pool(engine::records_bytes(), most, 2) {
    const auto [of_server, of_client] = speaking(v);
    tls::engine_options options;
    options.records = &pool;
    pair = std::make_unique<engine_pair>(of_server, of_client, options);
    REQUIRE(pair->shake());
  }
  // Both have nothing to do any more. A handshake's last message is consumed by the first read.
  void rest() {
    CHECK(read_all(*pair->server).empty());
    CHECK(read_all(*pair->client).empty());
    put_down();
  }
  void put_down() {
    pair->server->give_back();
    pair->client->give_back();
  }

  runtime::buffer_pool pool;
  std::unique_ptr<engine_pair> pair;
};

void say(engine& from, std::string_view text) {
  const result<std::size_t> taken = from.write(as_bytes(text));
  REQUIRE(taken.ok());
  REQUIRE(taken.value() == text.size());
}

// Carries `most` at a time; whoever has nothing to do rests after each.
std::string pass_in_pieces(lent& of, engine& from, engine& to, std::string_view text,
                           std::size_t most) {
  std::string read;
  std::size_t written = 0;
  while (read.size() < text.size()) {
    if (written < text.size()) {
      const result<std::size_t> taken = from.write(as_bytes(text.substr(written)));
      if (taken.ok()) written += taken.value();
    }
    of.put_down();
    if (carry(from, to, most).empty()) break;
    read += read_all(to);
    of.put_down();
  }
  return read;
}

}  // namespace

TEST_CASE("a session that waits has no records, whatever version it speaks") {
  lent of(any_version());
  of.rest();
  CHECK(of.pool.in_use() == 0);
  say(*of.pair->client, "a question");
  of.put_down();
  CHECK(of.pool.in_use() == 0);  // it has left the session: the ring has it
  carry(*of.pair->client, *of.pair->server);
  CHECK(read_all(*of.pair->server) == "a question");
  CHECK(of.pool.in_use() == 1);
  of.put_down();
  CHECK(of.pool.in_use() == 0);
}

TEST_CASE("what a session said and read is not in the memory that the next one is lent") {
  lent of(any_version());
  of.rest();
  const std::string secret = pattern(12'000);
  const bool ends = GENERATE(false, true);
  INFO((ends ? "one that ends before it has read all" : "one at rest"));
  {  // what the heap had there before is not the session's
    const runtime::pooled_buffer one = of.pool.take();
    const runtime::pooled_buffer other = of.pool.take();
    for (const runtime::pooled_buffer* each : {&one, &other}) {
      std::fill(each->bytes().begin(), each->bytes().end(), std::byte{});
    }
  }
  say(*of.pair->client, secret);
  carry(*of.pair->client, *of.pair->server);
  std::array<std::byte, 12'000> room;
  REQUIRE(of.pair->server->read(byte_span(room).first(ends ? 100 : room.size())).ok());
  if (ends) {
    of.pair.reset();
  } else {
    of.put_down();
  }
  REQUIRE(of.pool.in_use() == 0);
  const runtime::pooled_buffer one = of.pool.take();
  const runtime::pooled_buffer other = of.pool.take();
  for (const runtime::pooled_buffer* each : {&one, &other}) {
    const std::string_view bytes{reinterpret_cast<const char*>(each->bytes().data()),
                                 each->bytes().size()};
    CHECK(bytes.find(secret.substr(0, 16)) == std::string_view::npos);
    CHECK(bytes.find(secret.substr(secret.size() - 16)) == std::string_view::npos);
  }
}

TEST_CASE("every split of the ciphertext gives the same text to sessions that rest in between") {
  const tls::version v = any_version();
  const std::string text = pattern(40'000);
  for (const int bytes : {1, 2, 3, 5, 6, 21, 64, 1'021, 16'384, 100'000}) {
    INFO("pieces of " << bytes);
    lent of(v);
    const auto most = static_cast<std::size_t>(bytes);
    const std::size_t some = most < 6 ? 2'000 : text.size();
    CHECK(pass_in_pieces(of, *of.pair->client, *of.pair->server, text.substr(0, some), most) ==
          text.substr(0, some));
    CHECK(pass_in_pieces(of, *of.pair->server, *of.pair->client, text.substr(0, some), most) ==
          text.substr(0, some));
    of.put_down();
    CHECK(of.pool.in_use() == 0);
  }
}

TEST_CASE("many records each way keep their numbers while both sessions rest between them") {
  lent of(any_version());
  for (int i = 0; i < 600; ++i) {  // more than one byte of a number holds
    const std::string text = std::to_string(i);
    say(*of.pair->client, text);
    of.put_down();
    carry(*of.pair->client, *of.pair->server);
    REQUIRE(read_all(*of.pair->server) == text);
    say(*of.pair->server, text);
    of.put_down();
    carry(*of.pair->server, *of.pair->client);
    REQUIRE(read_all(*of.pair->client) == text);
    of.put_down();
    REQUIRE(of.pool.in_use() == 0);
  }
}

TEST_CASE("half a record is kept until the rest has come") {
  lent of(any_version());
  of.rest();
  say(*of.pair->client, "a question");
  const std::size_t whole = of.pair->client->egress_bytes();
  carry(*of.pair->client, *of.pair->server, whole / 2);
  CHECK(read_all(*of.pair->server).empty());
  of.put_down();
  CHECK(of.pool.in_use() == 1);
  carry(*of.pair->client, *of.pair->server);
  CHECK(read_all(*of.pair->server) == "a question");
  of.put_down();
  CHECK(of.pool.in_use() == 0);
}

TEST_CASE("a record that was not read to its end is kept") {
  lent of(any_version());
  of.rest();
  say(*of.pair->client, "a question");
  carry(*of.pair->client, *of.pair->server);
  std::array<std::byte, 3> room;
  REQUIRE(of.pair->server->read(room).value() == 3);
  of.put_down();
  CHECK(of.pool.in_use() == 1);
  CHECK(read_all(*of.pair->server) == "uestion");
  of.put_down();
  CHECK(of.pool.in_use() == 0);
}

TEST_CASE("a record that was not sent to its end is kept, and is sent once") {
  const auto [of_server, of_client] = speaking(any_version());
  runtime::buffer_pool pool(engine::records_bytes(), 8, 2);
  std::size_t room = plenty;
  result<std::unique_ptr<tls::session>> opened = tls::open_session(of_server.data(), {});
  REQUIRE(opened.ok());
  engine_pair pair(of_server, of_client);
  tls::engine_options options;
  options.records = &pool;
  pair.server = std::make_unique<engine>(
      std::make_unique<narrow_session>(std::move(opened).value(), room), options);
  REQUIRE(pair.shake());
  CHECK(read_all(*pair.server).empty());
  pair.server->give_back();
  CHECK(pool.in_use() == 0);
  room = 10;
  say(*pair.server, "an answer");
  pair.server->give_back();
  CHECK(pool.in_use() == 1);
  carry(*pair.server, *pair.client);
  room = plenty;
  REQUIRE_FALSE(pair.server->advance());
  carry(*pair.server, *pair.client);
  CHECK(read_all(*pair.client) == "an answer");
  pair.server->give_back();
  CHECK(pool.in_use() == 0);
}

TEST_CASE("a session at rest says close_notify, and hears it") {
  lent of(any_version());
  of.rest();
  REQUIRE_FALSE(of.pair->server->close());
  of.put_down();
  CHECK(of.pool.in_use() == 0);
  carry(*of.pair->server, *of.pair->client);
  error why;
  CHECK(read_all(*of.pair->client, &why).empty());
  CHECK(why == errc::eof);
  say(*of.pair->client, "a last word");
  of.put_down();
  carry(*of.pair->client, *of.pair->server);
  CHECK(read_all(*of.pair->server) == "a last word");
  of.pair.reset();
  CHECK(of.pool.in_use() == 0);
}

TEST_CASE("a record that was altered fails a session that was at rest, which is told to the peer") {
  lent of(any_version());
  of.rest();
  say(*of.pair->client, "a question");
  std::string bytes;
  for (const byte_view piece : of.pair->client->egress()) bytes += as_text(piece);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  inject(*of.pair->server, bytes);
  error why;
  CHECK(read_all(*of.pair->server, &why).empty());
  CHECK(why == errc::protocol);
  carry(*of.pair->server, *of.pair->client);
  CHECK(read_all(*of.pair->client, &why).empty());
  CHECK(std::string(why.where) == "tls: the peer sent a fatal alert");
  of.put_down();  // failed: it is left alone, and has what it had until it ends
  of.pair.reset();
  CHECK(of.pool.in_use() == 0);
}

TEST_CASE("a session that ends inside a record gives its memory back, and one at rest has none") {
  lent of(any_version());
  of.rest();
  say(*of.pair->client, "a question");
  carry(*of.pair->client, *of.pair->server, 7);
  CHECK(read_all(*of.pair->server).empty());
  of.put_down();
  CHECK(of.pool.in_use() == 1);
  of.pair.reset();
  CHECK(of.pool.in_use() == 0);
}

TEST_CASE("a session for whose records there is no memory fails, and says so") {
  lent of(any_version(), 1);
  of.rest();
  say(*of.pair->client, "a question");
  of.put_down();
  carry(*of.pair->client, *of.pair->server, 7);
  CHECK(read_all(*of.pair->server).empty());
  of.put_down();
  REQUIRE(of.pool.in_use() == 1);  // the server has all there is
  const result<std::size_t> taken = of.pair->client->write(as_bytes("more"));
  REQUIRE_FALSE(taken.ok());
  CHECK(taken.why() == errc::limit);
  CHECK(std::string(taken.why().where) == "tls records");
  CHECK(of.pair->client->at() == engine::phase::failed);
}
