// platform/relative_path.hpp - the grammar of a path beneath a folder, and of a path for the
// system.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>

#include <weir/platform/error.hpp>
#include <weir/platform/file.hpp>

namespace weir::platform {

// A path with its NUL, on the stack: opening a file allocates nothing.
class terminated_path {
 public:
  // errc::invalid for an empty path, a NUL inside, or one that does not fit.
  error set(std::string_view path) noexcept {
    if (path.empty()) return {errc::invalid, "path: empty"};
    if (path.size() >= text_.size()) return {errc::invalid, "path: too long"};
    if (path.find('\0') != std::string_view::npos) return {errc::invalid, "path: NUL inside"};
    std::memcpy(text_.data(), path.data(), path.size());
    text_[path.size()] = '\0';
    return {};
  }
  const char* c_str() const noexcept { return text_.data(); }

 private:
  std::array<char, directory_root::path_bytes_max> text_;
};

// Cuts the first component off `rest`; the caller has checked the path.
inline std::string_view take_component(std::string_view& rest) noexcept {
  const std::size_t slash = rest.find('/');
  const std::string_view component = rest.substr(0, slash);
  rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
  return component;
}

// The part of the grammar that is the same everywhere. The last component may not be empty either,
// so "a/" is refused rather than taken for "a".
inline error check_relative_path(std::string_view path) noexcept {
  if (path.empty()) return {errc::invalid, "path: empty"};
  if (path.size() >= directory_root::path_bytes_max) return {errc::invalid, "path: too long"};
  if (path.find('\0') != std::string_view::npos) return {errc::invalid, "path: NUL inside"};
  if (path.ends_with('/')) return {errc::invalid, "path: empty component"};
  std::size_t components = 0;
  for (std::string_view rest = path; !rest.empty();) {
    const std::string_view component = take_component(rest);
    if (component.empty()) return {errc::invalid, "path: empty component"};
    if (component == "." || component == "..") return {errc::invalid, "path: dot component"};
    if (++components > directory_root::components_max) {
      return {errc::invalid, "path: components_max"};
    }
  }
  return {};
}

}  // namespace weir::platform
