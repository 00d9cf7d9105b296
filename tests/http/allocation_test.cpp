// A kept connection costs no memory: operator new is counted while the loop serves real sockets.
#include <optional>
#include <string>
#include <vector>

#include <catch_amalgamated.hpp>

#include <weir/http/server.hpp>
#include <weir/platform/clock.hpp>
#include <weir/runtime/scheduler.hpp>

#include "support/allocation_count.hpp"
#include "support/answer_reader.hpp"
#include "support/raw_client.hpp"

using namespace weir;
using namespace weir::http;
using weir::test::allocated_bytes;
using weir::test::allocations;
using weir::test::raw_client;
using weir::test::raw_outcome;

namespace {

// One server and one client on one thread; what the loop allocates is told from what the test does.
struct bench {
  bench() {
    result<std::unique_ptr<runtime::scheduler>> opened = runtime::scheduler::open();
    REQUIRE(opened.ok());
    loop = std::move(opened).value();
    REQUIRE_FALSE(
        handlers.get("/plaintext", [](const request&) { return response::view("Hello, World!"); }));
    REQUIRE_FALSE(handlers.get("/echo/{text}", [](const request& q) {
      response out = response::view("named");
      out.header("X-Text", q.param("text"));
      return out;
    }));
    server_options options;
    options.bounds.requests_per_connection_max = limits::unbounded;
    serving.emplace(*loop, handlers, options);
    const result<address> bound = serving->listen(address::loopback_ipv4(0));
    REQUIRE(bound.ok());
    at = bound.value();
    REQUIRE_FALSE(serving->start());
    client = raw_client::connect(at);
    REQUIRE(client.connected());
  }
  ~bench() {
    client.close();
    serving->drain();
    while (!serving->stopped()) turn();
  }

  void turn() {
    const std::size_t before = allocations();
    const std::size_t bytes_before = allocated_bytes();
    const error why = loop->poll_once(system_clock().now_ns() + millisecond_ns);
    made += allocations() - before;
    made_bytes += allocated_bytes() - bytes_before;
    if (why) FAIL("poll_once");
  }

  // Sends, turns until so many bytes of answers are there, and reads them.
  void ask(std::string_view bytes, std::size_t answer_bytes) {
    const std::size_t wanted = client.received().size() + answer_bytes;
    if (client.try_send(bytes).bytes != bytes.size()) FAIL("a short send");
    while (client.received().size() < wanted) {
      turn();
      static_cast<void>(client.try_read(64 * 1024));
      if (client.end() != raw_outcome::done) FAIL("the connection ended");
    }
  }

  std::unique_ptr<runtime::scheduler> loop;
  routes handlers;
  std::optional<server> serving;
  address at;
  raw_client client;
  std::size_t made = 0;        // calls of operator new inside poll_once()
  std::size_t made_bytes = 0;  // what they asked for
};

const std::string plain = "GET /plaintext HTTP/1.1\r\nHost: weir\r\nUser-Agent: test\r\n\r\n";
const std::string named =
    "GET /echo/param HTTP/1.1\r\nHost: weir\r\nCookie: a=b\r\nCookie: c=d\r\n\r\n";

std::string times(std::string_view one, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += one;
  return out;
}

}  // namespace

TEST_CASE("no operator new on the keep-alive path of a plain-function handler after warm-up",
          "[http]") {
  bench b;
  b.ask(plain, 1);
  while (b.client.received().find("Hello, World!") == std::string::npos) b.ask("", 1);
  const std::size_t plain_bytes = b.client.received().size();
  b.ask(named, 1);
  while (b.client.received().find("named") == std::string::npos) b.ask("", 1);
  const std::size_t named_bytes = b.client.received().size() - plain_bytes;

  const std::string burst = times(plain, 16);
  const auto round = [&] {
    b.ask(plain, plain_bytes);
    b.ask(named, named_bytes);
    b.ask(burst, 16 * plain_bytes);
    // Cut inside a head: what is left unparsed waits in a pooled buffer.
    if (b.client.try_send(plain.substr(0, 20)).bytes != 20) FAIL("a short send");
    b.turn();
    b.turn();
    b.ask(plain.substr(20), plain_bytes);
  };
  for (int i = 0; i < 10; ++i) round();
  const std::uint64_t served_before = b.serving->counters().requests;
  b.made = 0;
  for (int i = 0; i < 200; ++i) round();
  CHECK(b.made == 0);
  CHECK(b.serving->counters().requests - served_before == 200 * 19);
  const test::answer_reader seen = test::read_answers(b.client.received(), false);
  CHECK(seen.broken() == "");
  CHECK(seen.complete() == 2 + 210 * 19);
}

TEST_CASE("the counter sees what a new connection allocates", "[http]") {
  bench b;
  while (b.serving->counters().connections_accepted == 0) b.turn();
  CHECK(b.made > 0);
}

TEST_CASE("an idle connection holds at most 1 KiB, tables and all", "[http]") {
  constexpr std::size_t bytes_max = 1'024;
  constexpr std::size_t connections = 512;  // two whole blocks of the poller's tables
  bench b;
  b.ask(plain, 1);
  while (b.client.received().find("Hello, World!") == std::string::npos) b.ask("", 1);
  b.made_bytes = 0;
  std::vector<raw_client> idle;
  for (std::size_t i = 0; i < connections; ++i) {
    idle.push_back(raw_client::connect(b.at));
    REQUIRE(idle.back().try_send(plain).bytes == plain.size());
    while (idle.back().received().find("Hello, World!") == std::string::npos) {
      b.turn();
      static_cast<void>(idle.back().try_read(64 * 1024));
    }
  }
  REQUIRE(b.serving->connections() == connections + 1);
  const std::size_t bytes_each = b.made_bytes / connections;
  CAPTURE(bytes_each);
  CHECK(bytes_each <= bytes_max);
}
