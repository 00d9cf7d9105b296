// The reader of answers is a witness: it has to see what is wrong, and only that.
#include <catch_amalgamated.hpp>

#include "support/answer_reader.hpp"

using weir::test::answer_reader;
using weir::test::read_answers;

namespace {

const std::string date = "Date: Sat, 21 Nov 2026 08:00:00 GMT\r\n";

std::string ok(const std::string& fields, const std::string& body) {
  return "HTTP/1.1 200 OK\r\n" + date + fields + "\r\n" + body;
}

}  // namespace

TEST_CASE("answer reader: every kind of framing, whatever the pieces", "[support]") {
  const std::string all =
      "HTTP/1.1 100 Continue\r\n\r\n" + ok("Content-Length: 5\r\n", "hello") +
      ok("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n") +
      "HTTP/1.1 204 No Content\r\n" + date + "\r\n" + ok("Content-Length: 77\r\n", "") +
      ok("Connection: close\r\n", "rest");
  const std::vector<std::string> methods = {"POST", "GET", "GET", "HEAD", "GET"};
  for (std::size_t piece = 1; piece <= all.size(); ++piece) {
    answer_reader reader;
    for (const std::string& m : methods) reader.expect(m);
    for (std::size_t at = 0; at < all.size(); at += piece) reader.feed(all.substr(at, piece));
    reader.end();
    REQUIRE(reader.broken() == "");
    REQUIRE(reader.complete() == 5);
    REQUIRE(reader.interim() == 1);
    const auto& a = reader.answers();
    REQUIRE(a[0].body == "hello");
    REQUIRE(a[0].interim == std::vector<int>{100});
    REQUIRE(a[1].body == "abc0123456789");
    REQUIRE(a[1].trailers.size() == 1);
    REQUIRE(a[2].status == 204);
    REQUIRE(a[3].body.empty());
    REQUIRE(a[4].body == "rest");
    REQUIRE(a[4].until_close);
  }
}

TEST_CASE("answer reader: whatever a client could stumble over is seen", "[support]") {
  struct row {
    const char* what;
    std::string bytes;
    const char* broken;
  };
  const row rows[] = {
      {"a lone LF", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", "lone LF"},
      {"a CR inside", "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", "CR inside"},
      {"another version", "HTTP/1.0 200 OK\r\n\r\n", "status line"},
      {"no reason separator", "HTTP/1.1 200\r\n\r\n", "status line"},
      {"space before the colon", ok("X : y\r\n", ""), "field line"},
      {"two lengths", ok("Content-Length: 1\r\nContent-Length: 1\r\n", "a"), "more than one"},
      {"length and coding", ok("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", ""),
       "beside"},
      {"a signed length", ok("Content-Length: +1\r\n", "a"), "bad length"},
      {"no framing", ok("", "body"), "nothing ends"},
      {"no Date", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "no Date"},
      {"a body behind HEAD's answer", ok("Content-Length: 4\r\n", "body"), "status line"},
      {"204 with a length", "HTTP/1.1 204 No Content\r\n" + date + "Content-Length: 0\r\n\r\n",
       "204"},
      {"100 with a length", "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n", "1xx"},
      {"an empty chunk size", ok("Transfer-Encoding: chunked\r\n", "\r\n"), "chunk size"},
      {"chunk data too long", ok("Transfer-Encoding: chunked\r\n", "1\r\nab\r\n"), "CRLF"},
      {"bytes behind the last", ok("Content-Length: 0\r\nConnection: close\r\n", "x"), "behind"},
      {"a second answer", ok("Content-Length: 0\r\n", "") + ok("Content-Length: 0\r\n", ""),
       "more answers"},
      {"a body cut short", ok("Content-Length: 9\r\n", "short"), "inside an answer"},
      {"chunks cut short", ok("Transfer-Encoding: chunked\r\n", "1\r\na\r\n"), "inside an answer"},
      {"a head cut short", "HTTP/1.1 200 OK\r\nDate", "inside an answer"},
      {"a status line cut short", "HTTP/1.1 20", "inside a status line"},
      {"100 and no answer", "HTTP/1.1 100 Continue\r\n\r\n", "behind a 1xx"},
  };
  for (const row& r : rows) {
    INFO(r.what);
    const bool head = std::string_view(r.what).find("HEAD") != std::string_view::npos;
    const answer_reader reader = read_answers(r.bytes, true, {head ? "HEAD" : "GET"});
    CHECK_THAT(reader.broken(), Catch::Matchers::ContainsSubstring(r.broken));
  }
}

TEST_CASE("answer reader: what is not there yet is not broken", "[support]") {
  const std::string whole = ok("Content-Length: 5\r\n", "hello");
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const answer_reader reader = read_answers(whole.substr(0, n), false, {"GET"});
    REQUIRE(reader.broken() == "");
    REQUIRE(reader.complete() == 0);
  }
}
