// http/method.hpp, status.hpp, date.hpp, header.hpp, refusal.hpp - the small values.
#include <array>
#include <set>
#include <string>

#include <catch_amalgamated.hpp>

#include <weir/http/date.hpp>
#include <weir/http/header.hpp>
#include <weir/http/method.hpp>
#include <weir/http/problem.hpp>
#include <weir/http/refusal.hpp>
#include <weir/http/status.hpp>

namespace http = weir::http;

namespace {

std::string date(std::int64_t seconds) {
  std::array<char, http::date_bytes> out{};
  http::format_date(seconds, out);
  return {out.data(), out.size()};
}

}  // namespace

TEST_CASE("method: each known token is itself, all others are unknown", "[http][values]") {
  for (std::size_t i = 0; i < http::methods_known; ++i) {
    const auto which = static_cast<http::method>(i);
    CHECK(http::parse_method(http::to_string(which)) == which);
  }
  for (const std::string_view other : {"", "get", "GETS", "GE", "FOO"}) {
    CHECK(http::parse_method(other) == http::method::unknown);
  }
  http::method_set all;
  for (std::size_t i = 0; i < http::methods_known; ++i) all.add(static_cast<http::method>(i));
  CHECK(http::allow_value(all).view() ==
        "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS, CONNECT, TRACE");
  CHECK(http::allow_value({}).view().empty());
}

TEST_CASE("status: lines are prepared and phrases come from them", "[http][values]") {
  CHECK(http::status_line(200) == "HTTP/1.1 200 OK\r\n");
  CHECK(http::reason_phrase(431) == "Request Header Fields Too Large");
  CHECK(http::reason_phrase(299).empty());
  CHECK(http::is_bodiless(204));
  CHECK(http::is_bodiless(304));
  CHECK(http::is_bodiless(100));
  CHECK_FALSE(http::is_bodiless(200));
}

TEST_CASE("date: formatted as the RFC writes it", "[http][values]") {
  CHECK(date(784'111'777) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(date(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(date(951'782'400) == "Tue, 29 Feb 2000 00:00:00 GMT");
  CHECK(date(4'107'542'400) == "Mon, 01 Mar 2100 00:00:00 GMT");
  CHECK(date(-1) == "Wed, 31 Dec 1969 23:59:59 GMT");
  CHECK(date(std::numeric_limits<std::int64_t>::max()) == "Fri, 31 Dec 9999 23:59:59 GMT");
  CHECK(date(std::numeric_limits<std::int64_t>::min()) == "Sat, 01 Jan 0000 00:00:00 GMT");
}

TEST_CASE("R40 all three forms of a date are read", "[http][values]") {
  const std::int64_t now = 1'790'000'000;  // 2026
  CHECK(http::parse_date("Sun, 06 Nov 1994 08:49:37 GMT", now) == 784'111'777);
  CHECK(http::parse_date("Sunday, 06-Nov-94 08:49:37 GMT", now) == 784'111'777);
  CHECK(http::parse_date("Sun Nov  6 08:49:37 1994", now) == 784'111'777);
  CHECK(http::parse_date("Sun Nov 06 08:49:37 1994", now) == 784'111'777);
  // Two digits more than fifty years ahead are in the past.
  CHECK(http::parse_date("Wednesday, 01-Jan-76 00:00:00 GMT", now) == 3'345'062'400);
  CHECK(http::parse_date("Saturday, 01-Jan-77 00:00:00 GMT", now) == 220'924'800);
  for (std::int64_t second = -100'000'000'000 / 7; second < 200'000'000'000;
       second += 1'234'567'891) {
    if (http::parse_date(date(second), now) != second) CHECK(date(second) == "");
  }
}

TEST_CASE("date: what is not a date is not read", "[http][values]") {
  for (const std::string_view bad :
       {"", "x", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
        "sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 29 Feb 1900 00:00:00 GMT", "Sun, -6 Nov 1994 08:49:37 GMT"}) {
    INFO(bad);
    CHECK_FALSE(http::parse_date(bad, 0));
  }
}

TEST_CASE("date: the cache formats again only when the second changes", "[http][values]") {
  http::date_cache cache;
  CHECK(cache.at(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(cache.at(0) == cache.at(0));
  CHECK(cache.at(784'111'777) == "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST_CASE("header: comparisons are ASCII and lists skip empty elements", "[http][values]") {
  CHECK(http::iequals("Content-Length", "cONTENT-lENGTH"));
  CHECK_FALSE(http::iequals("a", "ab"));
  CHECK_FALSE(http::iequals("@", "`"));
  CHECK(http::trim_ows(" \t a b\t ") == "a b");
  CHECK(http::is_token("X-a_b!"));
  CHECK_FALSE(http::is_token(""));
  CHECK_FALSE(http::is_token("a b"));
  const http::header_field fields[] = {{"Connection", ", close ,,x"}, {"connection", "Upgrade"}};
  CHECK(http::has_list_token(fields, "CONNECTION", "CLOSE"));
  CHECK(http::has_list_token(fields, "connection", "upgrade"));
  CHECK_FALSE(http::has_list_token(fields, "connection", "clos"));
  CHECK_FALSE(http::has_list_token(fields, "connection", ""));
}

TEST_CASE("refusal: every code is listed once and has a 4xx or 5xx of its own", "[http][values]") {
  std::set<std::string_view> codes;
  const auto check = [&codes](const auto& kinds) {
    for (const http::refusal_kind* const kind : kinds) {
      INFO(kind->code);
      CHECK(codes.insert(kind->code).second);
      CHECK(kind->status >= 400);
      CHECK_FALSE(http::reason_phrase(kind->status).empty());
      CHECK(std::string_view(kind->detail).back() == '.');
    }
  };
  check(http::refusals::all);
  check(http::problems::all);
  CHECK_FALSE(http::refusal{});
  CHECK(http::refusal{}.status() == 0);
}
