// runtime/task.hpp - tasks: bounded stack, refusals as values, nothing lost.
#include <stdexcept>

#include <catch_amalgamated.hpp>

#include <weir/runtime/offload.hpp>
#include <weir/runtime/scheduler.hpp>
#include <weir/runtime/task.hpp>
#include <weir/runtime/waits.hpp>
#include <weir/runtime/within.hpp>

using namespace weir;
using namespace weir::runtime;

namespace {

std::unique_ptr<platform::poller> native_poller() {
  result<std::unique_ptr<platform::poller>> made = platform::open_poller({});
  REQUIRE(made.ok());
  return std::move(made).value();
}

task<result<int>> leaf() {
  co_return 1;
}

task<result<int>> loop_over(int n) {
  int sum = 0;
  for (int i = 0; i < n; ++i) {
    const result<int> one = co_await leaf();
    sum += one.value();
  }
  co_return sum;
}

task<error> sleeper(time_ns span_ns) {
  scope& here = co_await this_scope();
  const error why = co_await sleep_until(here.owner().now_ns() + span_ns);
  co_return why;
}

task<error> two_sleepers() {
  scope& here = co_await this_scope();
  nursery children(here, "sleepers", 2);
  const error first = children.start(sleeper(millisecond_ns), "first");
  const error second = children.start(sleeper(2 * millisecond_ns), "second");
  const error third = children.start(sleeper(millisecond_ns), "one too many");
  const error joined = co_await children.join();
  if (first || second || joined) co_return error(errc::other, "unexpected");
  co_return third;
}

task<error> with_deadline() {
  scope& here = co_await this_scope();
  const error why =
      co_await within(here.owner().now_ns() + millisecond_ns, "short", sleeper(3600 * second_ns));
  co_return why;
}

task<error> thrower() {
  throw std::runtime_error("user code");
  co_return error{};
}

task<result<int>> on_a_worker(offload& pool) {
  const result<int> seven = co_await pool.run([] { return 7; });
  co_return seven;
}

}  // namespace

TEST_CASE("task: a million children that finish inline do not nest on the stack", "[runtime]") {
  scheduler loop(native_poller());
  const result<int> sum = loop.run(loop_over(1'000'000));
  CHECK(sum.value() == 1'000'000);
}

TEST_CASE("task: children of a nursery sleep side by side, one too many is refused", "[runtime]") {
  scheduler loop(native_poller());
  const error why = loop.run(two_sleepers());
  CHECK(why == errc::limit);
}

TEST_CASE("within: a child that would sleep for an hour is timed out by name", "[runtime]") {
  scheduler loop(native_poller());
  const error why = loop.run(with_deadline());
  CHECK(why == errc::timed_out);
  CHECK(std::string_view(why.where) == "short");
}

TEST_CASE("task: an exception of user code arrives as an error of its task", "[runtime]") {
  scheduler loop(native_poller());
  CHECK(loop.run(thrower()) == errc::exception);
}

TEST_CASE("offload: a job runs on a worker and answers", "[runtime]") {
  scheduler loop(native_poller());
  offload pool(loop, {});
  const result<int> seven = loop.run(on_a_worker(pool));
  CHECK(seven.value() == 7);
}
