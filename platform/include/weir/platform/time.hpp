// platform/time.hpp - how weir writes instants and durations: whole nanoseconds, 64 bits, signed.
#pragma once

#include <cstdint>
#include <limits>

namespace weir {

// An instant on the monotonic clock, or a span between two. 292 years fit.
using time_ns = std::int64_t;

inline constexpr time_ns microsecond_ns = 1'000;
inline constexpr time_ns millisecond_ns = 1'000'000;
inline constexpr time_ns second_ns = 1'000'000'000;

// "No deadline", written out. An instant that never comes.
inline constexpr time_ns never_ns = std::numeric_limits<time_ns>::max();

// `start + span` that stops at `never_ns` instead of wrapping: a flag may hold any number.
constexpr time_ns due_after(time_ns start, time_ns span) noexcept {
  return span >= never_ns - (start > 0 ? start : 0) ? never_ns : start + span;
}

}  // namespace weir
