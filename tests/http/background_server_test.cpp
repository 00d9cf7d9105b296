// http/background_server.hpp: start and stop from any thread, in any order, as often as one likes.
#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <catch_amalgamated.hpp>

#include <weir/http/background_server.hpp>
#include <weir/http/health.hpp>
#include <weir/platform/mutex.hpp>

#include "support/live_memory.hpp"
#include "support/own_process.hpp"
#include "support/raw_client.hpp"

using namespace weir;
using namespace weir::http;

namespace {

routes make_routes() {
  routes out;
  REQUIRE_FALSE(out.get("/", [](const request&) { return response::view("served"); }));
  REQUIRE_FALSE(out.get_blocking("/thread", [](const request&) { return response::view("pool"); }));
  return out;
}

std::unique_ptr<background_server> open(const routes& handlers,
                                        const background_options& options = {}) {
  result<std::unique_ptr<background_server>> made = background_server::open(handlers, options);
  REQUIRE(made.ok());
  return std::move(made).value();
}

bool answered(const address& at, std::string_view path, std::string_view end) {
  test::raw_client client = test::raw_client::connect(at);
  std::string request("GET ");
  request.append(path).append(" HTTP/1.1\r\nHost: weir\r\n\r\n");
  return client.connected() && client.send(request) == test::raw_outcome::done &&
         client.read_until([end](std::string_view got) { return got.ends_with(end); }) ==
             test::raw_outcome::done;
}

bool connects(const address& at) {
  return test::raw_client::connect(at).connected();
}

}  // namespace

TEST_CASE("background server: no address is secure without what secures it", "[http]") {
  const routes handlers = make_routes();
  const auto served = open(handlers);
  CHECK(served->listen_secure("127.0.0.1:0").why() == errc::invalid);
  CHECK(served->listen_secure("nowhere").why() == errc::malformed);
}

TEST_CASE("background server: serves on its threads until it is stopped, and counts", "[http]") {
  const routes handlers = make_routes();
  background_options options;
  options.threads = 2;
  const auto served = open(handlers, options);
  const result<address> at = served->listen("127.0.0.1:0");
  REQUIRE(at.ok());
  const result<address> second = served->listen("127.0.0.1:0");
  REQUIRE(second.ok());
  REQUIRE_FALSE(served->start());
  CHECK(served->start() == errc::invalid);
  CHECK(served->listen("127.0.0.1:0").why() == errc::invalid);
  for (int i = 0; i < 8; ++i) {
    CHECK(answered(at.value(), "/", "served"));
    CHECK(answered(second.value(), "/thread", "pool"));
  }
  test::raw_client idle = test::raw_client::connect(at.value());
  REQUIRE(idle.connected());
  REQUIRE(idle.send("GET / HTTP/1.1\r\nHost: weir\r\n\r\n") == test::raw_outcome::done);
  REQUIRE(idle.read_until([](std::string_view got) { return got.ends_with("served"); }) ==
          test::raw_outcome::done);
  const drain_report report = served->stop();
  CHECK(report.drained >= 1);
  CHECK(report.forced == 0);
  CHECK(report.abandoned == 0);
  CHECK(idle.read_to_end() == test::raw_outcome::eof);
  CHECK_FALSE(connects(at.value()));
  CHECK_FALSE(connects(second.value()));
  // Once more is the same once more.
  CHECK(served->stop().drained == report.drained);
  CHECK(served->start() == errc::invalid);
  CHECK_FALSE(served->why_broken());
}

TEST_CASE("background server: stopped before it started, it closes its listeners and never starts",
          "[http]") {
  const routes handlers = make_routes();
  const auto served = open(handlers);
  const result<address> at = served->listen("127.0.0.1:0");
  REQUIRE(at.ok());
  CHECK(connects(at.value()));
  served->drain();
  CHECK(served->stop().drained == 0);
  CHECK_FALSE(connects(at.value()));
  CHECK(served->start() == errc::cancelled);
  CHECK(served->listen("127.0.0.1:0").why() == errc::invalid);
}

TEST_CASE("background server: many threads stop it at one time, and all are told the same",
          "[http]") {
  const routes handlers = make_routes();
  const auto served = open(handlers);
  const result<address> at = served->listen("127.0.0.1:0");
  REQUIRE(at.ok());
  // Started by a thread that is gone when it is used.
  std::thread([&] { REQUIRE_FALSE(served->start()); }).join();
  std::vector<test::raw_client> idle;
  for (int i = 0; i < 5; ++i) {
    idle.push_back(test::raw_client::connect(at.value()));
    REQUIRE(idle.back().send("GET / HTTP/1.1\r\nHost: weir\r\n\r\n") == test::raw_outcome::done);
    REQUIRE(idle.back().read_until([](std::string_view got) { return got.ends_with("served"); }) ==
            test::raw_outcome::done);
  }
  std::vector<std::future<drain_report>> told;
  for (int i = 0; i < 8; ++i) {
    told.push_back(std::async(std::launch::async, [&] { return served->stop(); }));
  }
  for (std::future<drain_report>& each : told) CHECK(each.get().drained == 5);
}

TEST_CASE("background server: a stop that comes while another one ends the threads", "[http]") {
  const routes handlers = make_routes();
  std::promise<void> ending;
  background_options options;
  options.on_ended = [](void* context) noexcept {
    static_cast<std::promise<void>*>(context)->set_value();
  };
  options.context = &ending;
  const auto served = open(handlers, options);
  REQUIRE(served->listen("127.0.0.1:0").ok());
  REQUIRE_FALSE(served->start());
  std::future<drain_report> second = std::async(std::launch::async, [&] {
    ending.get_future().wait();
    return served->stop();
  });
  CHECK(served->stop().drained == 0);
  CHECK(second.get().drained == 0);
}

TEST_CASE("background server: what cannot be bound leaves the rest as it was, and nothing leaks",
          "[http]") {
  const routes handlers = make_routes();
  const auto holder = open(handlers);
  const result<address> taken = holder->listen("127.0.0.1:0");
  REQUIRE(taken.ok());
  address first_at;
  {
    background_options options;
    options.threads = 2;
    const auto late = open(handlers, options);
    const result<address> first = late->listen("127.0.0.1:0");
    REQUIRE(first.ok());
    first_at = first.value();
    CHECK(late->listen(taken.value()).why() == errc::address_in_use);
  }
  CHECK_FALSE(connects(first_at));
  const auto next = open(handlers);
  CHECK(next->listen(first_at).ok());
  background_options none;
  none.threads = 0;
  CHECK(background_server::open(handlers, none).why() == errc::invalid);
}

TEST_CASE("background server: a start that fails closes everything and ends every thread",
          "[http]") {
  const routes handlers = make_routes();
  std::atomic<int> ended{0};
  background_options options;
  options.threads = 2;
  options.loop.frame_bytes_max = 0;  // no coroutine can be had, for a listener neither
  options.on_ended = [](void* context) noexcept { ++*static_cast<std::atomic<int>*>(context); };
  options.context = &ended;
  const std::size_t threads = test::live_threads();
  const auto served = open(handlers, options);
  const result<address> at = served->listen("127.0.0.1:0");
  REQUIRE(at.ok());
  CHECK(served->start() == errc::limit);
  CHECK(served->why_broken() == errc::limit);
  CHECK_FALSE(connects(at.value()));
  CHECK(test::threads_come_down_to(threads));
  CHECK(served->stop().forced == 0);
  CHECK(ended == 1);
}

TEST_CASE("background server: readiness flips in the call that asks for the drain", "[http]") {
  const routes handlers = make_routes();
  health state;
  background_options options;
  options.threads = 2;
  options.served.tells = &state;
  options.served.bounds.drain_delay = 200 * millisecond_ns;
  const auto served = open(handlers, options);
  const result<address> at = served->listen("127.0.0.1:0");
  REQUIRE(at.ok());
  CHECK_FALSE(state.is_started());
  REQUIRE_FALSE(served->start());
  CHECK(state.is_ready());
  served->drain();
  CHECK_FALSE(state.is_ready());
  // The first phase: who asks now is served still.
  CHECK(answered(at.value(), "/", "served"));
  CHECK(served->stop().forced == 0);
}

TEST_CASE(
    "four handlers that never return on a pool of four: later requests get 503 in time, other "
    "routes are untouched, stop() ends on time and returns abandoned=4",
    "[http]") {
  struct gate {
    mutex m;
    condition changed;
    bool open = false;
    int inside = 0;
  };
  auto door = std::make_shared<gate>();
  routes handlers = make_routes();
  REQUIRE_FALSE(handlers.get_blocking("/stuck", [door](const request&) {
    lock hold(door->m);
    ++door->inside;
    door->changed.wake_all();
    while (!door->open) door->changed.wait(door->m);
    --door->inside;
    door->changed.wake_all();
    return response::view("at last");
  }));
  background_options options;
  options.served.bounds.blocking_workers_max = 4;
  options.served.bounds.blocking_queue_deadline = 50 * millisecond_ns;
  options.served.bounds.handler_deadline = 600 * second_ns;  // only the queue and the drain end it
  options.served.bounds.drain_timeout = 100 * millisecond_ns;
  const auto served = open(handlers, options);
  const result<address> at = served->listen("127.0.0.1:0");
  REQUIRE(at.ok());
  REQUIRE_FALSE(served->start());
  std::vector<test::raw_client> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(test::raw_client::connect(at.value()));
    REQUIRE(clients.back().send("GET /stuck HTTP/1.1\r\nHost: weir\r\n\r\n") ==
            test::raw_outcome::done);
  }
  {
    lock hold(door->m);
    while (door->inside < 4) door->changed.wait(door->m);
  }
  // 503 when the wait for a worker is over, and not when one of the four returns: none does.
  for (const char* path : {"/stuck", "/thread"}) {
    test::raw_client later = test::raw_client::connect(at.value());
    REQUIRE(later.send(std::string("GET ") + path + " HTTP/1.1\r\nHost: weir\r\n\r\n") ==
            test::raw_outcome::done);
    REQUIRE(later.read_until([](std::string_view got) { return got.ends_with("}"); }) ==
            test::raw_outcome::done);
    CHECK(later.received().starts_with("HTTP/1.1 503 "));
    CHECK(later.received().find("Retry-After: 1\r\n") != std::string::npos);
    CHECK(answered(at.value(), "/", "served"));
  }
  const drain_report report = served->stop();
  {
    lock hold(door->m);
    CHECK(door->inside == 4);  // it did not wait for them
  }
  CHECK(report.abandoned == 4);
  CHECK(report.forced == 4);
  CHECK(served->stop().abandoned == 4);
  for (test::raw_client& each : clients) CHECK(each.read_to_end() == test::raw_outcome::reset);
  lock hold(door->m);
  door->open = true;
  door->changed.wake_all();
  while (door->inside > 0) door->changed.wait(door->m);
}

TEST_CASE(
    "background server: twenty restarts on one port leave no descriptor, thread or byte behind",
    "[http]") {
  const routes handlers = make_routes();
  address at = address::loopback_ipv4(0);
  const auto once = [&] {
    background_options options;
    options.threads = 2;
    options.served.bounds.drain_timeout = 600 * second_ns;  // nobody is there to wait for
    const auto served = open(handlers, options);
    const result<address> bound = served->listen(at);
    REQUIRE(bound.ok());
    at = bound.value();  // from the second time on: the same port
    REQUIRE_FALSE(served->start());
    for (int i = 0; i < 4; ++i) REQUIRE(answered(at, "/", "served"));
    REQUIRE(answered(at, "/thread", "pool"));
    CHECK(served->stop().forced == 0);
  };
  // What is made once and kept, by us and by the C library, is there after a few.
  for (int i = 0; i < 4; ++i) once();
  const std::size_t descriptors = test::held_descriptors();
  const std::size_t threads = test::live_threads();
  const std::size_t bytes = test::live_bytes();
  for (int i = 0; i < 20; ++i) once();
  CHECK(test::held_descriptors() == descriptors);
  CHECK(test::threads_come_down_to(threads));
  // Catch2 keeps a little for itself; one coroutine's frame would be more than its twentieth.
  CHECK(test::live_bytes() < bytes + 1'024);
}
