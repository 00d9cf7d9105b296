// apps/redirect_routes.hpp - where plain requests are sent.
#include <catch_amalgamated.hpp>

#include "redirect_routes.hpp"

using weir::apps::redirect_location;

TEST_CASE("a redirect keeps path and query as they were sent") {
  CHECK(redirect_location("a.test", "/") == "https://a.test/");
  CHECK(redirect_location("a.test:8443", "/x%20y/../z?q=%2F&r") ==
        "https://a.test:8443/x%20y/../z?q=%2F&r");
  CHECK(redirect_location("[::1]:8443", "/?") == "https://[::1]:8443/?");
}

TEST_CASE("a redirect goes to the configured host, whatever the target names") {
  CHECK(redirect_location("a.test", "//evil.test/x") == "https://a.test//evil.test/x");
  CHECK(redirect_location("a.test", "http://evil.test/x?y") == "https://a.test/x?y");
  CHECK(redirect_location("a.test", "http://evil.test") == "https://a.test/");
  CHECK(redirect_location("a.test", "http://evil.test?y=/") == "https://a.test/?y=/");
  CHECK(redirect_location("a.test", "http://evil.test/http://b.test/") ==
        "https://a.test/http://b.test/");
  // No request has such a target here; were there one, it would lead nowhere else.
  CHECK(redirect_location("a.test", "@evil.test") == "https://a.test/");
  CHECK(redirect_location("a.test", "") == "https://a.test/");
}

TEST_CASE("every method that can be routed is redirected") {
  weir::http::routes to;
  CHECK_FALSE(weir::apps::add_redirect_routes(to, "a.test"));
  for (const weir::http::method verb :
       {weir::http::method::get, weir::http::method::head, weir::http::method::post,
        weir::http::method::put, weir::http::method::delete_, weir::http::method::patch,
        weir::http::method::options}) {
    for (const char* path : {"/", "/a", "/a/b"}) {
      CHECK(to.table().match(verb, path).payload != nullptr);
    }
  }
}
