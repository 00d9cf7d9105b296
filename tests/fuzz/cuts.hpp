// fuzz/cuts.hpp - where a fuzz target splits its input: decided by the input itself, so that seeds
// are plain text and every run is the same.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace weir::fuzz {

// A generator seeded by the bytes of `text`.
class dice {
 public:
  explicit dice(std::string_view text) noexcept {
    for (const char c : text) state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  }
  // 0 to below - 1.
  std::size_t roll(std::size_t below) noexcept {
    state_ = state_ * 6'364'136'223'846'793'005u + 1'442'695'040'888'963'407u;
    return static_cast<std::size_t>((state_ >> 33) % below);
  }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325u;
};

// Up to `count` ascending positions in a text of `size` bytes.
inline std::vector<std::size_t> random_cuts(dice& random, std::size_t size, std::size_t count) {
  std::vector<std::size_t> cuts(count);
  for (std::size_t& cut : cuts) cut = random.roll(size + 1);
  std::sort(cuts.begin(), cuts.end());
  return cuts;
}

}  // namespace weir::fuzz
