// platform/sim/dice.hpp - the simulator's random numbers: splitmix64, the same on every system.
//
// Not seeded_random of the public headers: replays recorded by one release have to stay valid when
// that one changes.
#pragma once

#include <cstdint>

#include <weir/platform/time.hpp>

namespace weir::platform::sim {

class dice {
 public:
  explicit dice(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept {
    state_ += 0x9e3779b97f4a7c15u;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // 0 to bound - 1. The bias of a remainder is far below what a test could notice.
  std::uint64_t below(std::uint64_t bound) noexcept { return bound == 0 ? 0 : next() % bound; }
  // True so many times in a thousand. Draws nothing when it cannot be true, so that an option
  // that is off changes no other draw.
  bool chance(std::uint32_t permille) noexcept { return permille != 0 && below(1000) < permille; }
  time_ns between(time_ns low, time_ns high) noexcept {
    if (high <= low) return low;
    return low + static_cast<time_ns>(below(static_cast<std::uint64_t>(high - low) + 1));
  }

 private:
  std::uint64_t state_;
};

}  // namespace weir::platform::sim
