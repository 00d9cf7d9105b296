// http/header.cpp - lookups over field lines.
#include <weir/http/header.hpp>

#include "scan.hpp"

namespace weir::http {

bool is_token(std::string_view text) noexcept {
  return !text.empty() && detail::all_of(text, detail::token_chars);
}

bool is_field_value(std::string_view text) noexcept {
  return detail::all_of(text, detail::value_chars);
}

const header_field* find_field(std::span<const header_field> fields,
                               std::string_view name) noexcept {
  for (const header_field& field : fields) {
    if (iequals(field.name, name)) return &field;
  }
  return nullptr;
}

bool has_list_token(std::span<const header_field> fields, std::string_view name,
                    std::string_view token) noexcept {
  for (const header_field& field : fields) {
    if (!iequals(field.name, name)) continue;
    list_elements elements(field.value);
    for (std::string_view element; elements.next(element);) {
      if (iequals(element, token)) return true;
    }
  }
  return false;
}

}  // namespace weir::http
