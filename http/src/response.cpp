// http/response.cpp - building a response and writing its head.
#include <weir/http/response.hpp>

#include <array>
#include <cstring>

#include <weir/http/header.hpp>
#include <weir/platform/assert.hpp>

namespace weir::http {

bool is_connection_field(std::string_view name) noexcept {
  constexpr auto names = std::to_array<std::string_view>({
      "content-length",
      "transfer-encoding",
      "connection",
      "keep-alive",
      "proxy-connection",
      "upgrade",
      "te",
      "trailer",
      "date",
      "server",
  });
  for (const std::string_view entry : names) {
    if (iequals(name, entry)) return true;
  }
  return false;
}

response& response::broken(const char* why) noexcept {
  if (broken_ == nullptr) broken_ = why;
  return *this;
}

response& response::header(std::string_view name, std::string_view value) & {
  if (!is_token(name)) return broken("response header name");
  if (!is_field_value(value)) return broken("response header value");
  if (is_connection_field(name)) return broken("response header of the connection");
  const bool is_type = iequals(name, "content-type");
  if (is_type && type_in_fields_) return broken("response content-type twice");
  if (is_type) type_in_fields_ = true;
  append(name, value);
  return *this;
}

response& response::offer_upgrade(std::string_view protocol) & {
  if (protocol.empty() || !is_field_value(protocol)) return broken("response upgrade");
  if (offers_upgrade_) return broken("response upgrade twice");
  offers_upgrade_ = true;
  append("Upgrade", protocol);
  return *this;
}

void response::append(std::string_view name, std::string_view value) {
  const std::size_t size = name.size() + value.size() + 4;
  if (size > fields_bytes_max - inline_used_ - more_fields_.size()) {
    broken("response header bytes");
    return;
  }
  if (more_fields_.empty() && size <= inline_bytes - inline_used_) {
    char* p = inline_fields_.data() + inline_used_;
    for (const std::string_view part :
         {name, std::string_view(": "), value, std::string_view("\r\n")}) {
      p += part.copy(p, part.size());
    }
    inline_used_ = static_cast<std::uint8_t>(inline_used_ + size);
    return;
  }
  more_fields_.append(name).append(": ").append(value).append("\r\n");
}

namespace {

// The types that response.hpp offers need not be looked at: they are ours.
bool is_known_type(std::string_view type) noexcept {
  return type.data() == text_plain.data() || type.data() == text_html.data() ||
         type.data() == application_json.data() || type.data() == application_octet_stream.data();
}

}  // namespace

error response::why_broken() const noexcept {
  if (broken_ != nullptr) return error(errc::malformed, broken_);
  // Interim answers are the connection's: a handler's 1xx would end nothing.
  if (status_ < 200 || status_ > 999) return error(errc::malformed, "response status");
  if (!is_known_type(type_) && !is_field_value(type_))
    return error(errc::malformed, "response content-type");
  return {};
}

namespace {

// Appends to memory that is known to be large enough.
class writer {
 public:
  explicit writer(char* out) noexcept : at_(out) {}

  // Literals are copied by moves of their size, without a call.
  template <std::size_t size>
  void put(const char (&literal)[size]) noexcept {
    std::memcpy(at_, literal, size - 1);
    at_ += size - 1;
  }
  void put(std::string_view text) noexcept {
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void put_number(std::uint64_t value) noexcept {
    std::array<char, 20> digits;
    std::size_t first = digits.size();
    do {
      digits[--first] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value != 0);
    put(std::string_view(digits.data() + first, digits.size() - first));
  }
  const char* at() const noexcept { return at_; }

 private:
  char* at_;
};

void put_status_line(writer& out, status_code code) noexcept {
  const std::string_view prepared = status_line(code);
  if (!prepared.empty()) return out.put(prepared);
  out.put("HTTP/1.1 ");
  out.put_number(code);
  out.put(" \r\n");  // RFC 9112 4: the space stays when there is no phrase
}

// The fields that say who answers, and when.
void put_origin(writer& out, const response_context& context) noexcept {
  if (!context.date.empty()) {
    out.put("Date: ");
    out.put(context.date);
    out.put("\r\n");
  }
  if (!context.server.empty()) {
    out.put("Server: ");
    out.put(context.server);
    out.put("\r\n");
  }
}

}  // namespace

std::size_t encoded_head_bytes_max(const response& from, const response_context& context) noexcept {
  // Status line 49 at most, then Date, Server, Content-Type, Content-Length or Transfer-Encoding,
  // Connection and the empty line without what they hold: 130.
  constexpr std::size_t fixed = 256;
  return fixed + from.fields_front().size() + from.fields_back().size() +
         from.default_type().size() + context.date.size() + context.server.size();
}

result<encoded_head> encode_head(const response& from, const response_context& context,
                                 std::span<char> out) noexcept {
  if (const error why = from.why_broken()) return why;
  encoded_head head;
  if (out.size() < encoded_head_bytes_max(from, context)) {
    return error(errc::limit, "encode_head");
  }
  writer to(out.data());
  const bool bodiless = is_bodiless(from.status());
  const std::optional<std::uint64_t> length = from.length();
  const bool has_body = !bodiless && (!length || *length > 0);
  head.sends_body = has_body && !context.head_request;
  // HTTP/1.0 has no chunked coding: a body of unknown length ends with the connection.
  const bool chunked = !length && context.version_minor > 0;
  head.until_close = head.sends_body && !length && !chunked;
  head.keep_alive = context.keep_alive && !from.close() && !head.until_close;

  put_status_line(to, from.status());
  put_origin(to, context);
  if (!bodiless && from.source() != body_source::none && !from.default_type().empty()) {
    to.put("Content-Type: ");
    to.put(from.default_type());
    to.put("\r\n");
  }
  to.put(from.fields_front());
  to.put(from.fields_back());
  if (bodiless) {
    // RFC 9110 8.6, 9112 6.1: no Content-Length in 1xx and 204; in 304 it would have to be that of
    // the 200, which nobody computed.
  } else if (length) {
    to.put("Content-Length: ");
    to.put_number(*length);
    to.put("\r\n");
    if (head.sends_body) head.framing = body_kind::length;
  } else if (chunked) {
    to.put("Transfer-Encoding: chunked\r\n");
    if (head.sends_body) head.framing = body_kind::chunked;
  }
  if (from.offers_upgrade()) {
    // One line for all its options: there are clients that look at one.
    to.put("Connection: upgrade");
    if (!head.keep_alive) {
      to.put(", close\r\n");
    } else {
      to.put(", keep-alive\r\n");
    }
  } else if (!head.keep_alive) {
    to.put("Connection: close\r\n");
  } else if (context.version_minor == 0) {
    to.put("Connection: keep-alive\r\n");
  }
  to.put("\r\n");
  head.bytes = static_cast<std::size_t>(to.at() - out.data());
  WEIR_ASSERT(head.bytes <= out.size());
  return head;
}

result<std::size_t> encode_switch(const response& from, const response_context& context,
                                  std::string_view protocol, std::span<char> out) noexcept {
  if (from.status() != 101 || from.source() != body_source::none) {
    return error(errc::malformed, "response of an upgrade");
  }
  if (from.field_problem() != nullptr) return error(errc::malformed, from.field_problem());
  if (protocol.empty() || !is_field_value(protocol)) {
    return error(errc::malformed, "response upgrade");
  }
  if (out.size() < encoded_head_bytes_max(from, context) + protocol.size()) {
    return error(errc::limit, "encode_switch");
  }
  writer to(out.data());
  put_status_line(to, 101);
  put_origin(to, context);
  to.put("Connection: upgrade\r\nUpgrade: ");
  to.put(protocol);
  to.put("\r\n");
  to.put(from.fields_front());
  to.put(from.fields_back());
  to.put("\r\n");
  return static_cast<std::size_t>(to.at() - out.data());
}

}  // namespace weir::http
