// platform/random.hpp - random bytes: from the operating system for secrets, from a seed for tests.
#pragma once

#include <cstdint>

#include <weir/platform/assert.hpp>
#include <weir/platform/bytes.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>

namespace weir {

class WEIR_EXPORT random_source {
 public:
  // Fills all of `into`, or says why it could not; then nothing in `into` may be used. Whoever
  // makes keys or identifiers from it fails with it: there is no weaker source to fall back on.
  virtual error fill(byte_span into) noexcept = 0;

 protected:
  random_source() = default;
  ~random_source() = default;
  random_source(const random_source&) = default;
  random_source& operator=(const random_source&) = default;
};

// The operating system's cryptographic source. Any thread; lives for ever. The very first call
// after a machine boots may wait for the kernel to be seeded.
WEIR_EXPORT random_source& system_random() noexcept;

// The twin: the same seed gives the same numbers on every compiler and system, so that a failure
// found by simulation is replayed by its seed. Never for secrets: four numbers give away the rest.
// One thread at a time. (splitmix64 spreads the seed, xoshiro256** makes the numbers; both are in
// the public domain, by Blackman and Vigna.)
class WEIR_EXPORT seeded_random final : public random_source {
 public:
  explicit seeded_random(std::uint64_t seed) noexcept {
    for (std::uint64_t& word : state_) {
      seed += 0x9e3779b97f4a7c15;
      std::uint64_t z = seed;
      z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
      z = (z ^ z >> 27) * 0x94d049bb133111eb;
      word = z ^ z >> 31;
    }
  }

  // Bytes come from whole numbers, low byte first; a last number that is not used up is dropped,
  // so fill(3) and fill(5) are not fill(8).
  error fill(byte_span into) noexcept override {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < into.size(); ++i) {
      if (i % 8 == 0) number = u64();
      into[i] = static_cast<std::byte>(number & 0xff);
      number >>= 8;
    }
    return {};
  }

  std::uint64_t u64() noexcept {
    const std::uint64_t number = rotate(state_[1] * 5, 7) * 9;
    const std::uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = rotate(state_[3], 45);
    return number;
  }

  // 0 to n - 1, each equally likely.
  std::uint64_t below(std::uint64_t n) noexcept {
    WEIR_ASSERT(n > 0);
    // The first (2^64 mod n) numbers would make the low results likelier: thrown away.
    const std::uint64_t skip = (0 - n) % n;
    std::uint64_t number = u64();
    while (number < skip) number = u64();
    return number % n;
  }

  // low to high, both included.
  std::uint64_t between(std::uint64_t low, std::uint64_t high) noexcept {
    WEIR_ASSERT(low <= high);
    const std::uint64_t span = high - low;
    return span == ~std::uint64_t{0} ? u64() : low + below(span + 1);
  }

  // True `part` times out of `whole`.
  bool chance(std::uint64_t part, std::uint64_t whole) noexcept { return below(whole) < part; }

  // Another source, for a part that must not disturb the numbers of this one.
  seeded_random fork() noexcept { return seeded_random(u64()); }

 private:
  static constexpr std::uint64_t rotate(std::uint64_t x, int bits) noexcept {
    return x << bits | x >> (64 - bits);
  }

  std::uint64_t state_[4];
};

}  // namespace weir
