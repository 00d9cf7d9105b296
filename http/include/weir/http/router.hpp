// http/router.hpp - from method and path to one route. Lookup allocates nothing.
//
// Patterns: "/a/b" (literal), "/users/{id}" (one non-empty segment), "/files/{path...}" (the rest,
// may be empty, last only). A literal segment beats a parameter and a parameter beats the rest, at
// each segment from the left, whatever the order of registration; when the more specific way leads
// to no route the less specific one is tried. The path is the canonical one of request::path, so a
// pattern is written decoded; "/a" and "/a/" are two paths.
//
// The path decides first, then the method: a path that has routes answers 405 with Allow for other
// methods. HEAD is answered by GET where nothing else was registered for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <weir/http/method.hpp>
#include <weir/http/request.hpp>
#include <weir/platform/assert.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>

namespace weir::http {

enum class route_verdict : std::uint8_t {
  found,
  not_found,           // 404
  method_not_allowed,  // 405, `allow` is not empty unless the router is
  server_options,      // OPTIONS *: 204, `allow` has every method of the server
};

// What a lookup found. Views live as long as the router and the path.
struct route_match {
  route_verdict verdict = route_verdict::not_found;
  std::size_t index = 0;     // of the route, when found
  std::string_view pattern;  // also set for 405, so that it can be counted by pattern
  route_params params;
  method_set allow;
};

// The part that knows no payload: patterns in, indices out.
class route_table {
 public:
  WEIR_EXPORT route_table();
  WEIR_EXPORT ~route_table();
  WEIR_EXPORT route_table(route_table&&) noexcept;
  WEIR_EXPORT route_table& operator=(route_table&&) noexcept;

  // Adds a route under `index`. `invalid`: the pattern or the method (unknown, CONNECT, TRACE)
  // cannot be routed. `exists`: the route is there already, or the same path has a pattern with
  // other parameter names. `limit`: more than route_params_max parameters. Nothing is changed then.
  WEIR_EXPORT error add(method verb, std::string_view pattern, std::size_t index);

  WEIR_EXPORT route_match match(method verb, std::string_view path) const noexcept;

  // Every method some route answers, with HEAD where there is GET, and OPTIONS (for `*`).
  WEIR_EXPORT method_set methods() const noexcept;

 private:
  struct node;
  class literal_paths;
  std::unique_ptr<node> root_;
  std::unique_ptr<literal_paths> literals_;  // nodes of the tree, found without walking it
  method_set methods_;
};

// Routes with something attached to each: a handler, as a rule. Built by one thread; once built,
// match() may be called from any.
template <class Payload>
class router {
 public:
  struct matched {
    route_match route;
    const Payload* payload = nullptr;  // null unless found
  };

  // Errors as in route_table::add.
  error add(method verb, std::string_view pattern, Payload payload) {
    const error why = table_.add(verb, pattern, payloads_.size());
    if (!why) payloads_.push_back(std::move(payload));
    return why;
  }
  matched match(method verb, std::string_view path) const noexcept {
    matched out{table_.match(verb, path)};
    if (out.route.verdict == route_verdict::found) out.payload = &payloads_[out.route.index];
    return out;
  }
  method_set methods() const noexcept { return table_.methods(); }
  std::size_t size() const noexcept { return payloads_.size(); }
  // In the order in which they were added; route_match::index counts them so.
  const Payload& payload(std::size_t index) const noexcept { return payloads_[index]; }

 private:
  route_table table_;
  std::vector<Payload> payloads_;
};

}  // namespace weir::http
