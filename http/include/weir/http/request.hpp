// http/request.hpp - a request as a handler sees it: views, no ownership.
//
// Lifetime, in one sentence: the views live as long as the request object. A plain-function handler
// sees views into the buffer lent for this turn; before a coroutine or a blocking handler starts,
// the head is copied with copy_request() into memory that the connection keeps.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include <weir/http/framing.hpp>
#include <weir/http/header.hpp>
#include <weir/http/method.hpp>
#include <weir/http/target.hpp>
#include <weir/platform/export.hpp>

namespace weir::http {

inline constexpr std::size_t route_params_max = 8;

// The {param} segments of the matched route, in order. Names live in the router, values in the
// path (decoded). Filled by the router.
class route_params {
 public:
  struct param {
    std::string_view name;
    std::string_view value;
  };
  void add(std::string_view name, std::string_view value) noexcept {
    if (size_ < entries_.size()) entries_[size_++] = {name, value};
  }
  void clear() noexcept { size_ = 0; }
  std::size_t size() const noexcept { return size_; }
  const param* begin() const noexcept { return entries_.data(); }
  const param* end() const noexcept { return entries_.data() + size_; }
  param* begin() noexcept { return entries_.data(); }
  param* end() noexcept { return entries_.data() + size_; }

 private:
  std::array<param, route_params_max> entries_{};
  std::size_t size_ = 0;
};

// Trivially copyable; a copy is one more set of views into the same bytes.
struct request {
  // -- from the head, filled by head_parser --
  http::method verb = http::method::unknown;
  target_form form = target_form::origin;
  std::uint8_t version_minor = 1;  // 0 or 1; HTTP/1.2 to 1.9 are served as 1.1
  bool keep_alive = false;         // what the peer asked for; the connection may still close
  bool expects_continue = false;   // HTTP/1.1 peer waits for 100 before a body
  bool has_query = false;
  body_framing framing;
  std::string_view target;     // as sent, for logs
  std::string_view path;       // canonical: decoded, dot segments resolved; "*" for OPTIONS *
  std::string_view query;      // as sent, without '?'
  std::string_view authority;  // host[:port]: of the target in absolute-form, else of Host; or ""
  std::span<const header_field> fields;  // in order; several Cookie lines are joined to one

  // -- filled by the connection and the router --
  std::string_view body;                   // whole, for handlers that take a buffered body
  std::span<const header_field> trailers;  // of a chunked body, kept apart from `fields`
  route_params params;
  std::string_view pattern;  // of the matched route ("/echo/{text}"): label metrics with this

  // As if new. Cheaper than assigning `{}`: old parameters stay behind, out of reach.
  void clear() noexcept {
    verb = http::method::unknown;
    form = target_form::origin;
    version_minor = 1;
    keep_alive = expects_continue = has_query = false;
    framing = {};
    // One by one: copied from each other, each would be read back before it has been written.
    target = {};
    path = {};
    query = {};
    authority = {};
    body = {};
    pattern = {};
    fields = {};
    trailers = {};
    params.clear();
  }

  // The value of the first field of that name, without case; nothing when there is none.
  std::optional<std::string_view> find(std::string_view name) const noexcept {
    const header_field* const field = find_field(fields, name);
    return field != nullptr ? std::optional(field->value) : std::nullopt;
  }
  // The value of the {name} segment of the matched route, "" when there is none.
  std::string_view param(std::string_view name) const noexcept {
    for (const route_params::param& p : params) {
      if (p.name == name) return p.value;
    }
    return {};
  }
};
static_assert(std::is_trivially_copyable_v<request>);

// Bytes of memory copy_request() needs for this request.
WEIR_EXPORT std::size_t copy_request_bytes(const request& from) noexcept;

// A request whose head views (target, path, query, authority, fields, values of params) live in
// `arena`, which is aligned for header_field and at least copy_request_bytes() long. `body`,
// `trailers` and `pattern` keep pointing where they pointed.
WEIR_EXPORT request copy_request(const request& from, std::span<std::byte> arena) noexcept;

}  // namespace weir::http
