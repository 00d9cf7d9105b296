// The timer heap against a model that cannot be wrong.
#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include <catch_amalgamated.hpp>

#include <weir/runtime/timer_heap.hpp>

using namespace weir;
using namespace weir::runtime;

namespace {

void nothing(timer&) noexcept {}

std::vector<std::unique_ptr<timer>> make_timers(std::size_t count) {
  std::vector<std::unique_ptr<timer>> all;
  all.reserve(count);
  for (std::size_t i = 0; i < count; ++i) all.push_back(std::make_unique<timer>(&nothing));
  return all;
}

}  // namespace

TEST_CASE("timer heap: 100,000 random arms, disarms and pops agree with a multimap") {
  const unsigned seed = GENERATE(1u, 2u, 3u);
  CAPTURE(seed);
  std::mt19937_64 dice(seed);
  const auto all = make_timers(4'000);
  timer_heap heap;
  std::multimap<time_ns, timer*> model;
  const auto forget = [&model](timer* t) {
    auto [from, to] = model.equal_range(t->due_ns);
    model.erase(std::find_if(from, to, [t](const auto& entry) { return entry.second == t; }));
  };
  bool agreed = true;
  for (int i = 0; i < 100'000; ++i) {
    timer& t = *all[dice() % all.size()];
    switch (dice() % 4) {
      case 0:
      case 1:
        if (!t.armed) {
          // Few instants, so that many timers share one.
          heap.arm(t, static_cast<time_ns>(dice() % 500));
          model.emplace(t.due_ns, &t);
        }
        break;
      case 2:
        if (t.armed) forget(&t);
        heap.disarm(t);
        break;
      default:
        if (timer* const first = heap.soonest()) {
          agreed = agreed && first->armed && first->due_ns == model.begin()->first;
          heap.disarm(*first);
          forget(first);
        }
    }
    agreed = agreed && heap.count() == model.size() && (heap.soonest() == nullptr) == model.empty();
  }
  CHECK(agreed);
  time_ns last_ns = 0;
  while (timer* const first = heap.soonest()) {
    agreed = agreed && first->due_ns >= last_ns && first->due_ns == model.begin()->first;
    last_ns = first->due_ns;
    heap.disarm(*first);
    forget(first);
  }
  CHECK(agreed);
  CHECK(model.empty());
  CHECK(heap.count() == 0);
}

TEST_CASE("timer heap: a million timers, as wide and as deep as they come, need no stack") {
  constexpr std::size_t count = 1'000'000;
  const auto all = make_timers(count);
  timer_heap heap;
  SECTION("armed soonest first: all are children of the root") {
    for (std::size_t i = 0; i < count; ++i) heap.arm(*all[i], static_cast<time_ns>(i));
  }
  SECTION("armed latest first: a chain") {
    for (std::size_t i = count; i-- > 0;) heap.arm(*all[i], static_cast<time_ns>(i));
  }
  SECTION("all at one instant") {
    for (std::size_t i = 0; i < count; ++i) heap.arm(*all[i], 7);
  }
  // From the middle, from the end, and then in order.
  heap.disarm(*all[count / 2]);
  heap.disarm(*all[count - 1]);
  std::size_t popped = 0;
  time_ns last_ns = 0;
  bool ordered = true;
  while (timer* const first = heap.soonest()) {
    ordered = ordered && first->due_ns >= last_ns;
    last_ns = first->due_ns;
    heap.disarm(*first);
    ++popped;
  }
  CHECK(ordered);
  CHECK(popped == count - 2);
}

TEST_CASE("timer heap: disarming what is not armed does nothing") {
  timer_heap heap;
  timer t(&nothing);
  heap.disarm(t);
  heap.arm(t, 1);
  heap.disarm(t);
  heap.disarm(t);
  CHECK(heap.count() == 0);
  CHECK(heap.soonest() == nullptr);
}
