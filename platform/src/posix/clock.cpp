// platform/posix/clock.cpp - CLOCK_MONOTONIC, and the wall clock for dates.
#include <weir/platform/clock.hpp>

#include <time.h>

namespace weir {
namespace {

class posix_clock final : public clock {
 public:
  time_ns now_ns() const noexcept override {
    timespec now{};
    const int failed = clock_gettime(CLOCK_MONOTONIC, &now);
    WEIR_ASSERT(failed == 0);
    return static_cast<time_ns>(now.tv_sec) * second_ns + now.tv_nsec;
  }
  std::int64_t unix_seconds() const noexcept override {
    timespec now{};
    const int failed = clock_gettime(CLOCK_REALTIME, &now);
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
