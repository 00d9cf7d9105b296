// http/date.hpp - HTTP dates (RFC 9110 5.6.7): IMF-fixdate out, all three forms in. No clock here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <weir/platform/export.hpp>

namespace weir::http {

inline constexpr std::size_t date_bytes = 29;  // "Sun, 06 Nov 1994 08:49:37 GMT"

// Writes `unix_seconds` (UTC, seconds since 1970) as IMF-fixdate. Years outside 0000-9999 are
// clamped to the nearest one that four digits can hold.
WEIR_EXPORT void format_date(std::int64_t unix_seconds, std::span<char, date_bytes> out) noexcept;

// Seconds since 1970, or nothing when `text` is none of IMF-fixdate, RFC 850 and asctime form.
// `now_seconds` decides the century of RFC 850's two-digit year: more than 50 years ahead is past.
WEIR_EXPORT std::optional<std::int64_t> parse_date(std::string_view text,
                                                   std::int64_t now_seconds) noexcept;

// The `Date` of now, formatted once a second. One per scheduler; not for two threads.
class date_cache {
 public:
  // The view lives until the next call with another second.
  std::string_view at(std::int64_t unix_seconds) noexcept {
    if (unix_seconds != second_ || !filled_) {
      format_date(unix_seconds, bytes_);
      second_ = unix_seconds;
      filled_ = true;
    }
    return {bytes_.data(), bytes_.size()};
  }

 private:
  std::array<char, date_bytes> bytes_{};
  std::int64_t second_ = 0;
  bool filled_ = false;
};

}  // namespace weir::http
