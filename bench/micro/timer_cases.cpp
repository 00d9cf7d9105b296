// bench/micro/timer_cases.cpp - timers among a thousand others, as a server holds them.
#include <deque>
#include <memory>

#include <weir/runtime/scheduler.hpp>
#include <weir/runtime/timer_heap.hpp>

#include "micro.hpp"

namespace weir::bench {

namespace {

constexpr std::size_t standing = 1'000;

void fire_nothing(runtime::timer&) noexcept {}

// A thousand timers that stay armed, due one after the other.
struct crowd {
  crowd() {
    for (std::size_t i = 0; i < standing; ++i) {
      timers.emplace_back(&fire_nothing);
      heap.arm(timers.back(), static_cast<time_ns>(i) * millisecond_ns);
    }
  }
  ~crowd() {
    for (runtime::timer& each : timers) heap.disarm(each);
  }
  std::deque<runtime::timer> timers;
  runtime::timer_heap heap;
};

void arm_and_cancel(std::uint64_t times) {
  crowd others;
  runtime::timer one(&fire_nothing);
  time_ns due_ns = 0;
  for (; times > 0; --times) {
    others.heap.arm(one, due_ns);
    others.heap.disarm(one);
    due_ns = (due_ns + 7 * millisecond_ns) % second_ns;
    keep(others.heap);
  }
}

// What a deadline that moves eagerly would cost: each of them is put off in turn.
void rearm(std::uint64_t times) {
  crowd others;
  time_ns due_ns = second_ns;
  std::size_t at = 0;
  for (; times > 0; --times) {
    runtime::timer& one = others.timers[at];
    others.heap.disarm(one);
    others.heap.arm(one, due_ns);
    due_ns += millisecond_ns;
    at = at + 1 == standing ? 0 : at + 1;
    keep(others.heap);
  }
}

// Taken when it is due, and armed again: the work of a heap that fires.
void pop_and_arm(std::uint64_t times) {
  crowd others;
  for (; times > 0; --times) {
    runtime::timer& due = *others.heap.soonest();
    others.heap.disarm(due);
    others.heap.arm(due, due.due_ns + second_ns);
    keep(others.heap);
  }
}

// What weir does for a request instead: a later deadline is a store.
void lazy_deadline(std::uint64_t times) {
  result<std::unique_ptr<runtime::scheduler>> loop = runtime::scheduler::open();
  WEIR_ASSERT(loop.ok());
  runtime::scope in(loop.value()->root(), "a connection");
  time_ns due_ns = due_after(loop.value()->now_ns(), 60 * second_ns);
  for (; times > 0; --times) {
    in.set_deadline(due_ns, "later");
    due_ns += millisecond_ns;
    keep(in);
  }
}

constexpr micro_case cases[] = {
    {"timer_arm_cancel", "a timer armed and cancelled among 1,000", &arm_and_cancel},
    {"timer_rearm", "a timer of 1,000 put off", &rearm},
    {"timer_pop_arm", "the soonest of 1,000 taken and armed again", &pop_and_arm},
    {"deadline_lazy", "the deadline of a scope put off", &lazy_deadline},
};

}  // namespace

std::span<const micro_case> timer_cases() noexcept {
  return cases;
}

}  // namespace weir::bench
