// Who gets HTML: only who asks for it by name, and no less than for text.
#include <catch_amalgamated.hpp>

#include "demo_routes.hpp"
#include "home_page.hpp"

using namespace weir::apps;

TEST_CASE("home: Accept asks for HTML by name", "[apps]") {
  for (std::string_view accept :
       {"text/html", "TEXT/HTML", "text/html;level=1", "text/html;q=0.001",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "text/plain;q=0.5, text/html;q=0.5", " text/plain ; q=0.4 ,\ttext/html ; Q=0.5"}) {
    CAPTURE(accept);
    CHECK(prefers_html(accept));
  }
  for (std::string_view accept :
       {"", "*/*", "text/*", "text/plain", "text/html;q=0", "text/html;q=0.000",
        "text/html;q=0.5,text/plain", "text/htm", "xtext/html", "text/html;q=2", "text/html;q=x",
        "text/html;q=0.1234", "application/xhtml+xml", ",,;;q=,", "text /html"}) {
    CAPTURE(accept);
    CHECK_FALSE(prefers_html(accept));
  }
}

TEST_CASE("home: both pages name every route, and files only when a folder is served", "[apps]") {
  const home_page without(false, false);
  const home_page with(true, true);
  for (const demo_route& each : demo_routes()) {
    CAPTURE(each.pattern);
    CHECK(without.text().find(each.pattern) != std::string::npos);
    CHECK(without.html().find(each.pattern) != std::string::npos);
  }
  CHECK(without.text().find("/files/") == std::string::npos);
  CHECK(with.text().find("/files/{path...}") != std::string::npos);
  CHECK(with.html().find("/files/{path...}") != std::string::npos);
  for (const std::string_view probe : {"/livez", "/startupz", "/readyz"}) {
    CHECK(without.text().find(probe) == std::string::npos);
    CHECK(with.text().find(probe) != std::string::npos);
    CHECK(with.html().find(probe) != std::string::npos);
  }
}
