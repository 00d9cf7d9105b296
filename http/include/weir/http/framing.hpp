// http/framing.hpp - how long the body of a request is: RFC 9112 6.3 as one function.
//
// There is no second place that looks at Content-Length or Transfer-Encoding. What the RFC leaves
// to the server is refused here, because each leniency has been a request smuggling hole: lists
// and repeats of Content-Length, both fields together, anything but exactly `chunked`.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weir/http/header.hpp>
#include <weir/http/refusal.hpp>
#include <weir/platform/export.hpp>

namespace weir::http {

enum class body_kind : std::uint8_t { none, length, chunked };

struct body_framing {
  body_kind kind = body_kind::none;
  std::uint64_t length = 0;  // bytes; meaningful for `length`, where 0 is possible

  // Whether body bytes follow the head.
  constexpr bool has_body() const noexcept {
    return kind == body_kind::chunked || (kind == body_kind::length && length > 0);
  }
  friend constexpr bool operator==(const body_framing&, const body_framing&) = default;
};

// The fields of one head that frame its body, gathered while its fields are walked. The pointers
// live as long as the fields.
struct framing_fields {
  const header_field* length = nullptr;  // Content-Length
  const header_field* coding = nullptr;  // Transfer-Encoding
  const refusal_kind* repeated = nullptr;
  // Content_Length or the like: what a gateway to CGI-like programs would take for the field.
  bool lookalike = false;

  static constexpr std::size_t length_name_bytes = 14;
  static constexpr std::size_t coding_name_bytes = 17;

  // Shows it a field. Fields whose names have neither of those lengths need not be shown.
  WEIR_EXPORT void look_at(const header_field& field) noexcept;
};

// Decides the framing of a request with these fields (values trimmed). `version_minor` is 0 or 1.
// A declared length above `body_bytes_max` is refused before a byte of the body is read.
WEIR_EXPORT refusal decide_framing(const framing_fields& found, int version_minor,
                                   std::uint64_t body_bytes_max, body_framing& out) noexcept;

}  // namespace weir::http
