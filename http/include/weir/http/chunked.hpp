// http/chunked.hpp - the chunked transfer coding (RFC 9112 7.1), both ways. No I/O.
//
// The decoder hands out views of its input, copies no data and remembers its place between any two
// bytes. Stricter than the grammar where leniency was an attack: CRLF only, also inside extensions
// (CVE-2025-55315); sizes are digits and nothing else; extensions are parsed, bounded and ignored;
// white space only before `;` and around `=`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include <weir/http/field_progress.hpp>
#include <weir/http/header.hpp>
#include <weir/http/limits.hpp>
#include <weir/http/refusal.hpp>
#include <weir/platform/export.hpp>

namespace weir::http {

class chunked_decoder {
 public:
  // What one call found. `data` is a view into the input of that call.
  struct piece {
    parse_step step = parse_step::more;
    std::size_t consumed = 0;  // bytes of the input that belong to this body and are dealt with
    std::string_view data;
  };

  explicit chunked_decoder(const limits& bounds) noexcept
      : body_bytes_max_(bounds.body_bytes_max),
        line_bytes_max_(bounds.chunk_line_bytes_max),
        extension_bytes_max_(bounds.chunk_extension_bytes_max),
        trailer_bytes_max_(bounds.trailer_bytes_max),
        trailer_fields_max_(bounds.trailer_fields_max) {}

  // Takes a front part of `input`: up to and including the next run of data. While the step is
  // `more` and input is left, call again with the rest. After `done` the rest belongs to the next
  // request; after `refused` nothing that follows may be parsed. Allocates only when there are
  // trailers (one block of trailer_bytes_max, released by reset()).
  WEIR_EXPORT piece decode(std::string_view input) noexcept;

  // Ready for another body, with the same limits.
  WEIR_EXPORT void reset() noexcept;

  refusal why() const noexcept { return why_; }
  // Data bytes handed out so far: the length of the body once `done`.
  std::uint64_t body_bytes() const noexcept { return body_bytes_; }
  // The trailer fields, once `done`; they live until reset(). Never merged into the head.
  std::span<const header_field> trailers() const noexcept {
    return {trailer_fields_.get(), trailer_fields_used_};
  }

 private:
  enum class state : std::uint8_t {
    size_start,
    size,
    before_semicolon,
    name_start,
    name,
    after_name,
    value_start,
    value,
    quoted,
    quoted_pair,
    after_quoted,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer_lf,
    trailers,
    done,
    refused,
  };
  const refusal_kind* line_byte(char c) noexcept;
  const refusal_kind* size_byte(char c) noexcept;
  const refusal_kind* extension_byte(char c) noexcept;
  piece read_trailers(std::string_view input, std::size_t at) noexcept;
  piece refuse(const refusal_kind& kind, std::size_t at) noexcept;

  std::uint64_t body_bytes_max_;
  std::uint64_t line_bytes_max_;
  std::uint64_t extension_bytes_max_;
  std::uint64_t trailer_bytes_max_;
  std::uint32_t trailer_fields_max_;

  state state_ = state::size_start;
  std::uint64_t size_ = 0;            // of this chunk; then what is left of it
  std::uint64_t declared_bytes_ = 0;  // sum of the sizes of all chunks so far
  std::uint64_t body_bytes_ = 0;
  std::uint64_t line_bytes_ = 0;
  std::uint64_t extension_bytes_ = 0;
  std::uint64_t seen_ = 0;  // input consumed by earlier calls, for refusal::at
  refusal why_;
  detail::field_progress progress_;
  std::unique_ptr<char[]> trailer_bytes_;
  std::unique_ptr<header_field[]> trailer_fields_;
  std::size_t trailer_bytes_used_ = 0;
  std::size_t trailer_fields_used_ = 0;
};

// Whether a field may not be a trailer, received or sent: framing, routing, authentication, request
// modifiers, response control, and what describes the content (RFC 9110 6.5.1).
WEIR_EXPORT bool is_forbidden_trailer(std::string_view name) noexcept;

// -- sending --

inline constexpr std::size_t chunk_head_bytes_max = 18;       // 16 digits and CRLF
inline constexpr std::string_view chunk_end = "\r\n";         // after the data of each chunk
inline constexpr std::string_view last_chunk = "0\r\n";       // then trailer lines, then CRLF
inline constexpr std::string_view chunked_end = "0\r\n\r\n";  // last chunk without trailers

// Writes the line before a chunk of `size` bytes and returns it. `size` is not 0: an empty chunk
// would end the body.
WEIR_EXPORT std::string_view write_chunk_head(std::uint64_t size,
                                              std::span<char, chunk_head_bytes_max> out) noexcept;

// Writes last chunk, trailer lines and the final CRLF; returns the part of `out` that was filled.
// Nothing when `out` is too small or a field is malformed or forbidden.
WEIR_EXPORT std::optional<std::string_view> write_chunked_end(
    std::span<const header_field> trailers, std::span<char> out) noexcept;

}  // namespace weir::http
