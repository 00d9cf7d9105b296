// http/chunked.cpp - the chunked coding, a byte at a time on size lines, whole runs on data.
#include <weir/http/chunked.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#include <weir/platform/assert.hpp>

#include "field_scanner.hpp"
#include "scan.hpp"

namespace weir::http {
namespace {

constexpr bool is_space(char c) noexcept {
  return c == ' ' || c == '\t';
}

}  // namespace

void chunked_decoder::reset() noexcept {
  state_ = state::size_start;
  size_ = declared_bytes_ = body_bytes_ = line_bytes_ = extension_bytes_ = seen_ = 0;
  why_ = {};
  progress_ = {};
  trailer_bytes_.reset();
  trailer_fields_.reset();
  trailer_bytes_used_ = trailer_fields_used_ = 0;
}

chunked_decoder::piece chunked_decoder::refuse(const refusal_kind& kind, std::size_t at) noexcept {
  state_ = state::refused;
  why_ = refusal(kind, seen_ + at);
  seen_ += at;
  return {parse_step::refused, at, {}};
}

chunked_decoder::piece chunked_decoder::decode(std::string_view input) noexcept {
  WEIR_ASSERT(state_ != state::done);
  if (state_ == state::refused) return {parse_step::refused, 0, {}};
  for (std::size_t at = 0; at < input.size(); ++at) {
    const char c = input[at];
    switch (state_) {
      default:
        if (const refusal_kind* const why = line_byte(c)) return refuse(*why, at);
        break;
      case state::size_lf:
        if (c != '\n') return refuse(refusals::bare_cr, at);
        state_ = size_ == 0 ? state::trailer_start : state::data;
        break;
      case state::data: {
        const auto left = static_cast<std::uint64_t>(input.size() - at);
        const auto run = static_cast<std::size_t>(std::min(size_, left));
        size_ -= run;
        body_bytes_ += run;
        if (size_ == 0) state_ = state::data_cr;
        seen_ += at + run;
        return {parse_step::more, at + run, input.substr(at, run)};
      }
      case state::data_cr:
        // Longer data than its size says ends here, before anything could resynchronise.
        if (c != '\r') return refuse(refusals::bad_chunk_end, at);
        state_ = state::data_lf;
        break;
      case state::data_lf:
        if (c != '\n') return refuse(refusals::bad_chunk_end, at);
        state_ = state::size_start;
        line_bytes_ = 0;
        break;
      case state::trailer_start:
        if (c != '\r') {
          state_ = state::trailers;
          return read_trailers(input, at);
        }
        state_ = state::trailer_lf;
        break;
      case state::trailer_lf:
        if (c != '\n') return refuse(refusals::bare_cr, at);
        state_ = state::done;
        seen_ += at + 1;
        return {parse_step::done, at + 1, {}};
      case state::trailers: return read_trailers(input, at);
    }
  }
  seen_ += input.size();
  return {parse_step::more, input.size(), {}};
}

// One byte of a size line. Null, or why not.
const refusal_kind* chunked_decoder::line_byte(char c) noexcept {
  if (c == '\n') return &refusals::bare_lf;
  if (c != '\r' && ++line_bytes_ > line_bytes_max_) return &refusals::chunk_line_too_long;
  if (state_ == state::size_start || state_ == state::size) {
    const refusal_kind* const why = size_byte(c);
    if (why != nullptr || state_ == state::size || state_ == state::size_lf) return why;
  } else if (const refusal_kind* const why = extension_byte(c)) {
    return why;
  }
  // Here `c` belongs to an extension, or is the CR behind one.
  if (c != '\r' && ++extension_bytes_ > extension_bytes_max_) {
    return &refusals::chunk_extensions_too_large;
  }
  return nullptr;
}

const refusal_kind* chunked_decoder::size_byte(char c) noexcept {
  const int digit = detail::hex_digit(c);
  if (digit >= 0) {
    if (state_ == state::size_start) size_ = 0;
    state_ = state::size;
    // What 64 bits cannot hold is no size: another parser may have cut it to a small one. Whether
    // one that they hold is too large is said at its end, so that the two are told apart.
    if (size_ > ~std::uint64_t{0} >> 4) return &refusals::bad_chunk_size;
    size_ = size_ << 4 | static_cast<std::uint64_t>(digit);
    return nullptr;
  }
  if (state_ == state::size_start) return &refusals::bad_chunk_size;
  if (c == '\r') {
    state_ = state::size_lf;
  } else if (c == ';') {
    state_ = state::name_start;
  } else if (is_space(c)) {
    state_ = state::before_semicolon;
  } else {
    return &refusals::bad_chunk_size;
  }
  if (size_ > body_bytes_max_ - declared_bytes_) return &refusals::body_too_large;
  declared_bytes_ += size_;
  return nullptr;
}

// chunk-ext = *( BWS ";" chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
const refusal_kind* chunked_decoder::extension_byte(char c) noexcept {
  const auto to = [this](state next) {
    state_ = next;
    return static_cast<const refusal_kind*>(nullptr);
  };
  switch (state_) {
    case state::before_semicolon:
      if (c == ';') return to(state::name_start);
      if (is_space(c)) return nullptr;
      break;
    case state::name_start:
      if (detail::is(c, detail::token_chars)) return to(state::name);
      break;
    case state::name:
      if (detail::is(c, detail::token_chars)) return nullptr;
      if (is_space(c)) return to(state::after_name);
      [[fallthrough]];
    case state::after_name:
      if (c == '=') return to(state::value_start);
      if (c == ';') return to(state::name_start);
      if (is_space(c)) return nullptr;
      if (c == '\r' && state_ == state::name) return to(state::size_lf);
      break;
    case state::value_start:
      if (is_space(c)) return nullptr;
      if (c == '"') return to(state::quoted);
      if (detail::is(c, detail::token_chars)) return to(state::value);
      break;
    case state::value:
      if (detail::is(c, detail::token_chars)) return nullptr;
      [[fallthrough]];
    case state::after_quoted:
      if (c == ';') return to(state::name_start);
      if (is_space(c)) return to(state::before_semicolon);
      if (c == '\r') return to(state::size_lf);
      break;
    case state::quoted:
      if (c == '"') return to(state::after_quoted);
      if (c == '\\') return to(state::quoted_pair);
      if (detail::is(c, detail::quoted_chars)) return nullptr;
      break;
    case state::quoted_pair:
      if (detail::is(c, detail::value_chars)) return to(state::quoted);
      break;
    default: {
      const bool in_an_extension = false;
      WEIR_ASSERT(in_an_extension);
    }
  }
  return &refusals::bad_chunk_extension;
}

chunked_decoder::piece chunked_decoder::read_trailers(std::string_view input,
                                                      std::size_t at) noexcept {
  if (trailer_bytes_ == nullptr) {
    trailer_bytes_.reset(new (std::nothrow) char[trailer_bytes_max_]);
    trailer_fields_.reset(new (std::nothrow) header_field[trailer_fields_max_]);
    // No memory for trailers is a limit like the written one.
    if (trailer_bytes_ == nullptr) return refuse(refusals::trailers_too_large, at);
    if (trailer_fields_ == nullptr) return refuse(refusals::trailers_too_large, at);
  }
  const std::size_t before = trailer_bytes_used_;
  const std::size_t taken =
      std::min<std::size_t>(input.size() - at, trailer_bytes_max_ - trailer_bytes_used_);
  std::memcpy(trailer_bytes_.get() + before, input.data() + at, taken);
  trailer_bytes_used_ += taken;

  const std::string_view section(trailer_bytes_.get(), trailer_bytes_used_);
  const detail::field_rules rules{trailer_fields_max_, &refusals::too_many_trailers};
  const refusal_kind* why = nullptr;
  const detail::scan_kernel kernel = detail::best_kernel();
  const parse_step step = detail::scan_fields(progress_, rules, section, kernel, nullptr, why);
  const std::size_t input_at = at + (progress_.at - before);
  if (step == parse_step::refused) return refuse(*why, input_at);
  if (step == parse_step::more) {
    if (trailer_bytes_used_ == trailer_bytes_max_) {
      return refuse(refusals::trailers_too_large, input_at);
    }
    seen_ += input_at;
    return {parse_step::more, input_at, {}};
  }
  detail::field_progress again;
  (void)detail::scan_fields(again, rules, section, kernel, trailer_fields_.get(), why);
  trailer_fields_used_ = again.fields;
  for (const header_field& field : trailers()) {
    if (!is_forbidden_trailer(field.name)) continue;
    trailer_fields_used_ = 0;
    return refuse(refusals::forbidden_trailer, input_at);
  }
  state_ = state::done;
  seen_ += input_at;
  return {parse_step::done, input_at, {}};
}

bool is_forbidden_trailer(std::string_view name) noexcept {
  constexpr auto forbidden = std::to_array<std::string_view>({
      // framing and the connection
      "transfer-encoding",
      "content-length",
      "connection",
      "keep-alive",
      "upgrade",
      "te",
      "trailer",
      "proxy-connection",
      "http2-settings",
      // routing
      "host",
      "forwarded",
      "via",
      // authentication and identity
      "authorization",
      "proxy-authorization",
      "www-authenticate",
      "proxy-authenticate",
      "cookie",
      "set-cookie",
      "x-api-key",
      // request modifiers
      "cache-control",
      "expect",
      "max-forwards",
      "pragma",
      "range",
      "if-match",
      "if-none-match",
      "if-modified-since",
      "if-unmodified-since",
      "if-range",
      // response control
      "age",
      "date",
      "expires",
      "location",
      "retry-after",
      "vary",
      "warning",
      "server",
      // what describes the content
      "content-type",
      "content-encoding",
      "content-range",
      "content-language",
      "content-location",
  });
  // Proxies put whole families of routing fields in front of an application.
  if (name.size() >= 12 && iequals(name.substr(0, 12), "x-forwarded-")) return true;
  for (const std::string_view entry : forbidden) {
    if (iequals(name, entry)) return true;
  }
  return false;
}

std::string_view write_chunk_head(std::uint64_t size,
                                  std::span<char, chunk_head_bytes_max> out) noexcept {
  WEIR_ASSERT(size != 0);
  std::size_t at = out.size();
  out[--at] = '\n';
  out[--at] = '\r';
  for (; size != 0; size >>= 4) out[--at] = "0123456789abcdef"[size & 15];
  return {out.data() + at, out.size() - at};
}

std::optional<std::string_view> write_chunked_end(std::span<const header_field> trailers,
                                                  std::span<char> out) noexcept {
  std::size_t used = 0;
  const auto put = [&](std::string_view text) {
    if (text.size() > out.size() - used) return false;
    text.copy(out.data() + used, text.size());
    used += text.size();
    return true;
  };
  if (!put(last_chunk)) return {};
  for (const header_field& field : trailers) {
    if (!is_token(field.name) || !is_field_value(field.value)) return {};
    if (is_forbidden_trailer(field.name)) return {};
    if (!put(field.name) || !put(": ") || !put(field.value) || !put("\r\n")) return {};
  }
  if (!put("\r\n")) return {};
  return std::string_view(out.data(), used);
}

}  // namespace weir::http
