// apps/units.cpp - see the header.
#include "units.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <span>
#include <system_error>

#include <weir/http/date.hpp>

namespace weir::apps {

namespace {

struct unit {
  std::string_view name;
  std::uint64_t factor;
};
// From small to large: the last one that divides a value is the one it is printed in.
constexpr unit duration_units[] = {
    {"ns", 1},
    {"us", 1'000},
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"min", 60'000'000'000},
    {"h", 3'600'000'000'000},
};
constexpr unit byte_units[] = {
    {"B", 1},
    {"KiB", std::uint64_t{1} << 10},
    {"MiB", std::uint64_t{1} << 20},
    {"GiB", std::uint64_t{1} << 30},
    {"TiB", std::uint64_t{1} << 40},
};

constexpr const char* too_large = "the number is too large";

// Digits at the front of `text`, which loses them. Nothing in front of them: no sign, no blank.
result<std::uint64_t> take_number(std::string_view& text, const char* expected) noexcept {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const std::from_chars_result read = std::from_chars(text.data(), end, number);
  if (read.ec == std::errc::result_out_of_range) return error(errc::limit, too_large);
  if (read.ec != std::errc()) return error(errc::malformed, expected);
  text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
  return number;
}

result<std::uint64_t> scale(std::uint64_t number, std::string_view name,
                            std::span<const unit> units, std::uint64_t most,
                            const char* expected) noexcept {
  for (const unit& each : units) {
    if (each.name != name) continue;
    if (number > most / each.factor) return error(errc::limit, too_large);
    return number * each.factor;
  }
  return error(errc::malformed, expected);
}

std::string format(std::uint64_t value, std::span<const unit> units) {
  const unit* best = &units.front();
  for (const unit& each : units) {
    if (value != 0 && value % each.factor == 0) best = &each;
  }
  return std::to_string(value / best->factor).append(best->name);
}

}  // namespace

result<time_ns> parse_duration(std::string_view text) noexcept {
  constexpr const char* expected =
      "a duration is a whole number and a unit (ns, us, ms, s, min, h), such as 250ms or 4s";
  result<std::uint64_t> number = take_number(text, expected);
  if (!number.ok()) return number.why();
  // The largest value is "never", which is written as a word.
  const std::uint64_t most = static_cast<std::uint64_t>(never_ns) - 1;
  const result<std::uint64_t> span = scale(number.value(), text, duration_units, most, expected);
  if (!span.ok()) return span.why();
  return static_cast<time_ns>(span.value());
}

result<std::uint64_t> parse_bytes(std::string_view text) noexcept {
  constexpr const char* expected =
      "a size is a whole number of bytes, or with a unit (B, KiB, MiB, GiB, TiB), such as 1MiB";
  result<std::uint64_t> number = take_number(text, expected);
  if (!number.ok()) return number.why();
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max() - 1;
  return scale(number.value(), text.empty() ? "B" : text, byte_units, most, expected);
}

result<std::uint64_t> parse_rate(std::string_view text) noexcept {
  if (text.ends_with("/s")) text.remove_suffix(2);
  return parse_bytes(text);
}

result<std::uint32_t> parse_count(std::string_view text) noexcept {
  constexpr const char* expected = "a count is a whole number, such as 1000";
  result<std::uint64_t> number = take_number(text, expected);
  if (!number.ok()) return number.why();
  if (!text.empty()) return error(errc::malformed, expected);
  if (number.value() >= std::numeric_limits<std::uint32_t>::max()) {
    return error(errc::limit, too_large);
  }
  return static_cast<std::uint32_t>(number.value());
}

std::string format_duration(time_ns span) {
  return format(static_cast<std::uint64_t>(span), duration_units);
}

std::string format_bytes(std::uint64_t bytes) {
  return format(bytes, byte_units);
}

std::string format_moment(std::int64_t unix_seconds) {
  std::array<char, http::date_bytes> text;
  http::format_date(unix_seconds, text);
  return {text.data(), text.size()};
}

}  // namespace weir::apps
