// platform/clock.hpp - where time enters: the clock of the system, and the one that tests own.
//
// Nothing above this floor asks the system what time it is; it asks a `clock` it was given. That
// is what makes a day of deadlines a millisecond of test.
#pragma once

#include <atomic>
#include <cstdint>

#include <weir/platform/assert.hpp>
#include <weir/platform/export.hpp>
#include <weir/platform/time.hpp>

namespace weir {

// Any thread may ask.
class WEIR_EXPORT clock {
 public:
  // Monotonic: never goes back, has no meaning beyond differences. What deadlines are made of.
  virtual time_ns now_ns() const noexcept = 0;
  // The same as of the system's last tick, for a fraction of the cost: up to some milliseconds
  // behind, and only its differences mean anything.
  virtual time_ns tick_ns() const noexcept { return now_ns(); }
  // Wall clock, whole seconds since 1970-01-01 UTC. For `Date` and logs only: it may jump, and
  // a second may begin some milliseconds late.
  virtual std::int64_t unix_seconds() const noexcept = 0;

 protected:
  clock() = default;
  ~clock() = default;
  clock(const clock&) = default;
  clock& operator=(const clock&) = default;
};

// The clock of the operating system. Lives for ever.
WEIR_EXPORT const clock& system_clock() noexcept;

// The twin: stands still until it is told otherwise. Any thread may read; one thread moves it.
class WEIR_EXPORT manual_clock final : public clock {
 public:
  // Starts well after 0, so that an instant before the start is still a valid number.
  explicit manual_clock(time_ns start_ns = second_ns, std::int64_t unix_start = 0) noexcept
      : now_ns_(start_ns), unix_start_(unix_start), start_ns_(start_ns) {}

  time_ns now_ns() const noexcept override { return now_ns_.load(std::memory_order_acquire); }
  // Moves with the monotonic time, as a real wall clock does when nobody sets it.
  std::int64_t unix_seconds() const noexcept override {
    return unix_start_.load(std::memory_order_acquire) +
           (now_ns() - start_ns_.load(std::memory_order_acquire)) / second_ns;
  }

  void advance(time_ns span_ns) noexcept {
    WEIR_ASSERT(span_ns >= 0);
    now_ns_.store(due_after(now_ns(), span_ns), std::memory_order_release);
  }
  // Forwards only: a monotonic clock that goes back is a broken test.
  void set(time_ns instant_ns) noexcept {
    WEIR_ASSERT(instant_ns >= now_ns());
    now_ns_.store(instant_ns, std::memory_order_release);
  }
  // Sets the wall clock, forwards or back, as an operator or NTP does. Monotonic time stays.
  void set_unix(std::int64_t seconds) noexcept {
    start_ns_.store(now_ns(), std::memory_order_release);
    unix_start_.store(seconds, std::memory_order_release);
  }

 private:
  std::atomic<time_ns> now_ns_;
  std::atomic<std::int64_t> unix_start_;  // the wall clock when now_ns was start_ns_
  std::atomic<time_ns> start_ns_;
};

}  // namespace weir
