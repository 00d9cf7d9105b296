// Types by the end of the name, and no guess for what the table does not know.
#include <catch_amalgamated.hpp>

#include "media_type.hpp"

using weir::apps::media_type;

TEST_CASE("media types: by the last extension of the last part, without case", "[apps]") {
  CHECK(media_type("index.html") == "text/html; charset=utf-8");
  CHECK(media_type("a/b.c/STYLE.Css") == "text/css; charset=utf-8");
  CHECK(media_type("app.min.js") == "text/javascript; charset=utf-8");
  CHECK(media_type("x.tar.gz") == "application/gzip");
  for (std::string_view unknown : {"", "html", "a.html/b", "a.", ".", "a.html ", "a.htmlx", "a/"}) {
    CAPTURE(unknown);
    CHECK(media_type(unknown) == "application/octet-stream");
  }
}
