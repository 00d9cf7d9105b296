// http/credentials.hpp - secrets that peers send, compared without telling how much of them was
// right, and the one answer to those that are missing or wrong (RFC 9110 11).
#pragma once

#include <string_view>

#include <weir/http/request.hpp>
#include <weir/http/response.hpp>
#include <weir/platform/export.hpp>

namespace weir::http {

// Whether the two are equal. The time depends on the length of `sent` alone, never on where the
// two differ.
WEIR_EXPORT bool equal_secrets(std::string_view sent, std::string_view secret) noexcept;

// Whether the request carries `key` in its field `X-API-Key`. An empty `key` is nobody's.
WEIR_EXPORT bool has_api_key(const request& from, std::string_view key) noexcept;

// 401 with `WWW-Authenticate: <challenge>`, as `ApiKey realm="weir"`: the same bytes whether a
// credential was missing or wrong.
WEIR_EXPORT response unauthorized(std::string_view challenge);

}  // namespace weir::http
