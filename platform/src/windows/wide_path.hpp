// platform/windows/wide_path.hpp - a path from UTF-8 to what Windows takes.
#pragma once

#include <windows/headers.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <string_view>

#include <weir/platform/error.hpp>

namespace weir::platform {

inline constexpr std::size_t wide_max = 32'768;  // the longest path there is, in UTF-16 units

struct wide_path {
  std::unique_ptr<wchar_t[]> text;
  std::size_t size = 0;
};

inline result<wide_path> widen(std::string_view path) noexcept {
  wide_path wide;
  wide.text.reset(new (std::nothrow) wchar_t[wide_max]);
  if (wide.text == nullptr) return error(errc::memory_exhausted, "path");
  const int units =
      MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path.data(), static_cast<int>(path.size()),
                          wide.text.get(), static_cast<int>(wide_max - 1));
  if (units <= 0) return error(errc::invalid, "path: not UTF-8");
  wide.size = static_cast<std::size_t>(units);
  wide.text[wide.size] = L'\0';
  return wide;
}

}  // namespace weir::platform
