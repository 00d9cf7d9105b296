// http/framing.cpp - Content-Length, Transfer-Encoding, and nothing between them.
#include <weir/http/framing.hpp>

#include "known_name.hpp"

namespace weir::http {
namespace {

// Whether `text`, as long as `name`, is it with every '_' read as '-': what a gateway to CGI-like
// programs would make of it.
bool looks_like(std::string_view text, std::string_view name) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] == '_' ? '-' : ascii_lower(text[i]);
    if (c != name[i]) return false;
  }
  return true;
}

// 1*DIGIT without a leading zero. RFC 9110 allows zeros in front; a peer that reads octal does not
// agree with us then, and no honest sender writes them. A number that 64 bits cannot hold is none:
// another parser may have cut it to a small one.
refusal read_length(std::string_view digits, std::uint64_t body_bytes_max,
                    std::uint64_t& out) noexcept {
  if (digits.empty() || (digits.size() > 1 && digits[0] == '0'))
    return refusals::bad_content_length;
  std::uint64_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return refusals::bad_content_length;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (~std::uint64_t{0} - digit) / 10) return refusals::bad_content_length;
    value = value * 10 + digit;
  }
  if (value > body_bytes_max) return refusals::body_too_large;
  out = value;
  return {};
}

// Exactly `chunked`. For anything else the status tells the cause apart; no case is served.
refusal check_transfer_encoding(std::string_view value) noexcept {
  if (iequals(value, "chunked")) return {};
  bool any = false;
  bool unknown = false;
  for (std::size_t at = 0; at <= value.size();) {
    std::size_t comma = value.find(',', at);
    if (comma == std::string_view::npos) comma = value.size();
    const std::string_view element = trim_ows(value.substr(at, comma - at));
    at = comma + 1;
    if (element.empty()) continue;
    any = true;
    const std::string_view coding = trim_ows(element.substr(0, element.find(';')));
    if (!is_token(coding)) return refusals::bad_transfer_encoding;
    if (!iequals(coding, "chunked")) {
      unknown = true;
      continue;
    }
    // Parameters, or chunked that is not the last coding, or comes twice.
    if (coding.size() != element.size()) return refusals::bad_transfer_encoding;
    if (trim_ows(value.substr(at < value.size() ? at : value.size())) != "") {
      return refusals::bad_transfer_encoding;
    }
  }
  if (unknown || !any) return refusals::transfer_coding_not_implemented;
  return refusals::bad_transfer_encoding;  // chunked between empty list elements
}

}  // namespace

void framing_fields::look_at(const header_field& field) noexcept {
  const auto note = [&](const header_field*& seen, std::string_view name, bool same,
                        const refusal_kind& twice) {
    if (same) {
      if (seen != nullptr && repeated == nullptr) repeated = &twice;
      seen = &field;
    } else if (looks_like(field.name, name)) {
      lookalike = true;
    }
  };
  if (field.name.size() == length_name_bytes) {
    constexpr auto name = detail::known("content-length");
    note(length, "content-length", name.matches(field.name), refusals::duplicate_content_length);
  } else if (field.name.size() == coding_name_bytes) {
    constexpr auto name = detail::known("transfer-encoding");
    note(coding, "transfer-encoding", name.matches(field.name),
         refusals::duplicate_transfer_encoding);
  }
}

refusal decide_framing(const framing_fields& found, int version_minor, std::uint64_t body_bytes_max,
                       body_framing& out) noexcept {
  const header_field* const length = found.length;
  const header_field* const coding = found.coding;
  out = {};
  if (length == nullptr && coding == nullptr) return {};
  if (found.repeated != nullptr) return *found.repeated;
  if (found.lookalike) return refusals::framing_lookalike;
  if (length != nullptr && coding != nullptr) return refusals::length_and_transfer_encoding;
  if (coding != nullptr) {
    if (version_minor == 0) return refusals::transfer_encoding_in_http10;
    const refusal why = check_transfer_encoding(coding->value);
    if (!why) out.kind = body_kind::chunked;
    return why;
  }
  out.kind = body_kind::length;
  return read_length(length->value, body_bytes_max, out.length);
}

}  // namespace weir::http
