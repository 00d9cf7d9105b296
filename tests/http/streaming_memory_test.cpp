// A body of 1 GiB costs no more memory than a body of some pieces, however slow one side is: what
// the other side has too much of stays with it.
#include <cstdint>
#include <optional>
#include <string>

#include <catch_amalgamated.hpp>

#include <weir/http/server.hpp>
#include <weir/platform/clock.hpp>
#include <weir/runtime/scheduler.hpp>
#include <weir/runtime/waits.hpp>

#include "support/live_memory.hpp"
#include "support/raw_client.hpp"

using namespace weir;
using namespace weir::http;
using weir::test::raw_client;
using weir::test::raw_outcome;

namespace {

constexpr std::uint64_t body_bytes = std::uint64_t{1} << 30;
constexpr std::size_t growth_max = 256 * 1024;

// Takes a piece, lets some turns pass, takes the next.
runtime::task<error> swallow(exchange& x, std::uint64_t& taken) {
  for (;;) {
    const result<std::string_view> piece = co_await x.read();
    if (!piece.ok()) co_return piece.why();
    if (piece.value().empty()) break;
    taken += piece.value().size();
    for (int turn = 0; turn < 3; ++turn) {
      const error why = co_await runtime::next_turn();
      if (why) co_return why;
    }
  }
  response done = response::text(std::to_string(taken));
  const error sent = co_await x.send(std::move(done));
  co_return sent;
}

runtime::task<error> pour(exchange& x, const std::string& piece, std::uint64_t& poured) {
  response head;
  head.set_stream(body_bytes);
  const error begun = co_await x.begin(std::move(head));
  if (begun) co_return begun;
  while (poured < body_bytes) {
    const error why = co_await x.write(piece);
    if (why) co_return why;
    poured += piece.size();
  }
  const error finished = co_await x.finish();
  co_return finished;
}

// One server and one client on one thread: nothing else allocates.
struct pair {
  pair() {
    result<std::unique_ptr<runtime::scheduler>> opened = runtime::scheduler::open();
    REQUIRE(opened.ok());
    loop = std::move(opened).value();
    REQUIRE_FALSE(handlers.post_async("/up", [this](exchange& x) { return swallow(x, taken); }));
    REQUIRE_FALSE(
        handlers.get_async("/down", [this](exchange& x) { return pour(x, piece, poured); }));
    server_options options;
    options.bounds.body_bytes_max = 2 * body_bytes;
    serving.emplace(*loop, handlers, options);
    const result<address> at = serving->listen(address::loopback_ipv4(0));
    REQUIRE(at.ok());
    REQUIRE_FALSE(serving->start());
    client = raw_client::connect(at.value());
    REQUIRE(client.connected());
  }
  ~pair() {
    client.close();
    serving->drain();
    while (!serving->stopped()) turn();
  }

  // Does not wait: the other side of the stream is this thread too.
  void turn() {
    const error why = loop->poll_once(system_clock().now_ns());
    if (why) FAIL("poll_once");
  }
  // Reads at most so much, and drops it.
  std::uint64_t read(std::size_t bytes_max) {
    client.forget_received();
    return client.try_read(bytes_max).bytes;
  }

  std::uint64_t taken = 0;
  std::uint64_t poured = 0;
  const std::string piece = std::string(64 * 1024, 'p');
  std::unique_ptr<runtime::scheduler> loop;
  routes handlers;
  std::optional<server> serving;
  raw_client client;
};

}  // namespace

TEST_CASE("1 GiB sent up to a handler that takes it slowly grows memory by at most 256 KiB",
          "[http]") {
  pair p;
  const std::string head =
      "POST /up HTTP/1.1\r\nHost: weir\r\nContent-Length: " + std::to_string(body_bytes) +
      "\r\n\r\n";
  const std::string piece(256 * 1024, 'u');
  static_cast<void>(p.read(64 * 1024));
  REQUIRE(p.client.try_send(head).bytes == head.size());
  while (p.serving->connections() == 0) p.turn();
  const std::size_t before = test::live_bytes();
  test::forget_peak();
  std::uint64_t left = body_bytes;
  std::uint64_t refused = 0;
  while (left > 0) {
    const std::size_t wanted = left < piece.size() ? static_cast<std::size_t>(left) : piece.size();
    const test::raw_count sent = p.client.try_send(std::string_view(piece).substr(0, wanted));
    if (sent.outcome != raw_outcome::done && sent.outcome != raw_outcome::blocked) FAIL("broken");
    left -= sent.bytes;
    if (sent.bytes < wanted) ++refused;
    p.turn();
  }
  while (p.client.received().find("\r\n\r\n1073741824") == std::string::npos) {
    p.turn();
    if (p.client.try_read(4'096).outcome == raw_outcome::eof) FAIL("no answer");
  }
  CHECK(p.taken == body_bytes);
  CHECK(refused > 100);  // the client was held back: the handler was the slower one
  CHECK(test::peak_bytes() - before <= growth_max);
}

TEST_CASE("1 GiB sent down to a client that reads slowly grows memory by at most 256 KiB",
          "[http]") {
  pair p;
  const std::string ask = "GET /down HTTP/1.1\r\nHost: weir\r\n\r\n";
  static_cast<void>(p.read(64 * 1024));
  REQUIRE(p.client.try_send(ask).bytes == ask.size());
  while (p.serving->connections() == 0) p.turn();
  const std::size_t before = test::live_bytes();
  test::forget_peak();
  std::uint64_t got = 0;
  while (got < body_bytes) {
    p.turn();
    got += p.read(64 * 1024);
    if (p.client.end() != raw_outcome::done) FAIL("the connection ended");
  }
  CHECK(p.poured == body_bytes);
  CHECK(p.serving->counters().paused_response_queue_bytes_max > 100);  // held back by the client
  CHECK(test::peak_bytes() - before <= growth_max);
}
