// http/target.hpp - paths, authorities, queries.
#include <array>
#include <string>

#include <catch_amalgamated.hpp>

#include <weir/http/target.hpp>

namespace http = weir::http;
using namespace std::string_view_literals;

namespace {

// The canonical path, or "-" when it is refused.
std::string canonical(std::string_view raw) {
  std::string scratch(raw.size(), '?');
  const auto path = http::canonical_path(raw, scratch);
  return path ? std::string(*path) : "-";
}

}  // namespace

TEST_CASE("path: escapes are decoded once and dots resolved inside the root", "[http][target]") {
  const struct {
    std::string_view raw, expected;
  } cases[] = {
      {"/", "/"},
      {"/a", "/a"},
      {"/a/", "/a/"},
      {"//a//b", "//a//b"},
      {"/a%20b", "/a b"},
      {"/%41%5a", "/AZ"},
      {"/%2541", "/%41"},
      {"/a+b", "/a+b"},
      {"/.", "/"},
      {"/./", "/"},
      {"/./a", "/a"},
      {"/a/.", "/a/"},
      {"/a/..", "/"},
      {"/a/../", "/"},
      {"/a/b/../c", "/a/c"},
      {"/a/b/c/../../d", "/a/d"},
      {"/a//../b", "/a/b"},
      {"/a/%2e%2E/b", "/b"},
      {"/a/%2e/b", "/a/b"},
      {"/a/.%2e/b", "/b"},
      {"/...", "/..."},
      {"/..a", "/..a"},
      {"/.well-known/x", "/.well-known/x"},
      {"/a%5cb", "/a\\b"},
      {"/..", "-"},
      {"/../", "-"},
      {"/../a", "-"},
      {"/%2e%2e", "-"},
      {"/.%2E/a", "-"},
      {"/a/../..", "-"},
      {"/a/../../a", "-"},
      {"/./..", "-"},
      {"/%2f", "-"},
      {"/a%2Fb", "-"},
      {"/%00", "-"},
      {"/%", "-"},
      {"/%4", "-"},
      {"/%g0", "-"},
      {"/%0g", "-"},
      {"/%-1", "-"},
      {"", "-"},
      {"a", "-"},
  };
  for (const auto& c : cases) {
    INFO(c.raw);
    CHECK(canonical(c.raw) == c.expected);
  }
}

TEST_CASE("path: what is canonical stays as it is, without a copy", "[http][target]") {
  const std::string_view raw = "/assets/app.js";
  const auto path = http::canonical_path(raw, {});
  REQUIRE(path);
  CHECK(path->data() == raw.data());
}

TEST_CASE("authority: hosts that are one host", "[http][target]") {
  for (const std::string_view good :
       {"a", "a.example", "A.EXAMPLE:8080", "a:", "1.2.3.4:80", "[::]", "[::1]:443", "[1::]",
        "[fe80::1:2]", "[1:2:3:4:5:6:7:8]", "[::ffff:10.0.0.1]", "[1:2:3:4:5:6:1.2.3.4]",
        "[1::8:0:0:0:1]", "x_y", "a%20b", "a!$&'()*+;=b", "a:65535"}) {
    INFO(good);
    CHECK(http::is_authority(good));
  }
  for (const std::string_view bad : {"",
                                     ":80",
                                     "u@a",
                                     "u:p@a",
                                     "a,b",
                                     "a b",
                                     "a/b",
                                     "a:b",
                                     "a:80:80",
                                     "a:65536",
                                     "a:123456",
                                     "a:+1",
                                     "[",
                                     "[]",
                                     "[::1",
                                     "::1",
                                     "[::1]x",
                                     "[:1]",
                                     "[1:]",
                                     "[1::2::3]",
                                     "[1:2:3:4:5:6:7:8:9]",
                                     "[1:2:3:4:5:6:7]",
                                     "[::1%25eth0]",
                                     "[v1.x]",
                                     "[12345::]",
                                     "[::1.2.3]",
                                     "[::1.2.3.256]",
                                     "[::01.2.3.4]",
                                     "[1:2:3:4:5:6:7:1.2.3.4]",
                                     "[:::]",
                                     "a%2",
                                     "a%zz",
                                     "a%",
                                     "a\\b",
                                     "caf\xc3\xa9",
                                     "a?b",
                                     "a#b",
                                     "[1.2.3.4]",
                                     "[::g]"}) {
    INFO(bad);
    CHECK_FALSE(http::is_authority(bad));
  }
  CHECK(http::is_authority("a:80", true));
  CHECK_FALSE(http::is_authority("a", true));
  CHECK_FALSE(http::is_authority("a:", true));
}

TEST_CASE("percent_decode: forms, and only well-formed escapes", "[http][target]") {
  std::array<char, 64> out{};
  CHECK(http::percent_decode("a%20b+c", out) == "a b+c");
  CHECK(http::percent_decode("a%20b+c", out, true) == "a b c");
  CHECK(http::percent_decode("%e2%82%ac", out) == "\xe2\x82\xac");
  CHECK(http::percent_decode("%00", out) == "\0"sv);
  CHECK(http::percent_decode("", out) == "");
  for (const std::string_view bad : {"%", "%1", "a%", "%zz", "%1g", "% 1"}) {
    INFO(bad);
    CHECK_FALSE(http::percent_decode(bad, out));
  }
}

TEST_CASE("query: pairs are split without allocation and overflow is said", "[http][target]") {
  std::array<http::query_pair, 3> pairs{};
  const auto all = http::split_query("a=1&&b&=x", pairs);
  REQUIRE(all.pairs.size() == 3);
  CHECK_FALSE(all.overflow);
  CHECK(all.pairs[0].name == "a");
  CHECK(all.pairs[0].value == "1");
  CHECK(all.pairs[1].name == "b");
  CHECK(all.pairs[1].value.empty());
  CHECK(all.pairs[2].name.empty());
  CHECK(all.pairs[2].value == "x");
  const auto many = http::split_query("a&b&c&d", pairs);
  CHECK(many.pairs.size() == 3);
  CHECK(many.overflow);
  CHECK(http::split_query("", pairs).pairs.empty());
  CHECK(http::query_value("a=1&b=2=3&b=4", "b") == "2=3");
  CHECK(http::query_value("a", "a") == "");
  CHECK_FALSE(http::query_value("&", ""));
  CHECK_FALSE(http::query_value("a=1", "c"));
}
