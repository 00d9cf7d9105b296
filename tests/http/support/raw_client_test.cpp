// The probes themselves, against a peer that is scripted with the same primitives.
#include <thread>

#include <catch_amalgamated.hpp>

#include <weir/platform/clock.hpp>

#include "support/raw_calls.hpp"
#include "support/raw_client.hpp"

using namespace weir;
using namespace weir::test;

namespace {

struct pair {
  explicit pair(const address& at, const raw_options& options = {}) : listener(at) {
    client = raw_client::connect(listener.where(), options);
    REQUIRE(client.connected());
    server = listener.accept();
    REQUIRE(server.connected());
  }
  raw_listener listener;
  raw_client client;
  raw_client server;
};

bool is_bytes(raw_client& c, std::size_t n) {
  return c.read_until([n](std::string_view got) { return got.size() >= n; }) == raw_outcome::done;
}

}  // namespace

namespace {

void carry_both_ways(const address& at) {
  pair two(at);
  INFO(two.listener.where().to_string());
  CHECK(two.client.send("ping") == raw_outcome::done);
  CHECK(is_bytes(two.server, 4));
  CHECK(two.server.send("pong") == raw_outcome::done);
  CHECK(is_bytes(two.client, 4));
  two.client.half_close();
  CHECK(two.server.read_to_end() == raw_outcome::eof);
  CHECK(two.server.send("still open") == raw_outcome::done);
  CHECK(is_bytes(two.client, 14));
  two.server.close();
  CHECK(two.client.read_to_end() == raw_outcome::eof);
  CHECK(two.client.received() == "pongstill open");
}

}  // namespace

TEST_CASE("raw client: TCP over both families carries bytes both ways", "[support]") {
  carry_both_ways(address::loopback_ipv4(0));
  carry_both_ways(address::loopback_ipv6(0));
}

TEST_CASE("raw client: Unix sockets carry bytes both ways", "[support]") {
  const address at = address::unix_path("weir-raw-client-test.sock").value();
  const int has_them = raw::open(at);
  if (has_them < 0) SKIP("Unix-domain sockets: this system has none");
  raw::close(has_them);
  carry_both_ways(at);
}

TEST_CASE("raw client: nobody listens", "[support]") {
  address gone;
  {
    raw_listener listener(address::loopback_ipv4(0));
    gone = listener.where();
  }
  CHECK_FALSE(raw_client::connect(gone).connected());
}

TEST_CASE("raw client: a reset is a reset to the other side, a close is an end", "[support]") {
  pair one(address::loopback_ipv4(0));
  one.client.reset();
  CHECK(one.server.read_to_end() == raw_outcome::reset);
  CHECK(one.server.try_send("x").outcome == raw_outcome::reset);
  pair two(address::loopback_ipv4(0));
  two.client.close();
  CHECK(two.server.read_to_end() == raw_outcome::eof);
}

TEST_CASE("raw client: a split send arrives in its pieces, a dripped one byte by byte",
          "[support]") {
  pair two(address::loopback_ipv4(0));
  std::vector<std::size_t> pieces;
  std::thread reader([&two, &pieces] {
    std::size_t before = 0;
    static_cast<void>(two.server.read_until([&pieces, &before](std::string_view got) {
      if (got.size() > before) pieces.push_back(got.size() - before);
      before = got.size();
      return got.size() >= 13;
    }));
  });
  const std::size_t cuts[] = {3, 4};
  const raw_outcome split = two.client.send_split("0123456789", cuts, 40 * millisecond_ns);
  const time_ns start_ns = system_clock().now_ns();
  const raw_outcome drip = two.client.drip("abc", 40 * millisecond_ns);
  const time_ns took_ns = system_clock().now_ns() - start_ns;
  reader.join();
  CHECK(split == raw_outcome::done);
  CHECK(drip == raw_outcome::done);
  CHECK(took_ns >= 80 * millisecond_ns);
  CHECK(two.server.received() == "0123456789abc");
  // A busy machine may merge pieces; it never makes more.
  CHECK(pieces.size() <= 6);
  CHECK(pieces.size() >= 1);
}

TEST_CASE("raw client: a drip stops when the other side has ended the stream", "[support]") {
  pair two(address::loopback_ipv4(0));
  two.server.send("408");
  two.server.close();
  // Read before the first drop: what is sent to a closed socket brings a RST, and that may take
  // away what waits.
  const auto told = [](std::string_view got) { return got == "408"; };
  REQUIRE(two.client.read_until(told) == raw_outcome::done);
  CHECK(two.client.drip(std::string(1'000'000, 'x'), millisecond_ns) != raw_outcome::done);
  CHECK(two.client.received() == "408");
}

TEST_CASE("raw client: one that stalls fills its small window and blocks the sender", "[support]") {
  raw_options small;
  small.receive_buffer_bytes = 4096;
  pair two(address::loopback_ipv4(0), small);
  two.client.stall_reading();
  const std::string block(64 * 1024, 'x');
  std::size_t sent = 0;
  for (raw_count n = two.server.try_send(block); n.outcome == raw_outcome::done;
       n = two.server.try_send(block)) {
    sent += n.bytes;
    REQUIRE(sent < 64 * 1024 * 1024);
  }
  CHECK(two.client.received().empty());
  CHECK(two.client.bytes_unread() > 0);
  CHECK(two.client.bytes_unread() < 64 * 1024);
  two.server.half_close();
  CHECK(two.client.read_to_end() == raw_outcome::eof);
  CHECK(two.client.received().size() == sent);
}

TEST_CASE("raw client: patience ends every wait", "[support]") {
  raw_options hasty;
  hasty.patience_ns = 20 * millisecond_ns;
  pair two(address::loopback_ipv4(0), hasty);
  CHECK(two.client.read_to_end() == raw_outcome::timed_out);
  two.client.stall_reading();
  CHECK(two.client.send(std::string(64 * 1024 * 1024, 'x')) == raw_outcome::timed_out);
}

TEST_CASE("raw wait: tells which of many can go on", "[support]") {
  pair a(address::loopback_ipv4(0));
  pair b(address::loopback_ipv4(0));
  a.server.send("x");
  raw_interest both[] = {{.of = &a.client, .read = true}, {.of = &b.client, .read = true}};
  raw_wait(both, system_clock().now_ns() + 10 * second_ns);
  CHECK(both[0].readable);
  CHECK_FALSE(both[1].readable);
  raw_interest write = {.of = &b.client, .write = true};
  raw_wait({&write, 1}, system_clock().now_ns() + 10 * second_ns);
  CHECK(write.writable);
}
