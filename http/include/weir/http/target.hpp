// http/target.hpp - request-targets: the four forms, the canonical path, the query.
//
// A path is decoded once and its dot segments are resolved before anything routes on it: a check
// made on one spelling and a file opened by another is how CVE-2021-41773 happened. What cannot be
// decoded without ambiguity (%2F, %00, bad escapes, a path that leaves the root) is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <weir/http/method.hpp>
#include <weir/http/refusal.hpp>
#include <weir/platform/export.hpp>

namespace weir::http {

enum class target_form : std::uint8_t {
  origin,     // /path?query
  absolute,   // http://host/path?query
  authority,  // host:port, CONNECT only
  asterisk,   // *, OPTIONS only
};

// A parsed target. Views into the raw target or, for a path that had to be changed, into scratch.
struct target_parts {
  target_form form = target_form::origin;
  std::string_view
      path;  // decoded and canonical, begins with '/'; "*" for asterisk; "" for authority
  std::string_view query;      // as sent, without '?'
  std::string_view authority;  // host[:port] of absolute and authority form
  bool has_query = false;      // tells "/a?" from "/a"
};

// Parses and checks a whole request-target for `verb` (RFC 9112 3.2). `secure` is whether the
// connection is TLS: an absolute-form target of the other scheme is misdirected. `scratch` must
// be as long as `raw`; it is written to only when the path holds escapes or dot segments.
// OPTIONS with an absolute-form target without path is the asterisk form (RFC 9112 3.2.4).
WEIR_EXPORT refusal parse_target(method verb, std::string_view raw, bool secure,
                                 std::span<char> scratch, target_parts& out) noexcept;

// The canonical form of a raw path that begins with '/': escapes decoded, "." and ".." resolved,
// empty segments kept. Nothing for paths that must be refused. Lives in `raw` or `scratch`, which
// is as long as `raw`. Canonical output without '%' is its own canonical form.
WEIR_EXPORT std::optional<std::string_view> canonical_path(std::string_view raw,
                                                           std::span<char> scratch) noexcept;

// host [":" port] of RFC 3986 without userinfo: a registered name, IPv4, or [IPv6]. The port may be
// empty unless `port_required`. A comma is refused: lists of hosts confuse proxies.
WEIR_EXPORT bool is_authority(std::string_view text, bool port_required = false) noexcept;

// Decodes %XX into `out` (as long as `text` at least) and returns the decoded bytes; nothing when
// an escape is malformed. With `plus_is_space`, '+' becomes a space (forms and queries). The
// result points into `text` when there was nothing to decode.
WEIR_EXPORT std::optional<std::string_view> percent_decode(std::string_view text,
                                                           std::span<char> out,
                                                           bool plus_is_space = false) noexcept;

// One name=value of a query, still encoded.
struct query_pair {
  std::string_view name;
  std::string_view value;
};
struct query_pairs {
  std::span<const query_pair> pairs;  // the filled front of the caller's array
  bool overflow = false;              // there were more than the array holds
};
// Splits a query at '&'; empty pieces are skipped, a piece without '=' has an empty value.
WEIR_EXPORT query_pairs split_query(std::string_view query, std::span<query_pair> into) noexcept;

// The still encoded value of the first pair of that (encoded) name.
WEIR_EXPORT std::optional<std::string_view> query_value(std::string_view query,
                                                        std::string_view name) noexcept;

}  // namespace weir::http
