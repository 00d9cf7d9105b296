// http/target.cpp - the forms of a request-target and what each must satisfy.
#include <weir/http/target.hpp>

#include <weir/http/header.hpp>
#include <weir/platform/assert.hpp>

#include "class_scan.hpp"
#include "target_scan.hpp"

namespace weir::http {
namespace {

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool is_port(std::string_view digits) noexcept {
  std::uint32_t value = 0;
  if (digits.size() > 5) return false;
  for (const char c : digits) {
    if (!is_digit(c)) return false;
    value = value * 10 + static_cast<std::uint32_t>(c - '0');
  }
  return value <= 65'535;
}

bool is_ipv4(std::string_view text) noexcept {
  for (int octets = 1;; ++octets) {
    std::size_t digits = 0;
    int value = 0;
    while (digits < text.size() && digits < 3 && is_digit(text[digits])) {
      value = value * 10 + (text[digits++] - '0');
    }
    if (digits == 0 || value > 255 || (digits > 1 && text[0] == '0')) return false;
    text.remove_prefix(digits);
    if (octets == 4) return text.empty();
    if (text.empty() || text[0] != '.') return false;
    text.remove_prefix(1);
  }
}

// RFC 3986 3.2.2 IPv6address. Zones and IPvFuture are refused: they mean nothing to a server.
bool is_ipv6(std::string_view text) noexcept {
  int groups = 0;
  bool elided = false;
  if (text.substr(0, 2) == "::") {
    elided = true;
    text.remove_prefix(2);
    if (text.empty()) return true;
  }
  for (;;) {
    std::size_t digits = 0;
    while (digits < text.size() && digits < 4 && detail::hex_digit(text[digits]) >= 0) ++digits;
    if (digits == 0) return false;
    if (digits < text.size() && text[digits] == '.') {
      groups += 2;
      return is_ipv4(text) && (elided ? groups <= 7 : groups == 8);
    }
    ++groups;
    text.remove_prefix(digits);
    if (text.empty()) return elided ? groups <= 7 : groups == 8;
    if (text[0] != ':' || groups >= 8) return false;
    text.remove_prefix(1);
    if (!text.empty() && text[0] == ':') {
      if (elided) return false;
      elided = true;
      text.remove_prefix(1);
      if (text.empty()) return groups <= 7;
    }
  }
}

// The first byte behind a registered name, escapes included; a bad escape ends it.
const char* skip_reg_name(const char* p, const char* end) noexcept {
  for (;;) {
    p = detail::skip(p, end, detail::host_chars);
    if (end - p < 3 || *p != '%') return p;
    if (detail::hex_digit(p[1]) < 0 || detail::hex_digit(p[2]) < 0) return p;
    p += 3;
  }
}

// -1 when the escape at text[i] == '%' is malformed.
int escaped_byte(std::string_view text, std::size_t i) noexcept {
  if (i + 2 >= text.size()) return -1;
  const int high = detail::hex_digit(text[i + 1]);
  const int low = detail::hex_digit(text[i + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

// Whether canonical_path() would change or refuse anything: an escape or a segment that begins
// with a dot.
bool is_plain(std::string_view raw) noexcept {
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '%') return false;
    if (raw[i] == '/' && i + 1 < raw.size() && raw[i + 1] == '.') return false;
  }
  return true;
}

// The path and query of nearly every request: nothing in the path to decode, to resolve or to
// refuse. Anything else is left to whom it concerns: false, and nothing is decided.
bool split_plain(std::string_view raw, detail::class_scan& scan, target_parts& out) noexcept {
  const char* const begin = raw.data();
  const char* const end = begin + raw.size();
  const char* p = scan.skip_first(begin);
  // A dot inside a segment is a byte like another; one that begins a segment may be "." or "..".
  while (p != end && *p == '.' && p != begin && p[-1] != '/') p = scan.skip_first(p + 1);
  if (p == begin) return false;
  if (p != end) {
    if (*p != '?' || scan.skip_second(p) != end) return false;
    out.has_query = true;
    out.query = std::string_view(p + 1, static_cast<std::size_t>(end - p - 1));
  }
  out.path = std::string_view(begin, static_cast<std::size_t>(p - begin));
  return true;
}

// Splits "path[?query]" and canonicalises the path.
refusal parse_path_and_query(std::string_view raw, std::span<char> scratch,
                             target_parts& out) noexcept {
  const std::size_t mark = raw.find('?');
  std::string_view path = raw.substr(0, mark);
  if (mark != std::string_view::npos) {
    out.has_query = true;
    out.query = raw.substr(mark + 1);
  }
  if (path.empty()) path = "/";  // absolute-form only (RFC 9110 4.2.3)
  if (!detail::all_of(path, detail::path_chars)) return refusals::bad_target;
  const std::optional<std::string_view> canonical = canonical_path(path, scratch);
  if (!canonical) return refusals::bad_path;
  out.path = *canonical;
  return {};
}

refusal parse_absolute(method verb, std::string_view raw, bool secure, std::span<char> scratch,
                       target_parts& out) noexcept {
  const std::size_t colon = raw.find(':');
  if (colon == std::string_view::npos || raw.substr(colon, 3) != "://") {
    return refusals::bad_target_form;
  }
  const std::string_view scheme = raw.substr(0, colon);
  const bool is_http = iequals(scheme, "http");
  const bool is_https = iequals(scheme, "https");
  if (!is_http && !is_https) return refusals::bad_target;
  const std::string_view rest = raw.substr(colon + 3);
  const std::size_t authority_end = rest.find_first_of("/?");
  out.form = target_form::absolute;
  out.authority = rest.substr(0, authority_end);
  if (!is_authority(out.authority)) return refusals::bad_target_authority;
  if (is_https != secure) return refusals::misdirected;
  if (authority_end == std::string_view::npos && verb == method::options) {
    out.form = target_form::asterisk;
    out.path = "*";
    return {};
  }
  return parse_path_and_query(
      authority_end == std::string_view::npos ? std::string_view{} : rest.substr(authority_end),
      scratch, out);
}

}  // namespace

bool is_authority(std::string_view text, bool port_required) noexcept {
  const char* const end = text.data() + text.size();
  const char* host_end = text.data();
  if (!text.empty() && text[0] == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || !is_ipv6(text.substr(1, close - 1))) return false;
    host_end += close + 1;
  } else {
    host_end = skip_reg_name(host_end, end);
    if (host_end == text.data()) return false;
  }
  if (host_end == end) return !port_required;
  if (*host_end != ':') return false;
  const std::string_view port(host_end + 1, static_cast<std::size_t>(end - host_end - 1));
  return is_port(port) && !(port_required && port.empty());
}

std::optional<std::string_view> canonical_path(std::string_view raw,
                                               std::span<char> scratch) noexcept {
  if (raw.empty() || raw[0] != '/') return {};
  if (is_plain(raw)) return raw;
  WEIR_ASSERT(scratch.size() >= raw.size());
  // `out` grows segment by segment and always ends at the end of a finished segment; `size` never
  // passes the number of raw bytes read, so scratch of the raw length is enough.
  char* const out = scratch.data();
  std::size_t size = 0;
  std::size_t i = 0;
  while (i < raw.size()) {  // raw[i] is the '/' before a segment
    const std::size_t segment_at = size;
    out[size++] = '/';
    ++i;
    while (i < raw.size() && raw[i] != '/') {
      char byte = raw[i];
      if (byte == '%') {
        const int value = escaped_byte(raw, i);
        if (value <= 0 || value == '/') return {};  // bad escape, %00, %2F
        byte = static_cast<char>(value);
        i += 2;
      }
      out[size++] = byte;
      ++i;
    }
    const std::string_view segment(out + segment_at + 1, size - segment_at - 1);
    const bool last = i == raw.size();
    if (segment == ".") {
      size = segment_at;
    } else if (segment == "..") {
      if (segment_at == 0) return {};  // leaves the root
      size = segment_at - 1;
      while (out[size] != '/') --size;
    } else {
      continue;
    }
    if (last) out[size++] = '/';  // "/a/." and "/a/b/.." name the directory
  }
  return std::string_view(out, size);
}

refusal parse_target(method verb, std::string_view raw, bool secure, std::span<char> scratch,
                     target_parts& out) noexcept {
  detail::class_scan scan(detail::best_kernel(), detail::target_classes, raw, raw.data());
  return detail::parse_target_in(verb, raw, secure, scratch, scan, out);
}

refusal detail::parse_target_in(method verb, std::string_view raw, bool secure,
                                std::span<char> scratch, class_scan& scan,
                                target_parts& out) noexcept {
  out = {};
  if (raw.empty()) return refusals::bad_target;
  if (raw[0] == '/' && verb != method::connect && split_plain(raw, scan, out)) return {};
  if (!all_of(raw, target_chars)) return refusals::bad_target;
  if (verb == method::connect) {
    out.form = target_form::authority;
    out.authority = raw;
    if (!is_authority(raw, true)) return refusals::bad_target_authority;
    return {};
  }
  if (raw[0] == '/') return parse_path_and_query(raw, scratch, out);
  if (raw == "*") {
    if (verb != method::options) return refusals::bad_target_form;
    out.form = target_form::asterisk;
    out.path = raw;
    return {};
  }
  return parse_absolute(verb, raw, secure, scratch, out);
}

std::optional<std::string_view> percent_decode(std::string_view text, std::span<char> out,
                                               bool plus_is_space) noexcept {
  if (text.find_first_of(plus_is_space ? "%+" : "%") == std::string_view::npos) return text;
  WEIR_ASSERT(out.size() >= text.size());
  std::size_t size = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char byte = text[i];
    if (byte == '%') {
      const int value = escaped_byte(text, i);
      if (value < 0) return {};
      byte = static_cast<char>(value);
      i += 2;
    } else if (byte == '+' && plus_is_space) {
      byte = ' ';
    }
    out[size++] = byte;
  }
  return std::string_view(out.data(), size);
}

query_pairs split_query(std::string_view query, std::span<query_pair> into) noexcept {
  query_pairs out;
  std::size_t count = 0;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view piece = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
    if (piece.empty()) continue;
    if (count == into.size()) {
      out.overflow = true;
      break;
    }
    const std::size_t equals = piece.find('=');
    into[count].name = piece.substr(0, equals);
    into[count].value =
        equals == std::string_view::npos ? std::string_view{} : piece.substr(equals + 1);
    ++count;
  }
  out.pairs = into.first(count);
  return out;
}

std::optional<std::string_view> query_value(std::string_view query,
                                            std::string_view name) noexcept {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view piece = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
    const std::size_t equals = piece.find('=');
    if (piece.substr(0, equals) != name || piece.empty()) continue;
    return equals == std::string_view::npos ? std::string_view{} : piece.substr(equals + 1);
  }
  return {};
}

}  // namespace weir::http
