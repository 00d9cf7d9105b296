// bench/micro/task_cases.cpp - awaiting a child, a leaf that is ready, and being resumed.
#include <limits>
#include <memory>

#include <weir/runtime/scheduler.hpp>
#include <weir/runtime/task.hpp>
#include <weir/runtime/waits.hpp>

#include "micro.hpp"

namespace weir::bench {

namespace {

using runtime::task;

void run(task<error> (*body)(std::uint64_t), std::uint64_t times) {
  runtime::scheduler_options options;
  // The poller is not what is measured here.
  options.turn_budget = std::numeric_limits<std::uint32_t>::max();
  result<std::unique_ptr<runtime::scheduler>> loop = runtime::scheduler::open(options);
  WEIR_ASSERT(loop.ok());
  const error why = loop.value()->run(body(times));
  WEIR_ASSERT(!why);
}

task<error> child() {
  co_return error{};
}

task<error> await_children(std::uint64_t times) {
  for (; times > 0; --times) {
    const error why = co_await child();
    if (why) co_return why;
  }
  co_return error{};
}

task<error> await_ready_leaf(std::uint64_t times) {
  runtime::event set;
  set.set();
  for (; times > 0; --times) {
    const error why = co_await set.wait();
    if (why) co_return why;
  }
  co_return error{};
}

// Two tasks that hand one permit to each other: each time one parks and the other is resumed.
task<error> take_and_pass(runtime::semaphore& mine, runtime::semaphore& other,
                          std::uint64_t times) {
  for (; times > 0; --times) {
    const error why = co_await mine.acquire();
    if (why) co_return why;
    other.release();
  }
  co_return error{};
}

task<error> park_and_resume(std::uint64_t times) {
  runtime::scope& here = co_await runtime::this_scope();
  runtime::semaphore ping(1, 1);
  runtime::semaphore pong(0, 1);
  const error started =
      here.owner().spawn(take_and_pass(pong, ping, times - times / 2), "the other");
  if (started) co_return started;
  const error why = co_await take_and_pass(ping, pong, times - times / 2);
  if (why) co_return why;
  const error last = co_await ping.acquire();  // the other one is through
  co_return last;
}

constexpr micro_case cases[] = {
    {"await_child", "a child task that ends at once, frame from the pool",
     [](std::uint64_t times) { run(&await_children, times); }},
    {"await_ready", "a leaf that needs not wait",
     [](std::uint64_t times) { run(&await_ready_leaf, times); }},
    {"park_resume", "a leaf parked, woken and resumed by the loop",
     [](std::uint64_t times) { run(&park_and_resume, times); }},
};

}  // namespace

std::span<const micro_case> task_cases() noexcept {
  return cases;
}

}  // namespace weir::bench
