// platform/random.hpp - the system's source, and seeds that mean the same everywhere.
#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <vector>

#include <catch_amalgamated.hpp>

#include <weir/platform/random.hpp>

TEST_CASE("seeded random: a seed gives the numbers of the published algorithm", "[platform]") {
  // Computed by another implementation.
  weir::seeded_random zero(0);
  CHECK(zero.u64() == 0x99ec5f36cb75f2b4);
  CHECK(zero.u64() == 0xbf6e1f784956452a);
  CHECK(zero.u64() == 0x1a5f849d4933e6e0);
  CHECK(zero.u64() == 0x6aa594f1262d2d2c);
  weir::seeded_random later(2024);
  CHECK(later.u64() == 0x0e48715a13d7772e);
  CHECK(later.u64() == 0xc837f3ee8a7a1065);
}

TEST_CASE("seeded random: bytes are the numbers, low byte first, on every machine", "[platform]") {
  weir::seeded_random source(0);
  std::array<std::byte, 11> bytes{};
  REQUIRE_FALSE(source.fill(bytes));
  const std::array<unsigned, 11> expected{0xb4, 0xf2, 0x75, 0xcb, 0x36, 0x5f,
                                          0xec, 0x99, 0x2a, 0x45, 0x56};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    CHECK(std::to_integer<unsigned>(bytes[i]) == expected[i]);
  }
  CHECK(source.u64() == 0x1a5f849d4933e6e0);
}

TEST_CASE("seeded random: below stays below and reaches everything about equally", "[platform]") {
  weir::seeded_random source(7);
  std::array<int, 6> seen{};
  for (int i = 0; i < 60'000; ++i) {
    const std::uint64_t n = source.below(6);
    REQUIRE(n < 6);
    ++seen[n];
  }
  for (const int count : seen) {
    CHECK(count > 9'500);
    CHECK(count < 10'500);
  }
  CHECK(source.below(1) == 0);
  // A bound just over half of all numbers is where a plain remainder is most unfair: the lower
  // half would come up twice as often.
  const std::uint64_t bound = (std::uint64_t{1} << 63) + (std::uint64_t{1} << 62);
  int low = 0;
  for (int i = 0; i < 30'000; ++i) low += source.below(bound) < bound / 3 ? 1 : 0;
  CHECK(low > 9'500);
  CHECK(low < 10'500);
}

TEST_CASE("seeded random: between and chance keep their bounds", "[platform]") {
  weir::seeded_random source(9);
  bool low = false;
  bool high = false;
  for (int i = 0; i < 1'000; ++i) {
    const std::uint64_t n = source.between(3, 5);
    REQUIRE(n >= 3);
    REQUIRE(n <= 5);
    low = low || n == 3;
    high = high || n == 5;
  }
  CHECK(low);
  CHECK(high);
  CHECK(source.between(4, 4) == 4);
  CHECK(source.between(0, ~std::uint64_t{0}) != source.between(0, ~std::uint64_t{0}));
  int hits = 0;
  for (int i = 0; i < 1'000; ++i) {
    REQUIRE_FALSE(source.chance(0, 10));
    REQUIRE(source.chance(10, 10));
    hits += source.chance(1, 4) ? 1 : 0;
  }
  CHECK(hits > 180);
  CHECK(hits < 320);
}

TEST_CASE("seeded random: a fork goes its own way and leaves its parent on a known one",
          "[platform]") {
  weir::seeded_random a(3);
  weir::seeded_random b(3);
  weir::seeded_random forked = a.fork();
  for (int i = 0; i < 10; ++i) forked.u64();
  b.u64();
  CHECK(a.u64() == b.u64());
  CHECK(forked.u64() != a.u64());
}

TEST_CASE("system random: fills every byte of any length, and never the same twice", "[platform]") {
  weir::random_source& source = weir::system_random();
  for (const std::size_t size : {1u, 7u, 255u, 256u, 257u, 5'000u, 100'000u}) {
    INFO(size);
    std::vector<std::byte> bytes(size + 1);
    // The last byte is 0 once in 256 times; never in 64 tries means that it is not filled.
    bool last_filled = false;
    for (int i = 0; i < 64 && !last_filled; ++i) {
      REQUIRE_FALSE(source.fill(std::span(bytes).first(size)));
      last_filled = bytes[size - 1] != std::byte{0};
    }
    CHECK(last_filled);
    CHECK(bytes[size] == std::byte{0});
  }
  std::array<std::byte, 32> a{};
  std::array<std::byte, 32> b{};
  REQUIRE_FALSE(source.fill(a));
  REQUIRE_FALSE(source.fill(b));
  CHECK(a != b);
  CHECK_FALSE(source.fill({}));
}
