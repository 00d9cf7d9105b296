// platform/windows/clock.cpp - the performance counter, and the wall clock for dates.
#include <weir/platform/clock.hpp>

#include <windows/headers.hpp>

namespace weir {
namespace {

class windows_clock final : public clock {
 public:
  time_ns now_ns() const noexcept override {
    // The frequency is fixed at boot; both calls cannot fail since Windows XP.
    LARGE_INTEGER frequency;
    LARGE_INTEGER count;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&count);
    WEIR_ASSERT(frequency.QuadPart > 0);
    // Seconds and the rest apart: count * 1e9 would overflow after minutes.
    const time_ns whole = count.QuadPart / frequency.QuadPart;
    const time_ns rest = count.QuadPart % frequency.QuadPart;
    return whole * second_ns + rest * second_ns / frequency.QuadPart;
  }
  time_ns tick_ns() const noexcept override {
    return static_cast<time_ns>(GetTickCount64()) * millisecond_ns;
  }
  std::int64_t unix_seconds() const noexcept override {
    FILETIME now;
    GetSystemTimeAsFileTime(&now);  // 100 ns units since 1601
    const std::int64_t units =
        static_cast<std::int64_t>(now.dwHighDateTime) << 32 | now.dwLowDateTime;
    return units / 10'000'000 - 11'644'473'600;
  }
};

constexpr windows_clock the_clock;

}  // namespace

const clock& system_clock() noexcept {
  return the_clock;
}

}  // namespace weir
