// http/method.hpp - the methods this server knows, and sets of them for `Allow`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <weir/platform/export.hpp>

namespace weir::http {

// Case-sensitive (RFC 9110 9.1): `get` is no method we know. Every other token is answered 501.
enum class method : std::uint8_t {
  get,
  head,
  post,
  put,
  delete_,
  patch,
  options,
  connect,
  trace,
  unknown,
};
inline constexpr std::size_t methods_known = 9;

WEIR_EXPORT method parse_method(std::string_view token) noexcept;

// The token of a known method, "" for unknown. Static storage.
WEIR_EXPORT std::string_view to_string(method which) noexcept;

// A set of known methods. Trivially copyable.
class method_set {
 public:
  constexpr void add(method which) noexcept {
    bits_ = static_cast<std::uint16_t>(bits_ | bit(which));
  }
  constexpr void add(method_set other) noexcept {
    bits_ = static_cast<std::uint16_t>(bits_ | other.bits_);
  }
  constexpr bool has(method which) const noexcept { return (bits_ & bit(which)) != 0; }
  constexpr bool empty() const noexcept { return bits_ == 0; }
  friend constexpr bool operator==(method_set, method_set) = default;

 private:
  static constexpr std::uint16_t bit(method which) noexcept {
    return static_cast<std::uint16_t>(1u << static_cast<unsigned>(which));
  }
  std::uint16_t bits_ = 0;
};

// The value of an `Allow` field: "GET, HEAD". Owns its bytes, allocates nothing.
class allow_value {
 public:
  WEIR_EXPORT explicit allow_value(method_set methods) noexcept;
  std::string_view view() const noexcept { return {bytes_.data(), size_}; }

 private:
  std::array<char, 72> bytes_{};  // all names and separators take 62
  std::size_t size_ = 0;
};

}  // namespace weir::http
