// tests/platform/iocp_end_test.cpp - operations of a completion port that are cancelled, closed
// under, or never answered.
#include <array>
#include <cstddef>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "iocp_bench.hpp"

using namespace weir;
using namespace weir::platform;
using iocp_test::bench;
using iocp_test::pair;

TEST_CASE("iocp: a closed socket's operation is cancelled, whatever number the system gives",
          "[platform][iocp]") {
  for (const bool hard : {false, true}) {
    bench b;
    const pair p = b.connect();
    std::array<std::byte, 16> room{};
    int mark = 0;
    const started receiving = b.port().receive(p.server, room, &mark);
    REQUIRE(receiving.pending());

    if (hard) {
      b.port().reset(p.server);
    } else {
      b.port().close(p.server);
    }

    const completion got = b.next();
    INFO("os code " << got.why.os_code);
    CHECK(got.context == &mark);
    CHECK(got.why.code == errc::cancelled);
    CHECK(b.quiet());
    CHECK(b.port().counters().operations_open == 0);
  }
}

TEST_CASE("iocp: bytes that came before the cancel are delivered", "[platform][iocp]") {
  bench b;
  const pair p = b.connect();
  std::array<std::byte, 16> room{};
  const started receiving = b.port().receive(p.server, room, nullptr);
  REQUIRE(receiving.pending());
  b.say(p.client, "kept");
  // The bytes have arrived, and the packet with them, when an independent look says so.
  std::array<std::byte, 4> other{};
  b.say(p.server, "sync");
  const completion seen = b.finish(b.port().receive(p.client, other, &other));
  const bool first_was_ours = seen.context == nullptr;

  b.port().cancel(receiving.id);

  const completion got = first_was_ours ? seen : b.next();
  INFO(got.why.where << " " << got.why.os_code);
  CHECK_FALSE(got.why);
  CHECK(as_text({room.data(), static_cast<std::size_t>(got.value)}) == "kept");
}

TEST_CASE("iocp: a connection accepted before its listener closed is handed over",
          "[platform][iocp]") {
  bool held = false;
  iocp::iocp_options tuning;
  tuning.hold_packets = &held;
  bench b(tuning);
  bench there;
  REQUIRE(b.port().accept(b.listener(), nullptr, nullptr).pending());
  held = true;
  result<socket_id> client = there.port().open_stream(b.at());
  REQUIRE(client.ok());
  REQUIRE_FALSE(there.finish(there.port().connect(client.value(), b.at(), nullptr)).why);
  CHECK(b.quiet());  // the packet is there, and not read

  b.port().close(b.listener());
  held = false;

  const completion got = b.next();
  REQUIRE_FALSE(got.why);
  result<socket_id> server = b.port().adopt(static_cast<native_socket>(got.value));
  REQUIRE(server.ok());
  CHECK(b.port().peer_address(server.value()).ok());
  there.say(client.value(), "hello");
  CHECK(b.hear(server.value()) == "hello");
}

TEST_CASE("iocp: ending everything resets a connection whose accept nobody will hear of",
          "[platform][iocp]") {
  bench b;
  bench there;
  REQUIRE(b.port().accept(b.listener(), nullptr, nullptr).pending());
  result<socket_id> client = there.port().open_stream(b.at());
  REQUIRE(client.ok());
  REQUIRE_FALSE(there.finish(there.port().connect(client.value(), b.at(), nullptr)).why);

  CHECK(b.port().close_all(5 * second_ns) == 0);

  std::array<std::byte, 16> room{};
  const completion got = there.finish(there.port().receive(client.value(), room, nullptr));
  CHECK(got.why.code == errc::reset);
}

TEST_CASE("iocp: accepts give back what they used, cancelled or not", "[platform][iocp]") {
  poller_options small;
  small.sockets_max = 8;
  bench b({}, small);
  for (int round = 0; round < 20; ++round) {
    const started accepting = b.port().accept(b.listener(), nullptr, nullptr);
    INFO("round " << round << " " << accepting.why.where);
    REQUIRE(accepting.pending());
    b.port().cancel(accepting.id);
    CHECK(b.next().why.code == errc::cancelled);
  }
}

TEST_CASE("iocp: ending everything with operations of each kind under way leaks nothing",
          "[platform][iocp]") {
  bench b;
  const pair p = b.connect();
  const pair q = b.connect();
  std::array<std::byte, 16> room{};
  address peer;
  const std::vector<std::byte> much(std::size_t{1} << 20);
  CHECK(b.port().accept(b.listener(), &peer, nullptr).pending());
  CHECK(b.port().receive(p.server, room, nullptr).pending());
  CHECK(b.port().wait_readable(q.server, nullptr).pending());
  started sending{};
  for (int i = 0; i < 1000 && !sending.pending(); ++i) {
    sending = b.port().send(p.client, much, nullptr);
    REQUIRE_FALSE(sending.why);
  }
  CHECK(sending.pending());

  CHECK(b.port().close_all(5 * second_ns) == 0);

  CHECK(b.port().counters().operations_open == 0);
  CHECK(b.port().counters().sockets_open == 0);
  CHECK(b.port().counters().slots_leaked == 0);
}

TEST_CASE("iocp: an operation whose packet never comes is leaked, counted, and never reused",
          "[platform][iocp]") {
  bool held = false;
  iocp::iocp_options tuning;
  tuning.hold_packets = &held;
  bench b(tuning);
  const pair p = b.connect();
  std::array<std::byte, 16> room{};
  address peer = address::loopback_ipv4(1);
  REQUIRE(b.port().receive(p.server, room, nullptr).pending());
  REQUIRE(b.port().accept(b.listener(), &peer, nullptr).pending());
  held = true;

  const time_ns before = b.port().now_ns();
  CHECK(b.port().close_all(20 * millisecond_ns) == 2);

  CHECK(b.port().now_ns() - before >= 20 * millisecond_ns);
  CHECK(b.port().now_ns() - before < 5 * second_ns);
  CHECK(b.port().counters().slots_leaked == 2);
  CHECK(b.port().counters().operations_open == 0);
  CHECK(b.port().counters().sockets_open == 0);

  // The packets come after all, while later operations are under way: nobody hears of them, and
  // nothing is written anywhere of ours.
  result<socket_id> listener = b.port().listen(address::loopback_ipv4(0), listen_options{});
  REQUIRE(listener.ok());
  result<socket_id> other = b.port().listen(address::loopback_ipv4(0), listen_options{});
  REQUIRE(other.ok());
  CHECK(b.port().accept(listener.value(), nullptr, nullptr).pending());
  CHECK(b.port().accept(other.value(), nullptr, nullptr).pending());
  held = false;
  CHECK(b.quiet());
  CHECK(b.port().counters().operations_open == 2);
  CHECK(b.port().counters().stale_events == 2);
  CHECK(peer == address::loopback_ipv4(1));
  CHECK(b.port().counters().slots_leaked == 2);
}

TEST_CASE("iocp: connections that come and go with operations under way end each of them once",
          "[platform][iocp]") {
  const unsigned seed = Catch::getSeed();
  INFO("seed " << seed);
  std::minstd_rand dice(seed == 0 ? 1 : seed);
  const auto roll = [&dice](unsigned sides) { return static_cast<unsigned>(dice()) % sides; };
  bench b;
  struct record {
    bool pending = false;
    int completions = 0;
    operation_id id{};
    std::array<std::byte, 32> room{};
  };
  // Records outlive what they were lent to.
  std::vector<std::unique_ptr<record>> records;
  std::vector<socket_id> open;
  const std::vector<std::byte> much(100'000);
  const auto file_completions = [&b](time_ns span_ns) {
    std::array<completion, 7> got{};
    result<std::size_t> count = b.port().wait(got, b.port().now_ns() + span_ns);
    REQUIRE(count.ok());
    for (std::size_t i = 0; i < count.value(); ++i) {
      auto* const r = static_cast<record*>(got[i].context);
      REQUIRE(r != nullptr);
      ++r->completions;
    }
  };
  std::uint64_t begun = 0;
  for (int step = 0; step < 4'000; ++step) {
    if (open.size() < 8) {
      const pair p =
          b.connect([&](const completion& c) { ++static_cast<record*>(c.context)->completions; });
      open.push_back(p.client);
      open.push_back(p.server);
    }
    const std::size_t at = roll(static_cast<unsigned>(open.size()));
    const socket_id socket = open[at];
    started s{};
    records.push_back(std::make_unique<record>());
    record& r = *records.back();
    switch (roll(9)) {
      case 0: s = b.port().receive(socket, r.room, &r); break;
      case 1: s = b.port().wait_readable(socket, &r); break;
      case 2: s = b.port().send(socket, as_bytes("some bytes"), &r); break;
      case 3: s = b.port().send(socket, much, &r); break;
      case 4: b.port().cancel(records[roll(static_cast<unsigned>(records.size()))]->id); break;
      case 5: file_completions(0); break;
      case 6: static_cast<void>(b.port().try_receive(socket, r.room)); break;
      case 7: b.port().close(socket); break;
      case 8: b.port().reset(socket); break;
    }
    if (b.port().local_address(socket).why() == errc::bad_handle) {
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
    }
    r.pending = s.pending();
    r.id = s.id;
    if (r.pending) ++begun;
  }
  for (const socket_id socket : open) b.port().close(socket);
  const time_ns due = b.port().now_ns() + 10 * second_ns;
  while (b.port().counters().operations_open > 0 && b.port().now_ns() < due) {
    file_completions(millisecond_ns);
  }

  CHECK(b.quiet());
  CHECK(begun > 100);
  for (const std::unique_ptr<record>& r : records) {
    CHECK(r->completions == (r->pending ? 1 : 0));
  }
  CHECK(b.port().counters().operations_open == 0);
  CHECK(b.port().counters().sockets_open == 1);
  CHECK(b.port().counters().stale_events == 0);
}
