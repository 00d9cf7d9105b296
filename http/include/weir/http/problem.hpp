// http/problem.hpp - error answers: application/problem+json (RFC 9457), prepared.
//
// Members: type ("about:blank"), title (the reason phrase), status, code (stable machine name) and
// detail (a sentence). No byte of the request is repeated in them.
#pragma once

#include <string>
#include <string_view>

#include <weir/http/refusal.hpp>
#include <weir/http/response.hpp>
#include <weir/platform/export.hpp>

namespace weir::http {

inline constexpr std::string_view application_problem_json = "application/problem+json";

// Error answers that are not a parser's. Refusals stand in refusal.hpp.
namespace problems {
#define WEIR_PROBLEM(name, status, detail) \
  inline constexpr refusal_kind name {     \
    status, #name, detail                  \
  }
WEIR_PROBLEM(plain_http, 400, "This port speaks HTTPS: https, not http.");
WEIR_PROBLEM(unauthorized, 401, "A credential is missing or not accepted.");
WEIR_PROBLEM(not_found, 404, "Nothing is served at this path.");
WEIR_PROBLEM(method_not_allowed, 405, "This path does not answer the method.");
WEIR_PROBLEM(head_timeout, 408, "The request head did not arrive in time.");
WEIR_PROBLEM(body_timeout, 408, "The request body did not arrive in time.");
WEIR_PROBLEM(upgrade_required, 426, "This path speaks another protocol.");
WEIR_PROBLEM(handler_failed, 500, "The handler failed.");
WEIR_PROBLEM(bad_response, 500, "The handler made an answer that may not be sent.");
WEIR_PROBLEM(overloaded, 503, "The server is at a limit; try again later.");
WEIR_PROBLEM(draining, 503, "The server is shutting down; try again later.");
WEIR_PROBLEM(handler_timeout, 504, "The handler did not answer in time.");
#undef WEIR_PROBLEM

inline constexpr auto all = std::to_array<const refusal_kind*>({
    &plain_http,
    &unauthorized,
    &not_found,
    &method_not_allowed,
    &head_timeout,
    &body_timeout,
    &upgrade_required,
    &handler_failed,
    &bad_response,
    &overloaded,
    &draining,
    &handler_timeout,
});
}  // namespace problems

// The answer to one of the kinds in `refusals::all` and `problems::all`: a view of prepared bytes,
// nothing is allocated after the first call. Parser refusals close the connection; so do 408,
// bad_response, handler_failed, handler_timeout and draining. Add what a status asks for: Allow to
// 405, response::offer_upgrade() to 426 (503 carries `Retry-After: 1`).
WEIR_EXPORT response problem_response(const refusal_kind& kind);
inline response problem_response(const refusal& why) {
  return problem_response(*why.kind());
}

// A problem of the application's own: any status from 400 up, `code` a stable name, `detail` any
// UTF-8 text. With a `field`, the member `details` names the one that is wrong. Escapes what JSON
// needs escaped. Allocates the body.
WEIR_EXPORT response problem_response(status_code status, std::string_view code,
                                      std::string_view detail, std::string_view field = {});

}  // namespace weir::http
