// http/status.hpp - status codes: their reason phrases and prepared status lines.
#pragma once

#include <cstdint>
#include <string_view>

#include <weir/platform/export.hpp>

namespace weir::http {

// A status code is a plain number, 100 to 999: handlers may answer codes nobody has registered.
using status_code = std::uint16_t;

// The registered phrase ("Not Found"), "" for codes this table does not know. Static storage.
WEIR_EXPORT std::string_view reason_phrase(status_code code) noexcept;

// "HTTP/1.1 404 Not Found\r\n" as prepared bytes; "" for codes this table does not know. The
// version is always ours: HTTP/1.1 is answered to HTTP/1.0 too (RFC 9110 6.2).
WEIR_EXPORT std::string_view status_line(status_code code) noexcept;

// Whether an answer with this code has no body whatever its fields say (RFC 9110 6.4.1).
constexpr bool is_bodiless(status_code code) noexcept {
  return code < 200 || code == 204 || code == 304;
}

}  // namespace weir::http
