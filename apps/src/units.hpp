// apps/units.hpp - durations and sizes as people write them in flags, and as help prints them.
//
// Strict: digits and a unit, nothing before, between or after. A flag that is misread in silence is
// a limit that is not there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <weir/platform/error.hpp>
#include <weir/platform/time.hpp>

namespace weir::apps {

// The errors' `where` is a sentence for the person who typed the text.

// "250ms", "4s": a whole number and one of ns, us, ms, s, min, h.
result<time_ns> parse_duration(std::string_view text) noexcept;

// "65536", "64KiB": a whole number of bytes, or one of B, KiB, MiB, GiB, TiB.
result<std::uint64_t> parse_bytes(std::string_view text) noexcept;

// As parse_bytes, a "/s" behind it is allowed: "240", "1KiB/s".
result<std::uint64_t> parse_rate(std::string_view text) noexcept;

// A whole number that fits.
result<std::uint32_t> parse_count(std::string_view text) noexcept;

// The shortest text that parses to the same value.
std::string format_duration(time_ns span);
std::string format_bytes(std::uint64_t bytes);

// A moment as headers write it: "Sun, 06 Nov 1994 08:49:37 GMT".
std::string format_moment(std::int64_t unix_seconds);

}  // namespace weir::apps
