// http/scan.hpp - which bytes may stand where, and how far a run of them goes. The scalar
// definition.
//
// The only place that knows how bytes are classified: the vector versions of class_scan.hpp are
// made from this table at compile time and tested against it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::http::detail {

enum char_class : std::uint8_t {
  token_chars = 1,    // RFC 9110 5.6.2 tchar
  value_chars = 2,    // HTAB, SP, VCHAR, obs-text
  target_chars = 4,   // what may stand anywhere in a request-target
  path_chars = 8,     // RFC 3986 pchar and '/', '%' included
  host_chars = 16,    // reg-name without '%' and ','
  quoted_chars = 32,  // qdtext of RFC 9110 5.6.4
  plain_chars = 64,   // a path of these is canonical, but for dots: path_chars without '%' and '.'
};

constexpr std::array<std::uint8_t, 256> make_char_classes() {
  std::array<std::uint8_t, 256> table{};
  const auto add = [&table](std::string_view set, std::uint8_t bits) {
    for (const char c : set) {
      auto& entry = table[static_cast<unsigned char>(c)];
      entry = static_cast<std::uint8_t>(entry | bits);
    }
  };
  constexpr std::string_view alnum =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  add(alnum, token_chars | target_chars | path_chars | plain_chars | host_chars);
  add("!#$%&'*+-.^_`|~", token_chars);
  add(".", target_chars | path_chars | host_chars);
  add("-_~", target_chars | path_chars | plain_chars | host_chars);
  add("!$&'()*+;=", target_chars | path_chars | plain_chars | host_chars);
  add(",:@/", target_chars | path_chars | plain_chars);
  add("%", target_chars | path_chars);
  add("?", target_chars);
  // Browsers send these unescaped in queries, where they cannot move a boundary. In a path they
  // are refused; '"', '<', '>', '\\', '#' and every byte above 126 are refused everywhere.
  add("[]{}|^`", target_chars);
  for (unsigned c = 0x20; c < 256; ++c) {
    if (c == 0x7f) continue;
    std::uint8_t bits = value_chars;
    if (c != '"' && c != '\\') bits = static_cast<std::uint8_t>(bits | quoted_chars);
    table[c] = static_cast<std::uint8_t>(table[c] | bits);
  }
  add("\t", value_chars | quoted_chars);
  return table;
}
inline constexpr std::array<std::uint8_t, 256> char_classes = make_char_classes();

constexpr bool is(char c, std::uint8_t classes) noexcept {
  return (char_classes[static_cast<unsigned char>(c)] & classes) != 0;
}

// The first byte in [p, end) that is not of the class, or end.
inline const char* skip(const char* p, const char* end, char_class wanted) noexcept {
  while (end - p >= 4) {
    if (!is(p[0], wanted)) return p;
    if (!is(p[1], wanted)) return p + 1;
    if (!is(p[2], wanted)) return p + 2;
    if (!is(p[3], wanted)) return p + 3;
    p += 4;
  }
  while (p != end && is(*p, wanted)) ++p;
  return p;
}

inline bool all_of(std::string_view text, char_class wanted) noexcept {
  const char* const end = text.data() + text.size();
  return skip(text.data(), end, wanted) == end;
}

// The value of a hexadecimal digit, or -1.
constexpr int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace weir::http::detail
