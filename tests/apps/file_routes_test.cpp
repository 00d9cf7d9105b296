// Hidden files: every spelling of a part that begins with a dot.
#include <catch_amalgamated.hpp>

#include "file_routes.hpp"

using weir::apps::is_hidden;

TEST_CASE("files: a path with a part that begins with a dot is hidden", "[apps]") {
  for (std::string_view hidden :
       {".", "..", ".env", ".git/config", "a/.b", "a/.b/c", "...", ".well-known", ".well-known/.x",
        ".well-known/a/.b", "a/.well-known/b", ".well-knownx/a"}) {
    CAPTURE(hidden);
    CHECK(is_hidden(hidden));
  }
  for (std::string_view seen : {"", "a", "a.b", "a/b.c", "a./b", ".well-known/security.txt"}) {
    CAPTURE(seen);
    CHECK_FALSE(is_hidden(seen));
  }
}
