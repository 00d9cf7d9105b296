// What is read as a duration, a size or a count, and what is refused rather than guessed.
#include <catch_amalgamated.hpp>

#include "units.hpp"

using namespace weir;
using namespace weir::apps;

TEST_CASE("units: durations have a unit, and what is printed is read back", "[apps]") {
  struct row {
    std::string_view text;
    time_ns value;
  };
  constexpr row table[] = {
      {"0s", 0},
      {"1ns", 1},
      {"1500us", 1'500'000},
      {"250ms", 250'000'000},
      {"4s", 4'000'000'000},
      {"004s", 4'000'000'000},
      {"2min", 120'000'000'000},
      {"2562047h", 9'223'369'200'000'000'000},
  };
  for (const row& r : table) {
    CAPTURE(r.text);
    const result<time_ns> read = parse_duration(r.text);
    REQUIRE(read.ok());
    CHECK(read.value() == r.value);
    const result<time_ns> again = parse_duration(format_duration(r.value));
    REQUIRE(again.ok());
    CHECK(again.value() == r.value);
  }
  CHECK(format_duration(250 * millisecond_ns) == "250ms");
  CHECK(format_duration(10 * second_ns) == "10s");
  CHECK(format_duration(60 * second_ns) == "1min");
}

TEST_CASE("units: a duration that is misread is a deadline that is not there", "[apps]") {
  for (std::string_view text : {"", "4", "s", "-4s", "+4s", " 4s", "4s ", "4 s", "1.5s", "4S",
                                "4sec", "4m", "0x4s", "4s4s", "1e3ms", "unbounded"}) {
    CAPTURE(text);
    CHECK(parse_duration(text).why() == errc::malformed);
  }
  for (std::string_view text : {"18446744073709551616ns", "9223372036854775807ns", "2562048h"}) {
    CAPTURE(text);
    CHECK(parse_duration(text).why() == errc::limit);
  }
}

TEST_CASE("units: sizes count in 1024, and units of 1000 are refused", "[apps]") {
  CHECK(parse_bytes("0").value() == 0);
  CHECK(parse_bytes("65536").value() == 65'536);
  CHECK(parse_bytes("17B").value() == 17);
  CHECK(parse_bytes("1MiB").value() == 1'048'576);
  CHECK(parse_bytes("16777215TiB").value() == 18'446'742'974'197'923'840u);
  for (std::string_view text : {"", "1MB", "1M", "1k", "1 KiB", "KiB", "-1", "1.5MiB", "1kib"}) {
    CAPTURE(text);
    CHECK(parse_bytes(text).why() == errc::malformed);
  }
  for (std::string_view text :
       {"18446744073709551615", "18446744073709551616", "16777216TiB", "99999999999GiB"}) {
    CAPTURE(text);
    CHECK(parse_bytes(text).why() == errc::limit);
  }
  CHECK(parse_rate("1KiB/s").value() == 1'024);
  CHECK(parse_rate("240").value() == 240);
  CHECK(parse_rate("240/min").why() == errc::malformed);
  CHECK(format_bytes(0) == "0B");
  CHECK(format_bytes(256) == "256B");
  CHECK(format_bytes(32 * 1024) == "32KiB");
  CHECK(format_bytes(1025) == "1025B");
}

TEST_CASE("units: a count is a plain number below the largest, which means no limit", "[apps]") {
  CHECK(parse_count("0").value() == 0);
  CHECK(parse_count("4294967294").value() == 4'294'967'294u);
  CHECK(parse_count("4294967295").why() == errc::limit);
  for (std::string_view text : {"", "1k", "1.0", "-1", " 1", "1 "}) {
    CAPTURE(text);
    CHECK(parse_count(text).why() == errc::malformed);
  }
}
