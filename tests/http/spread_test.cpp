// http/server.hpp - one acceptor, several threads: how connections spread where ports do not.
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <catch_amalgamated.hpp>

#include <weir/http/server.hpp>
#include <weir/runtime/scheduler.hpp>

#include "support/raw_client.hpp"

using namespace weir;

namespace {

// A scheduler and a server, to be run by a thread.
struct worker {
  worker(const http::routes& handlers, http::admission& shared)
      : loop(std::move(runtime::scheduler::open()).value()) {
    http::server_options options;
    options.shared = &shared;
    server = std::make_unique<http::server>(*loop, handlers, options);
  }
  // Started before its thread runs it: from here on it takes what is handed over.
  void run() {
    REQUIRE_FALSE(server->start());
    thread = std::thread([this] {
      while (!server->stopped()) {
        if (loop->poll_once(never_ns)) return;
      }
      ended_well = true;
    });
  }
  std::unique_ptr<runtime::scheduler> loop;
  std::unique_ptr<http::server> server;
  std::thread thread;
  bool ended_well = false;
};

constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: spread\r\n\r\n";

bool answered(test::raw_client& client) {
  return client.send(request) == test::raw_outcome::done &&
         client.read_until([](std::string_view got) { return got.ends_with("served"); }) ==
             test::raw_outcome::done;
}

}  // namespace

TEST_CASE("spread: one acceptor hands connections to every thread in turn, to the end", "[http]") {
  http::routes handlers;
  REQUIRE_FALSE(
      handlers.get("/", [](const http::request&) { return http::response::view("served"); }));
  http::admission shared{http::limits()};
  worker first(handlers, shared);
  worker second(handlers, shared);
  worker third(handlers, shared);
  const result<address> at = first.server->listen("127.0.0.1:0");
  REQUIRE(at.ok());
  http::server* const others[] = {second.server.get(), third.server.get()};
  first.server->spread_to(others);
  second.run();
  third.run();
  first.run();

  std::vector<test::raw_client> clients;
  for (int i = 0; i < 30; ++i) {
    clients.push_back(test::raw_client::connect(at.value()));
    REQUIRE(clients.back().connected());
    REQUIRE(answered(clients.back()));
  }

  // One that drains is passed over: what would have been its turn is served by the acceptor.
  third.server->drain();
  third.thread.join();
  for (int i = 0; i < 6; ++i) {
    test::raw_client late = test::raw_client::connect(at.value());
    REQUIRE(late.connected());
    CHECK(answered(late));
  }
  first.server->drain();
  first.thread.join();
  second.server->drain();
  second.thread.join();
  CHECK(first.ended_well);
  CHECK(second.ended_well);
  CHECK(third.ended_well);
  std::uint64_t accepted = 0;
  for (const worker* each : {&first, &second, &third}) {
    const http::server_counters& counters = each->server->counters();
    CHECK(counters.connections_accepted == counters.connections_closed);
    CHECK(counters.connections_accepted >= 10);
    CHECK(each->loop->poller().counters().sockets_open == 0);
    accepted += counters.connections_accepted;
  }
  CHECK(accepted == 36);
}
