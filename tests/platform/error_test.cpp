// platform/error.hpp - the error type and result<T>.
#include <memory>

#include <catch_amalgamated.hpp>

#include <weir/platform/error.hpp>
#include <weir/platform/time.hpp>

using weir::errc;
using weir::error;
using weir::result;

TEST_CASE("error: a default error is no error, and every code has its own name", "[platform]") {
  CHECK_FALSE(error{});
  CHECK(error(errc::reset, "recv", 104));
  CHECK(error(errc::reset, "recv") == errc::reset);
  for (int a = 0; a <= static_cast<int>(errc::other); ++a) {
    for (int b = 0; b < a; ++b) {
      INFO("codes " << a << " and " << b);
      CHECK(std::string_view(to_string(static_cast<errc>(a))) != to_string(static_cast<errc>(b)));
    }
  }
}

TEST_CASE("result: holds a value or a reason, and moves what cannot be copied", "[platform]") {
  result<std::unique_ptr<int>> good = std::make_unique<int>(7);
  REQUIRE(good.ok());
  CHECK(*std::move(good).value() == 7);
  const result<std::unique_ptr<int>> bad = error(errc::limit, "timers_max");
  CHECK_FALSE(bad.ok());
  CHECK(bad.why().code == errc::limit);
}

TEST_CASE("time: a deadline far in the future stops at never instead of wrapping", "[platform]") {
  CHECK(weir::due_after(5, 7) == 12);
  CHECK(weir::due_after(5, weir::never_ns) == weir::never_ns);
  CHECK(weir::due_after(weir::never_ns, 1) == weir::never_ns);
  CHECK(weir::due_after(-5, weir::never_ns) == weir::never_ns);
}
