// http/problem.cpp - problem bodies, built once.
#include <weir/http/problem.hpp>

#include <vector>

#include <weir/platform/assert.hpp>

#include "json_text.hpp"

namespace weir::http {
namespace {

struct prepared {
  const refusal_kind* kind;
  std::string body;
};

const std::vector<prepared>& all_prepared() {
  static const std::vector<prepared> table = [] {
    std::vector<prepared> out;
    const auto add = [&out](const auto& kinds) {
      for (const refusal_kind* const kind : kinds) {
        out.push_back({kind, problem_body(kind->status, kind->code, kind->detail)});
      }
    };
    add(refusals::all);
    add(problems::all);
    return out;
  }();
  return table;
}

bool goes_on(const refusal_kind& kind) noexcept {
  return &kind == &problems::unauthorized || &kind == &problems::not_found ||
         &kind == &problems::method_not_allowed || &kind == &problems::upgrade_required ||
         &kind == &problems::overloaded;
}

}  // namespace

response problem_response(const refusal_kind& kind) {
  for (const prepared& entry : all_prepared()) {
    if (entry.kind != &kind) continue;
    response out(kind.status);
    out.set_body_view(entry.body, application_problem_json);
    if (kind.status == 503) out.header("Retry-After", "1");
    if (!goes_on(kind)) out.set_close();
    return out;
  }
  return problem_response(kind.status, kind.code, kind.detail);
}

response problem_response(status_code status, std::string_view code, std::string_view detail,
                          std::string_view field) {
  WEIR_ASSERT(status >= 400);
  response out(status);
  std::string details;
  if (!field.empty()) {
    details = R"("details":{"field":)";
    append_json_string(details, field);
    details += '}';
  }
  out.set_body(problem_body(status, code, detail, details), application_problem_json);
  return out;
}

}  // namespace weir::http
