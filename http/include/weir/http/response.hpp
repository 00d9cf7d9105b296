// http/response.hpp - what a handler answers: a status, fields, and a body or the promise of one.
//
// What allocates: an owned body (`set_body(std::string)`, unless it is short enough for the string
// itself) and fields beyond the inline room of 224 bytes. A status, a body view and a few short
// fields allocate nothing.
//
// A maintainer must not break: nothing a handler passes here can change where the message ends or
// begin a new line. Names are tokens, values hold no CR, LF or NUL, and the fields that frame the
// message are the connection's. What breaks this is remembered, and the connection answers 500.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <weir/http/framing.hpp>
#include <weir/http/status.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>

namespace weir::http {

inline constexpr std::string_view text_plain = "text/plain; charset=utf-8";
inline constexpr std::string_view text_html = "text/html; charset=utf-8";
inline constexpr std::string_view application_json = "application/json";
inline constexpr std::string_view application_octet_stream = "application/octet-stream";

enum class body_source : std::uint8_t {
  none,    // no body; Content-Length: 0 where the status allows a body
  view,    // bytes that outlive the response: literals, static tables, a file kept in memory
  owned,   // bytes in the response
  stream,  // written later by the handler; the length may be known
};

class response {
 public:
  response() = default;
  explicit response(status_code code) noexcept : status_(code) {}

  // 200 with a body that outlives the response. `type` is a literal. Allocates nothing.
  static response view(std::string_view body, std::string_view type = text_plain) noexcept {
    response out;
    out.set_body_view(body, type);
    return out;
  }
  // 200 with a body of its own.
  static response text(std::string body, std::string_view type = text_plain) {
    response out;
    out.set_body(std::move(body), type);
    return out;
  }

  status_code status() const noexcept { return status_; }
  response& set_status(status_code code) & noexcept {
    status_ = code;
    return *this;
  }
  // For `return response::view("...").header(...)`: what is chained on a temporary is moved on.
  response&& set_status(status_code code) && noexcept { return std::move(set_status(code)); }
  response&& header(std::string_view name, std::string_view value) && {
    return std::move(header(name, value));
  }
  response&& set_close() && noexcept { return std::move(set_close()); }

  // Appends a field line. Refused, see why_broken(): a name that is no token, a value with CR, LF,
  // NUL or another control character, the fields of the connection (is_connection_field), and more
  // than fields_bytes_max bytes of fields. Content-Type may be set here once.
  WEIR_EXPORT response& header(std::string_view name, std::string_view value) &;

  // Says that this path would speak `protocol` after an upgrade: the Upgrade field that a 426 has
  // to have (RFC 9110 15.5.22), and the option of Connection that goes with it.
  WEIR_EXPORT response& offer_upgrade(std::string_view protocol) &;

  // `type` must outlive the response (a literal). A Content-Type set with header() wins.
  response& set_body_view(std::string_view body, std::string_view type = text_plain) noexcept {
    source_ = body_source::view;
    view_ = body;
    type_ = type;
    return *this;
  }
  response& set_body(std::string body, std::string_view type = text_plain) {
    source_ = body_source::owned;
    owned_ = std::move(body);
    type_ = type;
    return *this;
  }
  // The body follows in pieces: with a length as exactly that many bytes (a file), without one
  // chunked to HTTP/1.1 and ended by closing to HTTP/1.0.
  response& set_stream(std::optional<std::uint64_t> length = std::nullopt,
                       std::string_view type = application_octet_stream) noexcept {
    source_ = body_source::stream;
    stream_length_ = length;
    type_ = type;
    return *this;
  }
  // The connection closes after this answer whatever the peer asked for.
  response& set_close() & noexcept {
    close_ = true;
    return *this;
  }

  // -- what the connection reads --

  body_source source() const noexcept { return source_; }
  // The bytes of a view or owned body, "" else. Lives as long as the response is not moved.
  std::string_view body() const noexcept {
    return source_ == body_source::owned ? std::string_view(owned_) : view_;
  }
  // Bytes of the body where known.
  std::optional<std::uint64_t> length() const noexcept {
    if (source_ == body_source::stream) return stream_length_;
    return body().size();
  }
  bool close() const noexcept { return close_; }
  bool offers_upgrade() const noexcept { return offers_upgrade_; }
  // "" when there is none or it is among the fields.
  std::string_view default_type() const noexcept {
    return type_in_fields_ ? std::string_view{} : type_;
  }
  // Field lines as they are sent, in two parts.
  std::string_view fields_front() const noexcept { return {inline_fields_.data(), inline_used_}; }
  std::string_view fields_back() const noexcept { return more_fields_; }
  // The first rule a handler broke, or no error; `where` names it. Such a response is not sent.
  WEIR_EXPORT error why_broken() const noexcept;
  // Of these, what is wrong with a field; null: nothing.
  const char* field_problem() const noexcept { return broken_; }

  static constexpr std::size_t fields_bytes_max = 16 * 1024;

 private:
  response& broken(const char* why) noexcept;
  void append(std::string_view name, std::string_view value);

  static constexpr std::size_t inline_bytes = 224;
  status_code status_ = 200;
  body_source source_ = body_source::none;
  bool close_ = false;
  bool type_in_fields_ = false;
  bool offers_upgrade_ = false;
  std::uint8_t inline_used_ = 0;
  const char* broken_ = nullptr;
  std::array<char, inline_bytes> inline_fields_;  // not initialised: inline_used_ bytes are valid
  std::string more_fields_;
  std::string_view view_;
  std::string_view type_;
  std::string owned_;
  std::optional<std::uint64_t> stream_length_;
};

// Fields that only the connection writes: framing, Connection, Date, Server and their kin.
WEIR_EXPORT bool is_connection_field(std::string_view name) noexcept;

// What decides a response head besides the response.
struct response_context {
  int version_minor = 1;             // of the request
  bool keep_alive = true;            // the peer may and we will go on after this answer
  bool head_request = false;         // the answer has no body
  std::string_view date;             // IMF-fixdate, see date_cache; "" leaves it out (no clock)
  std::string_view server = "weir";  // "" leaves it out
};

// A head that was written, and how its body is sent.
struct encoded_head {
  std::size_t bytes = 0;
  body_kind framing = body_kind::none;  // none: no body bytes follow, or the close ends them
  bool sends_body = false;              // false for HEAD, 204, 304
  bool until_close = false;             // the body ends with the connection (HTTP/1.0 streams)
  bool keep_alive = false;              // the connection goes on after this answer
};

// Bytes of room encode_head() asks for; the head is rarely as long.
WEIR_EXPORT std::size_t encoded_head_bytes_max(const response& from,
                                               const response_context& context) noexcept;

// Writes status line and fields to `out`. An error of code `limit` says that `out` has less than
// encoded_head_bytes_max(), `malformed` that a handler broke a rule (answer 500 instead).
WEIR_EXPORT result<encoded_head> encode_head(const response& from, const response_context& context,
                                             std::span<char> out) noexcept;

// Writes the 101 that ends HTTP on a connection (RFC 9110 7.8, 15.2.2), with the fields of `from`
// and of `context` those that stand in every head. It takes encoded_head_bytes_max() and the
// protocol's own bytes. `malformed`: a handler broke a rule, or `from` is no 101 without a body.
WEIR_EXPORT result<std::size_t> encode_switch(const response& from, const response_context& context,
                                              std::string_view protocol,
                                              std::span<char> out) noexcept;

// The interim answer to Expect: 100-continue. Never sent to HTTP/1.0 (RFC 9110 15.2).
inline constexpr std::string_view continue_head = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace weir::http
