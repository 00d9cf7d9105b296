// http/health.cpp - see the header.
#include <weir/http/health.hpp>

#include <weir/http/problem.hpp>

#include "json_text.hpp"

namespace weir::http {

namespace {

constexpr std::string_view fine = R"({"status":"ok"})";

response not_cached(response answer) {
  answer.header("Cache-Control", "no-store");
  return answer;
}

}  // namespace

void health::not_ready(std::string_view code, std::string_view detail) {
  lock hold(mutex_);
  for (reason& each : own_) {
    if (each.code != code) continue;
    each.detail = detail;
    return;
  }
  own_.push_back({std::string(code), std::string(detail)});
}

void health::ready_again(std::string_view code) noexcept {
  lock hold(mutex_);
  std::erase_if(own_, [code](const reason& each) { return each.code == code; });
}

bool health::is_started() const noexcept {
  lock hold(mutex_);
  return started_here();
}

bool health::is_ready() const noexcept {
  lock hold(mutex_);
  return started_here() && draining_ == 0 && own_.empty();
}

std::vector<health::reason> health::reasons() const {
  lock hold(mutex_);
  std::vector<reason> all;
  if (draining_ > 0) all.push_back({"draining", "The server is shutting down."});
  if (!started_here()) all.push_back({"starting", "The server has not started yet."});
  all.insert(all.end(), own_.begin(), own_.end());
  return all;
}

error health::add_to(routes& to) const {
  error why = to.get(
      "/livez", [](const request&) { return not_cached(response::view(fine, application_json)); });
  if (why) return why;
  why = to.get("/startupz", [this](const request&) {
    if (is_started()) return not_cached(response::view(fine, application_json));
    response out = problem_response(503, "starting", "The server has not started yet.");
    return not_cached(std::move(out.header("Retry-After", "1")));
  });
  if (why) return why;
  return to.get("/readyz", [this](const request&) {
    const std::vector<reason> against = reasons();
    if (against.empty()) return not_cached(response::view(fine, application_json));
    std::string members = R"("reasons":[)";
    for (const reason& each : against) {
      if (members.back() == '}') members += ',';
      members += R"({"code":)";
      append_json_string(members, each.code);
      members += R"(,"detail":)";
      append_json_string(members, each.detail);
      members += '}';
    }
    members += ']';
    response out(503);
    out.set_body(
        problem_body(503, "not_ready", "Requests are not wanted now; see reasons.", members),
        application_problem_json);
    return not_cached(std::move(out.header("Retry-After", "1")));
  });
}

void health::server_made() noexcept {
  lock hold(mutex_);
  ++servers_;
}

void health::server_started() noexcept {
  lock hold(mutex_);
  ++started_;
}

void health::server_drains() noexcept {
  lock hold(mutex_);
  ++draining_;
}

void health::server_gone(bool had_started, bool had_drained) noexcept {
  lock hold(mutex_);
  --servers_;
  if (had_started) --started_;
  if (had_drained) --draining_;
}

}  // namespace weir::http
