// platform/process.hpp - what programs do to their process, and that it is undone.
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <catch_amalgamated.hpp>

#include <weir/platform/process.hpp>

#include "support/raw_system.hpp"

namespace p = weir::platform;
using weir::errc;

#if defined(__linux__) || defined(__APPLE__) || defined(_WIN32)
TEST_CASE("process: resident memory grows when memory is touched", "[platform]") {
  const std::uint64_t before = p::resident_bytes().value();
  CHECK(before > 500'000);
  std::vector<char> touched(64u << 20);
  for (std::size_t i = 0; i < touched.size(); i += 1'024) touched[i] = 1;
  const std::uint64_t after = p::resident_bytes().value();
  CHECK(after > before + (48u << 20));
  CHECK(touched[1'024] == 1);
}
#endif

#if !defined(_WIN32)

using weir::test::raise_signal;
using weir::test::signal_kind;

namespace {

void count_wake(void* context) noexcept {
  static_cast<std::atomic<int>*>(context)->fetch_add(1);
  errno = EBADF;  // as a failing write() in a handler would
}

}  // namespace

#if defined(__linux__) || defined(__APPLE__)
TEST_CASE("process: an open descriptor is counted, a closed one is not", "[platform]") {
  const std::uint64_t before = p::open_descriptor_count().value();
  const int fd = weir::test::open_descriptor();
  REQUIRE(fd >= 0);
  CHECK(p::open_descriptor_count().value() == before + 1);
  weir::test::close_descriptor(fd);
  CHECK(p::open_descriptor_count().value() == before);
}
#endif

TEST_CASE("output: a pipe that somebody made non-blocking loses no byte", "[platform]") {
  std::string sent;
  while (sent.size() < 1'000'000) sent += std::to_string(sent.size()) + '\n';
  weir::test::non_blocking_output output;
  const weir::error failed = p::write_output(sent);
  const bool whole = output.take() == sent;  // a megabyte says nothing in a report
  CHECK(whole);
  CHECK_FALSE(failed);
}

TEST_CASE("process: the descriptor limit rises to what is wanted or allowed, and never sinks",
          "[platform]") {
  const weir::test::descriptor_limits original = weir::test::read_descriptor_limits();
  REQUIRE(weir::test::set_soft_descriptor_limit(128));
  CHECK(p::descriptor_limit().value() == 128);
  CHECK(p::raise_descriptor_limit(200).value() == 200);
  CHECK(p::raise_descriptor_limit(100).value() == 200);
  CHECK(p::descriptor_limit().value() == 200);
  const std::uint64_t most =
      p::raise_descriptor_limit(std::numeric_limits<std::uint64_t>::max()).value();
  CHECK(most >= 200);
  CHECK(most <= original.hard);
  CHECK(p::descriptor_limit().value() == most);
  CHECK(weir::test::set_soft_descriptor_limit(original.soft));
}

TEST_CASE("termination: signals are counted, wake the program, and leave errno alone",
          "[platform]") {
  std::atomic<int> wakes{0};
  p::termination_watch watch;
  REQUIRE_FALSE(watch.start(count_wake, &wakes));
  CHECK(p::termination_watch::count() == 0);
  errno = ENOENT;
  raise_signal(signal_kind::terminate);
  CHECK(errno == ENOENT);
  CHECK(p::termination_watch::count() == 1);
  CHECK(wakes.load() == 1);
  raise_signal(signal_kind::interrupt);
  CHECK(p::termination_watch::count() == 2);
  CHECK(wakes.load() == 2);
}

TEST_CASE("termination: without a wake function signals are still counted", "[platform]") {
  p::termination_watch watch;
  REQUIRE_FALSE(watch.start(nullptr, nullptr));
  raise_signal(signal_kind::terminate);
  CHECK(p::termination_watch::count() == 1);
}

TEST_CASE("termination: the former handlers come back, and a second watch starts at zero",
          "[platform]") {
  const weir::test::ignored_signal ignored(signal_kind::terminate);
  std::atomic<int> wakes{0};
  {
    p::termination_watch watch;
    REQUIRE_FALSE(watch.start(count_wake, &wakes));
    raise_signal(signal_kind::terminate);
    CHECK(wakes.load() == 1);
  }
  raise_signal(signal_kind::terminate);  // ignored again
  CHECK(wakes.load() == 1);
  CHECK(ignored.holds());

  p::termination_watch again;
  REQUIRE_FALSE(again.start(nullptr, nullptr));
  CHECK(p::termination_watch::count() == 0);
  again.stop();
  again.stop();
}

TEST_CASE("reload: a hang-up is counted beside terminations, and ends nobody", "[platform]") {
  const weir::test::ignored_signal ignored(signal_kind::hang_up);
  std::atomic<int> wakes{0};
  p::termination_watch end;
  REQUIRE_FALSE(end.start(nullptr, nullptr));
  {
    p::reload_watch watch;
    REQUIRE_FALSE(watch.start(count_wake, &wakes));
    p::reload_watch second;
    CHECK(second.start(nullptr, nullptr) == errc::exists);
    errno = ENOENT;
    raise_signal(signal_kind::hang_up);
    raise_signal(signal_kind::hang_up);
    CHECK(errno == ENOENT);
    CHECK(p::reload_watch::count() == 2);
    CHECK(wakes.load() == 2);
    CHECK(p::termination_watch::count() == 0);
  }
  raise_signal(signal_kind::hang_up);  // ignored again
  CHECK(wakes.load() == 2);
  CHECK(ignored.holds());
}

#endif

TEST_CASE("termination: two watches at once are refused", "[platform]") {
  p::termination_watch first;
  REQUIRE_FALSE(first.start(nullptr, nullptr));
  {
    p::termination_watch second;
    CHECK(second.start(nullptr, nullptr) == errc::exists);
  }
  first.stop();
  CHECK_FALSE(first.start(nullptr, nullptr));
}
