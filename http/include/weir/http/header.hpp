// http/header.hpp - field lines as views, and the few comparisons that HTTP needs. ASCII only: no
// locale ever decides what a field means.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <weir/platform/export.hpp>

namespace weir::http {

// One field line. Views into memory of whoever made it; the value has no white space around it.
struct header_field {
  std::string_view name;
  std::string_view value;
};

constexpr char ascii_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// Equal when letters are compared without case.
constexpr bool iequals(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (ascii_lower(a[i]) != ascii_lower(b[i])) return false;
  }
  return true;
}

// `text` without SP and HTAB at both ends (OWS, RFC 9110 5.6.3).
constexpr std::string_view trim_ows(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// A token of RFC 9110 5.6.2: one or more of the characters a name or a coding is made of.
WEIR_EXPORT bool is_token(std::string_view text) noexcept;
// Bytes that may stand in a field value: no CR, LF, NUL or other control character but HTAB.
WEIR_EXPORT bool is_field_value(std::string_view text) noexcept;

// Walks a comma-separated list (RFC 9110 5.6.1): elements trimmed, empty ones skipped. Commas in
// quoted strings are not understood: for lists of tokens only.
class list_elements {
 public:
  explicit constexpr list_elements(std::string_view list) noexcept : rest_(list) {}

  // Puts the next element in `out`; false at the end.
  constexpr bool next(std::string_view& out) noexcept {
    while (!rest_.empty()) {
      const std::size_t comma = rest_.find(',');
      out = trim_ows(rest_.substr(0, comma));
      rest_ = comma == std::string_view::npos ? std::string_view{} : rest_.substr(comma + 1);
      if (!out.empty()) return true;
    }
    return false;
  }

 private:
  std::string_view rest_;
};

// The first field of that name, or null. Names are compared without case.
WEIR_EXPORT const header_field* find_field(std::span<const header_field> fields,
                                           std::string_view name) noexcept;

// Whether any line of that name has `token` among its comma-separated elements, without case.
WEIR_EXPORT bool has_list_token(std::span<const header_field> fields, std::string_view name,
                                std::string_view token) noexcept;

}  // namespace weir::http
