// http/background_server.hpp where the system refuses a thread half-way. Linux counts threads where
// other systems count processes.
#include <cstddef>
#include <filesystem>
#include <iterator>

#include <catch_amalgamated.hpp>

#include <weir/http/background_server.hpp>

#include "support/raw_client.hpp"
#include "support/raw_system.hpp"

using namespace weir;
using namespace weir::http;

namespace {

constexpr int unbounded = 100;  // the system gave all the threads

std::ptrdiff_t threads() {
  const auto all = std::filesystem::directory_iterator("/proc/self/task");
  return std::distance(begin(all), end(all));
}

// 0, or the number of what was not as it should be.
int start_without_threads() {
  routes handlers;
  if (handlers.get("/", [](const request&) { return response::view("served"); })) return 1;
  int ended = 0;
  background_options options;
  options.threads = 3;
  options.on_ended = [](void* context) noexcept { ++*static_cast<int*>(context); };
  options.context = &ended;
  const result<std::unique_ptr<background_server>> made =
      background_server::open(handlers, options);
  if (!made.ok()) return 2;
  const result<address> at = made.value()->listen("127.0.0.1:0");
  if (!at.ok()) return 3;
  const std::ptrdiff_t before = threads();  // a sanitizer has one too
  // This process and one thread more, when nobody else is there as this user.
  if (!test::set_thread_limit(2)) return 4;
  const error why = made.value()->start();
  if (!why) return unbounded;
  if (why.code != errc::limit) return 5;
  if (test::raw_client::connect(at.value()).connected()) return 6;
  if (threads() != before) return 7;
  if (ended != 1) return 8;
  if (made.value()->why_broken().code != errc::limit) return 9;
  const drain_report report = made.value()->stop();
  return report.forced == 0 && report.abandoned == 0 ? 0 : 10;
}

}  // namespace

TEST_CASE("background server: a start that gets some of its threads ends those too", "[http]") {
  const int outcome = test::run_without_root(&start_without_threads);
  if (outcome == unbounded) SKIP("this system gives a user all the threads it asks for");
  CHECK(outcome == 0);
}
