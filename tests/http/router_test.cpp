// http/router.hpp - which route answers, and which patterns are no patterns.
#include <algorithm>
#include <string>
#include <vector>

#include <catch_amalgamated.hpp>

#include <weir/http/router.hpp>

#include "support/allocation_count.hpp"

namespace http = weir::http;
using http::method;
using http::route_verdict;

namespace {

using table = http::router<std::string>;

// A table whose payloads are "METHOD pattern".
table make(const std::vector<std::pair<method, std::string>>& routes) {
  table out;
  for (const auto& [verb, pattern] : routes) {
    REQUIRE_FALSE(out.add(verb, pattern, std::string(to_string(verb)) + " " + pattern));
  }
  return out;
}

std::string found(const table& routes, method verb, std::string_view path) {
  const table::matched m = routes.match(verb, path);
  switch (m.route.verdict) {
    case route_verdict::found: return *m.payload;
    case route_verdict::not_found: return "404";
    case route_verdict::method_not_allowed:
      return "405 " + std::string(http::allow_value(m.route.allow).view());
    case route_verdict::server_options:
      return "204 " + std::string(http::allow_value(m.route.allow).view());
  }
  return "";
}

}  // namespace

TEST_CASE("router: of many literal paths each is found, and none of their neighbours",
          "[http][router]") {
  std::vector<std::pair<method, std::string>> routes = {{method::get, "/"}};
  for (int i = 0; i < 500; ++i) {
    // Lengths from below to above every step of the hash; many that differ in one byte only.
    const std::string tail(static_cast<std::size_t>(i % 20), 'x');
    routes.emplace_back(method::get, "/" + tail + "/" + std::to_string(i));
  }
  const table t = make(routes);
  for (const auto& [verb, path] : routes) {
    CAPTURE(path);
    CHECK(found(t, verb, path) == "GET " + path);
    CHECK(found(t, verb, path + "y") == "404");
    if (path.size() > 1) CHECK(found(t, verb, path + "/") == "404");
    std::string other = path;
    other.back() = 'y';
    CHECK(found(t, verb, other) == "404");
    CHECK(found(t, method::put, path) == "405 GET, HEAD");
  }
}

TEST_CASE("router: a literal path is found beside parameters that would match it too",
          "[http][router]") {
  const table t = make({{method::get, "/a/b"},
                        {method::get, "/{x}/b"},
                        {method::post, "/{x}/{y}"},
                        {method::get, "/a/{rest...}"}});
  CHECK(found(t, method::get, "/a/b") == "GET /a/b");
  CHECK(found(t, method::post, "/a/b") == "405 GET, HEAD");
  CHECK(found(t, method::get, "/c/b") == "GET /{x}/b");
  CHECK(found(t, method::get, "/a/c") == "GET /a/{rest...}");
}

TEST_CASE("router: a literal beats a parameter beats the rest, in any order", "[http][router]") {
  std::vector<std::pair<method, std::string>> routes = {
      {method::get, "/users/me"},
      {method::get, "/users/{id}"},
      {method::get, "/users/{id}/posts"},
      {method::get, "/users/{all...}"},
      {method::get, "/"},
  };
  std::sort(routes.begin(), routes.end());
  do {
    const table t = make(routes);
    CHECK(found(t, method::get, "/users/me") == "GET /users/me");
    CHECK(found(t, method::get, "/users/you") == "GET /users/{id}");
    CHECK(found(t, method::get, "/users/me/posts") == "GET /users/{id}/posts");
    CHECK(found(t, method::get, "/users/me/other") == "GET /users/{all...}");
    CHECK(found(t, method::get, "/users/") == "GET /users/{all...}");
    CHECK(found(t, method::get, "/users") == "404");
    CHECK(found(t, method::get, "/") == "GET /");
  } while (std::next_permutation(routes.begin(), routes.end()));
}

TEST_CASE("router: parameters are views into the path, named by the matched pattern",
          "[http][router]") {
  const table t = make(
      {{method::get, "/a/{x}/b/{y}"}, {method::get, "/a/{z}"}, {method::get, "/files/{path...}"}});
  const std::string path = "/a/1 2/b/3";
  const auto m = t.match(method::get, path);
  REQUIRE(m.payload != nullptr);
  CHECK(m.route.pattern == "/a/{x}/b/{y}");
  REQUIRE(m.route.params.size() == 2);
  CHECK(m.route.params.begin()[0].name == "x");
  CHECK(m.route.params.begin()[0].value == "1 2");
  CHECK(m.route.params.begin()[0].value.data() == path.data() + 3);
  CHECK(m.route.params.begin()[1].value == "3");
  CHECK(t.match(method::get, "/a/q").route.params.begin()->name == "z");
  CHECK(t.match(method::get, "/files/a/b.txt").route.params.begin()->value == "a/b.txt");
  CHECK(t.match(method::get, "/files/").route.params.begin()->value.empty());
  CHECK(t.match(method::get, "/files//x").route.params.begin()->value == "/x");
  CHECK(found(t, method::get, "/a/") == "404");  // a parameter is not empty
  CHECK(found(t, method::get, "/files") == "404");
}

TEST_CASE("router: 405 with Allow, HEAD by GET, OPTIONS of the server", "[http][router]") {
  const table t = make({{method::get, "/"},
                        {method::post, "/submit"},
                        {method::get, "/both"},
                        {method::head, "/both"}});
  CHECK(found(t, method::post, "/") == "405 GET, HEAD");
  CHECK(found(t, method::options, "/") == "405 GET, HEAD");
  CHECK(found(t, method::get, "/submit") == "405 POST");
  CHECK(found(t, method::head, "/submit") == "405 POST");
  CHECK(found(t, method::head, "/") == "GET /");
  CHECK(found(t, method::head, "/both") == "HEAD /both");
  CHECK(found(t, method::options, "*") == "204 GET, HEAD, POST, OPTIONS");
  CHECK(found(t, method::get, "/none") == "404");
  CHECK(found(t, method::trace, "/") == "405 GET, HEAD");
  CHECK(found(t, method::trace, "/none") == "405 GET, HEAD, POST, OPTIONS");
  CHECK(found(t, method::unknown, "/") == "405 GET, HEAD");
  CHECK(t.match(method::post, "/").route.pattern == "/");
}

TEST_CASE("router: patterns that are none, and routes that are there already", "[http][router]") {
  table t;
  const auto add = [&t](method verb, std::string_view pattern) {
    return t.add(verb, pattern, "x").code;
  };
  for (const std::string_view bad :
       {"", "a", "/{", "/}", "/{}", "/{a}b", "/a{b}", "/{a b}", "/{...}", "/{a...}/b", "/{a}/{a}",
        "/.", "/a/..", "/a?b", "/a#b", "/a\r\n", "*"}) {
    INFO(bad);
    CHECK(add(method::get, bad) == weir::errc::invalid);
  }
  CHECK(add(method::unknown, "/") == weir::errc::invalid);
  CHECK(add(method::connect, "/") == weir::errc::invalid);
  CHECK(add(method::trace, "/") == weir::errc::invalid);
  CHECK(add(method::get, "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}") == weir::errc::none);
  CHECK(add(method::get, "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}") == weir::errc::limit);
  CHECK(add(method::get, "/x/{a}") == weir::errc::none);
  CHECK(add(method::get, "/x/{a}") == weir::errc::exists);
  CHECK(add(method::get, "/x/{b}") == weir::errc::exists);
  CHECK(add(method::post, "/x/{b}") == weir::errc::exists);
  CHECK(add(method::post, "/x/{a}") == weir::errc::none);
  CHECK(t.size() == 3);
  CHECK(found(t, method::get, "*") == "404");
  CHECK(found(t, method::get, "") == "404");
}

TEST_CASE("router: a lookup allocates nothing", "[http][router]") {
  table t;
  for (int i = 0; i < 500; ++i) {
    REQUIRE_FALSE(t.add(method::get, "/r" + std::to_string(i) + "/{id}", std::to_string(i)));
  }
  const std::size_t before = weir::test::allocations();
  const auto hit = t.match(method::get, "/r250/x");
  const auto miss = t.match(method::get, "/r250/x/y/z/very/long/path/that/no/route/has");
  const std::size_t after = weir::test::allocations();
  CHECK(after == before);
  REQUIRE(hit.payload != nullptr);
  CHECK(*hit.payload == "250");
  CHECK(miss.payload == nullptr);
}
