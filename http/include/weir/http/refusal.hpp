// http/refusal.hpp - why a request is refused: one status, one stable machine name, one place.
//
// Every refusal of the parsers stands in the list below, so that the answers can be prepared and
// the documentation is complete. Codes are part of the interface: they appear in the `code` member
// of problem answers, in logs and in metrics. Add, never rename.
//
// After any of these the connection closes: a peer whose framing we refuse may have smuggled its
// next request behind it, so nothing that follows is parsed.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <weir/http/status.hpp>

namespace weir::http {

struct refusal_kind {
  status_code status;
  const char* code;    // stable short name
  const char* detail;  // one sentence for people; never contains bytes of the request
};

namespace refusals {
#define WEIR_REFUSAL(name, status, detail) \
  inline constexpr refusal_kind name {     \
    status, #name, detail                  \
  }

// Lines (RFC 9112 2.2). CRLF only: a lone LF or CR makes two parsers disagree about where a line
// ends (CVE-2025-22871, CVE-2025-55315).
WEIR_REFUSAL(bare_lf, 400, "A line ends in a lone LF; lines end in CRLF.");
WEIR_REFUSAL(bare_cr, 400, "A CR is not followed by LF.");
WEIR_REFUSAL(too_many_blank_lines, 400, "Too many empty lines before the request line.");

// Request line (RFC 9112 3).
WEIR_REFUSAL(bad_method, 400, "The method is not a token.");
WEIR_REFUSAL(method_not_implemented, 501, "The method is not implemented.");
WEIR_REFUSAL(bad_target, 400, "The request target is malformed.");
WEIR_REFUSAL(bad_target_form, 400, "The request target does not fit the method.");
WEIR_REFUSAL(bad_target_authority, 400, "The authority in the request target is malformed.");
WEIR_REFUSAL(bad_path, 400, "The path has a bad escape, %2F or %00, or leaves the root.");
WEIR_REFUSAL(target_too_long, 414, "The request target is longer than this server accepts.");
WEIR_REFUSAL(misdirected, 421, "The scheme of the request target is not served here.");
WEIR_REFUSAL(bad_version, 400, "The protocol version is malformed.");
WEIR_REFUSAL(version_not_supported, 505, "Only HTTP/1.0 and HTTP/1.1 are spoken here.");

// Field lines (RFC 9112 5).
WEIR_REFUSAL(obs_fold, 400, "A line of the header section begins with white space.");
WEIR_REFUSAL(bad_header_name, 400, "A field name is not a token directly followed by a colon.");
WEIR_REFUSAL(bad_header_value, 400, "A field value contains a control character.");
WEIR_REFUSAL(head_too_large, 431, "The header section is larger than this server accepts.");
WEIR_REFUSAL(too_many_headers, 431, "The header section has too many fields.");
WEIR_REFUSAL(duplicate_header, 400, "A field that may appear only once is repeated.");

// Host (RFC 9112 3.2).
WEIR_REFUSAL(missing_host, 400, "An HTTP/1.1 request needs a Host field.");
WEIR_REFUSAL(duplicate_host, 400, "There is more than one Host field.");
WEIR_REFUSAL(bad_host, 400, "The Host field is empty or malformed.");

// Framing (RFC 9112 6).
WEIR_REFUSAL(duplicate_content_length, 400, "There is more than one Content-Length field.");
WEIR_REFUSAL(bad_content_length, 400, "Content-Length is not one plain decimal number.");
WEIR_REFUSAL(duplicate_transfer_encoding, 400, "There is more than one Transfer-Encoding field.");
WEIR_REFUSAL(bad_transfer_encoding, 400, "Transfer-Encoding is not exactly chunked.");
WEIR_REFUSAL(transfer_coding_not_implemented, 501, "The transfer coding is not implemented.");
WEIR_REFUSAL(transfer_encoding_in_http10, 400, "HTTP/1.0 has no Transfer-Encoding.");
WEIR_REFUSAL(length_and_transfer_encoding, 400,
             "Content-Length and Transfer-Encoding exclude each other.");
WEIR_REFUSAL(framing_lookalike, 400, "A field imitates a framing field that is present too.");
WEIR_REFUSAL(body_too_large, 413, "The body is larger than this server accepts.");

// Chunked coding (RFC 9112 7.1).
WEIR_REFUSAL(bad_chunk_size, 400, "A chunk size is malformed.");
WEIR_REFUSAL(bad_chunk_extension, 400, "A chunk extension is malformed.");
WEIR_REFUSAL(chunk_line_too_long, 400, "A chunk size line is longer than this server accepts.");
WEIR_REFUSAL(chunk_extensions_too_large, 400, "The chunk extensions are larger than accepted.");
WEIR_REFUSAL(bad_chunk_end, 400, "Chunk data is not followed by CRLF.");
WEIR_REFUSAL(trailers_too_large, 431, "The trailer section is larger than this server accepts.");
WEIR_REFUSAL(too_many_trailers, 431, "The trailer section has too many fields.");
WEIR_REFUSAL(forbidden_trailer, 400, "A field may not be sent as a trailer.");

// Semantics.
WEIR_REFUSAL(expectation_failed, 417, "Only the expectation 100-continue is understood.");
WEIR_REFUSAL(upgrade_with_body, 400, "A request for another protocol may not have a body.");
#undef WEIR_REFUSAL

inline constexpr auto all = std::to_array<const refusal_kind*>({
    &bare_lf,
    &bare_cr,
    &too_many_blank_lines,
    &bad_method,
    &method_not_implemented,
    &bad_target,
    &bad_target_form,
    &bad_target_authority,
    &bad_path,
    &target_too_long,
    &misdirected,
    &bad_version,
    &version_not_supported,
    &obs_fold,
    &bad_header_name,
    &bad_header_value,
    &head_too_large,
    &too_many_headers,
    &duplicate_header,
    &missing_host,
    &duplicate_host,
    &bad_host,
    &duplicate_content_length,
    &bad_content_length,
    &duplicate_transfer_encoding,
    &bad_transfer_encoding,
    &transfer_coding_not_implemented,
    &transfer_encoding_in_http10,
    &length_and_transfer_encoding,
    &framing_lookalike,
    &body_too_large,
    &bad_chunk_size,
    &bad_chunk_extension,
    &chunk_line_too_long,
    &chunk_extensions_too_large,
    &bad_chunk_end,
    &trailers_too_large,
    &too_many_trailers,
    &forbidden_trailer,
    &expectation_failed,
    &upgrade_with_body,
});
}  // namespace refusals

// One refusal, or none. Trivially copyable; holds no bytes of the peer.
class [[nodiscard]] refusal {
 public:
  constexpr refusal() = default;
  constexpr refusal(const refusal_kind& kind, std::uint64_t at = 0) noexcept
      : kind_(&kind), at_(at) {}

  explicit constexpr operator bool() const noexcept { return kind_ != nullptr; }
  // 0 and "" when there is none.
  constexpr status_code status() const noexcept {
    return kind_ != nullptr ? kind_->status : status_code{0};
  }
  constexpr std::string_view code() const noexcept { return kind_ != nullptr ? kind_->code : ""; }
  constexpr std::string_view detail() const noexcept {
    return kind_ != nullptr ? kind_->detail : "";
  }
  constexpr const refusal_kind* kind() const noexcept { return kind_; }
  // Byte offset in the head (from the method), target or body that was being parsed; for logs.
  constexpr std::uint64_t at() const noexcept { return at_; }

  friend constexpr bool operator==(const refusal&, const refusal&) = default;

 private:
  const refusal_kind* kind_ = nullptr;
  std::uint64_t at_ = 0;
};

}  // namespace weir::http
