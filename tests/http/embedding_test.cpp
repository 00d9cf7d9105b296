// http/server.hpp as a host embeds it: no coroutine, no thread, no signal; two servers in one
// process, driven by the host's own loop.
#include <string>
#include <string_view>

#include <catch_amalgamated.hpp>

#include <weir/http/server.hpp>
#include <weir/platform/clock.hpp>
#include <weir/runtime/scheduler.hpp>

#include "support/raw_client.hpp"

using namespace weir;

namespace {

// What a host has: a loop of its own, in which each of its parts gets a look.
struct host {
  host() {
    REQUIRE_FALSE(
        first_routes.get("/", [](const http::request&) { return http::response::view("first"); }));
    REQUIRE_FALSE(second_routes.get(
        "/", [](const http::request&) { return http::response::view("second"); }));
  }

  // Until `done`, at most five seconds: a look at each scheduler, never waiting in one of them.
  template <class Done>
  bool turn_until(Done done) {
    const time_ns due_ns = system_clock().now_ns() + 5 * second_ns;
    while (!done()) {
      if (system_clock().now_ns() > due_ns) return false;
      REQUIRE_FALSE(first_loop->poll_once(0));
      REQUIRE_FALSE(second_loop->poll_once(0));
    }
    return true;
  }

  std::string get(const address& at, std::string_view request) {
    test::raw_client client = test::raw_client::connect(at);
    REQUIRE(client.connected());
    REQUIRE(client.try_send(request).bytes == request.size());
    const bool ended = turn_until([&] {
      static_cast<void>(client.try_read(65'536));
      return client.end() != test::raw_outcome::done ||
             client.received().find("\r\n\r\n") != std::string::npos;
    });
    REQUIRE(ended);
    return client.received();
  }

  std::unique_ptr<runtime::scheduler> first_loop = std::move(runtime::scheduler::open()).value();
  std::unique_ptr<runtime::scheduler> second_loop = std::move(runtime::scheduler::open()).value();
  http::routes first_routes;
  http::routes second_routes;
};

struct ending {
  int times = 0;
  http::drain_report report;
  static void told(void* context, const http::drain_report& report) noexcept {
    ending& self = *static_cast<ending*>(context);
    ++self.times;
    self.report = report;
  }
};

constexpr std::string_view get_request = "GET / HTTP/1.1\r\nHost: host\r\n\r\n";

}  // namespace

TEST_CASE("embedding: two servers start, serve and stop in a host's own loop", "[http]") {
  host own;
  // Twice: a process that starts and stops its servers again finds nothing left of the first time.
  for (int round = 0; round < 2; ++round) {
    http::server first(*own.first_loop, own.first_routes);
    http::server second(*own.second_loop, own.second_routes);
    const result<address> first_at = first.listen("127.0.0.1:0");
    const result<address> second_at = second.listen("127.0.0.1:0");
    REQUIRE(first_at.ok());
    REQUIRE(second_at.ok());
    ending first_end;
    ending second_end;
    REQUIRE_FALSE(first.start(&ending::told, &first_end));
    REQUIRE_FALSE(second.start(&ending::told, &second_end));

    CHECK(own.get(first_at.value(), get_request).ends_with("first"));
    CHECK(own.get(second_at.value(), get_request).ends_with("second"));

    // One stops; the other goes on.
    first.drain();
    first.drain();
    REQUIRE(own.turn_until([&] { return first.stopped(); }));
    CHECK(first_end.times == 1);
    CHECK(first_end.report.forced == 0);
    CHECK(own.get(second_at.value(), get_request).ends_with("second"));
    CHECK_FALSE(test::raw_client::connect(first_at.value()).connected());

    second.drain();
    REQUIRE(own.turn_until([&] { return second.stopped(); }));
    CHECK(second_end.times == 1);
    CHECK(first.counters().connections_accepted == first.counters().connections_closed);
    CHECK(second.counters().connections_accepted == second.counters().connections_closed);
  }
  CHECK(own.first_loop->frames().bytes_in_use() == 0);
  CHECK(own.second_loop->poller().counters().sockets_open == 0);
  CHECK(own.second_loop->poller().counters().operations_open == 0);
}

TEST_CASE("embedding: two servers share one scheduler", "[http]") {
  host own;
  http::server first(*own.first_loop, own.first_routes);
  http::server second(*own.first_loop, own.second_routes);
  const result<address> first_at = first.listen("127.0.0.1:0");
  const result<address> second_at = second.listen("127.0.0.1:0");
  REQUIRE(first_at.ok());
  REQUIRE(second_at.ok());
  REQUIRE_FALSE(first.start());
  REQUIRE_FALSE(second.start());
  CHECK(own.get(first_at.value(), get_request).ends_with("first"));
  CHECK(own.get(second_at.value(), get_request).ends_with("second"));
  first.drain();
  second.drain();
  CHECK(own.turn_until([&] { return first.stopped() && second.stopped(); }));
}

TEST_CASE("embedding: a drain before the start, and a start after it, serve nobody", "[http]") {
  host own;
  ending end;
  http::server early(*own.first_loop, own.first_routes);
  const result<address> at = early.listen("127.0.0.1:0");
  REQUIRE(at.ok());
  early.drain();
  REQUIRE(own.turn_until([&] { return early.stopped(); }));
  REQUIRE_FALSE(early.start(&ending::told, &end));
  CHECK(end.times == 1);
  CHECK_FALSE(test::raw_client::connect(at.value()).connected());
}

TEST_CASE("embedding: what cannot be bound is said, and leaves nothing open", "[http]") {
  host own;
  http::server holder(*own.first_loop, own.first_routes);
  const result<address> taken = holder.listen("127.0.0.1:0");
  REQUIRE(taken.ok());
  const std::uint32_t open = own.first_loop->poller().counters().sockets_open;
  http::server late(*own.first_loop, own.first_routes);
  CHECK(late.listen(taken.value()).why() == errc::address_in_use);
  CHECK(late.listen("127.0.0.1:65536").why() == errc::malformed);
  CHECK(late.listen("localhost:80").why() == errc::malformed);
  http::server_options contradictory;
  contradictory.bounds.head_deadline = 0;
  http::server wrong(*own.first_loop, own.first_routes, contradictory);
  const result<address> refused = wrong.listen("127.0.0.1:0");
  CHECK(refused.why() == errc::invalid);
  CHECK(std::string_view(refused.why().where) == "head_deadline");
  CHECK(own.first_loop->poller().counters().sockets_open == open);
}
