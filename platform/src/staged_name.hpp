// platform/staged_name.hpp - the name of a file that is not yet what it will be.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include <weir/platform/error.hpp>
#include <weir/platform/random.hpp>

namespace weir::platform {

// `path` with something behind it that nobody else has chosen.
inline result<std::string> staged_name(std::string_view path) {
  std::array<std::byte, 8> bytes{};
  if (const error why = system_random().fill(bytes)) return why;
  std::string name(path);
  name += '.';
  for (const std::byte each : bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    name += digits[std::to_integer<std::size_t>(each >> 4)];
    name += digits[std::to_integer<std::size_t>(each & std::byte{15})];
  }
  return name + ".part";
}

}  // namespace weir::platform
