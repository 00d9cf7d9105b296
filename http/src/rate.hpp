// http/rate.hpp - the time that bytes earn at a minimum rate. One definition for both directions.
#pragma once

#include <cstdint>

#include <weir/platform/time.hpp>

namespace weir::http {

// bytes / rate, as a span: never_ns when it is longer than anything. To the nanosecond, so that a
// rate holds within a second too.
constexpr time_ns earned_ns(std::uint64_t bytes, std::uint64_t bytes_a_second) noexcept {
  const std::uint64_t whole = bytes / bytes_a_second;
  if (whole >= static_cast<std::uint64_t>(never_ns / second_ns)) return never_ns;
  constexpr auto second = static_cast<std::uint64_t>(second_ns);
  // Beyond that the product would overflow, and a part of a second is no time.
  const std::uint64_t part = bytes_a_second <= ~std::uint64_t{0} / second
                                 ? bytes % bytes_a_second * second / bytes_a_second
                                 : 0;
  return static_cast<time_ns>(whole * second + part);
}

}  // namespace weir::http
