// platform/posix/clock.cpp - CLOCK_MONOTONIC, and the wall clock for dates.
#include <weir/platform/clock.hpp>

#include <time.h>

namespace weir {
namespace {

// What a clock costs that is read at each tick of the system and not at each question: a sixth,
// where there is one. A wall clock of seconds may as well be one.
#if defined(CLOCK_MONOTONIC_COARSE) && defined(CLOCK_REALTIME_COARSE)
constexpr clockid_t ticks = CLOCK_MONOTONIC_COARSE;
constexpr clockid_t wall = CLOCK_REALTIME_COARSE;
#elif defined(CLOCK_MONOTONIC_FAST) && defined(CLOCK_REALTIME_FAST)
constexpr clockid_t ticks = CLOCK_MONOTONIC_FAST;
constexpr clockid_t wall = CLOCK_REALTIME_FAST;
#else
constexpr clockid_t ticks = CLOCK_MONOTONIC;
constexpr clockid_t wall = CLOCK_REALTIME;
#endif

time_ns read(clockid_t which) noexcept {
  timespec now{};
  const int failed = clock_gettime(which, &now);
  WEIR_ASSERT(failed == 0);
  return static_cast<time_ns>(now.tv_sec) * second_ns + now.tv_nsec;
}

class posix_clock final : public clock {
 public:
  time_ns now_ns() const noexcept override { return read(CLOCK_MONOTONIC); }
  time_ns tick_ns() const noexcept override { return read(ticks); }
  std::int64_t unix_seconds() const noexcept override {
    timespec now{};
    const int failed = clock_gettime(wall, &now);
    WEIR_ASSERT(failed == 0);
    return now.tv_sec;
  }
};

constexpr posix_clock the_clock;

}  // namespace

const clock& system_clock() noexcept {
  return the_clock;
}

}  // namespace weir
