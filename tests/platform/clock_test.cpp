// platform/clock.hpp - the system's clock, and the one that stands still.
#include <ctime>

#include <catch_amalgamated.hpp>

#include <weir/platform/clock.hpp>

TEST_CASE("clock: ticks never go back, and a clock of tests ticks when it is moved", "[clock]") {
  weir::time_ns last = weir::system_clock().tick_ns();
  for (int i = 0; i < 1'000; ++i) {
    const weir::time_ns next = weir::system_clock().tick_ns();
    CHECK(next >= last);
    last = next;
  }
  weir::manual_clock own;
  const weir::time_ns before = own.tick_ns();
  own.advance(5);
  CHECK(own.tick_ns() == before + 5);
}

TEST_CASE("clock: the system's monotonic time does not go back, and moves", "[platform]") {
  const weir::clock& clock = weir::system_clock();
  const weir::time_ns start = clock.now_ns();
  CHECK(start > 0);
  weir::time_ns before = start;
  bool monotonic = true;
  while (before < start + weir::millisecond_ns) {
    const weir::time_ns now = clock.now_ns();
    monotonic = monotonic && now >= before;
    before = now;
  }
  CHECK(monotonic);
  CHECK(before - start >= weir::millisecond_ns);
}

TEST_CASE("clock: the wall clock agrees with the C library", "[platform]") {
  const std::int64_t before = std::time(nullptr);
  const std::int64_t ours = weir::system_clock().unix_seconds();
  const std::int64_t after = std::time(nullptr);
  CHECK(ours >= before - 1);
  CHECK(ours <= after + 1);
}

TEST_CASE("manual clock: stands still until it is moved", "[platform]") {
  weir::manual_clock clock(5 * weir::second_ns, 1'000);
  CHECK(clock.now_ns() == 5 * weir::second_ns);
  CHECK(clock.now_ns() == 5 * weir::second_ns);
  clock.advance(1'500 * weir::millisecond_ns);
  CHECK(clock.now_ns() == 6'500 * weir::millisecond_ns);
  clock.set(60 * weir::second_ns);
  CHECK(clock.now_ns() == 60 * weir::second_ns);
}

TEST_CASE("manual clock: advancing by never stops at never", "[platform]") {
  weir::manual_clock clock;
  clock.advance(weir::never_ns);
  CHECK(clock.now_ns() == weir::never_ns);
}

TEST_CASE("manual clock: the wall clock moves with it, and may be set back without moving it",
          "[platform]") {
  weir::manual_clock clock(weir::second_ns, 1'700'000'000);
  clock.advance(2'999 * weir::millisecond_ns);
  CHECK(clock.unix_seconds() == 1'700'000'002);
  const weir::time_ns before = clock.now_ns();
  clock.set_unix(12);
  CHECK(clock.unix_seconds() == 12);
  CHECK(clock.now_ns() == before);
  clock.advance(weir::second_ns);
  CHECK(clock.unix_seconds() == 13);
}
