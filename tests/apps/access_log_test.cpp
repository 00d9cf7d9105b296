// Lines of the access log, and what no peer can write into them.
#include <catch_amalgamated.hpp>

#include "access_log.hpp"

using namespace weir;
using namespace weir::apps;

namespace {

std::string line(log_format how, std::string_view target, std::int64_t unix_seconds = 0) {
  const address peer = address::loopback_ipv4(4'242);
  http::access_record record;
  record.method = "GET";
  record.target = target;
  record.pattern = "/echo/{text}";
  record.status = 200;
  record.response_bytes = 12;
  record.duration_ns = 1'234'567;
  record.peer = &peer;
  std::string text;
  append_log_line(text, how, record, unix_seconds);
  return text;
}

}  // namespace

TEST_CASE("access log: a plain and a JSON line", "[apps]") {
  CHECK(line(log_format::plain, "/echo/a?b") ==
        "1970-01-01T00:00:00Z 127.0.0.1:4242 \"GET /echo/a?b\" /echo/{text} 200 12 1.235ms\n");
  CHECK(line(log_format::json, "/echo/a?b") ==
        "{\"time\":\"1970-01-01T00:00:00Z\",\"peer\":\"127.0.0.1:4242\",\"method\":\"GET\","
        "\"target\":\"/echo/a?b\",\"pattern\":\"/echo/{text}\",\"status\":200,\"bytes\":12,"
        "\"duration_ms\":1.235}\n");
}

TEST_CASE("access log: a handler that held the loop, by its route", "[apps]") {
  const http::hold_record record{"/slow/{n}", 64 * millisecond_ns};
  std::string plain;
  append_log_line(plain, log_format::plain, record, 0);
  CHECK(plain == "1970-01-01T00:00:00Z held /slow/{n} 64.000ms\n");
  std::string json;
  append_log_line(json, log_format::json, record, 0);
  CHECK(json ==
        "{\"time\":\"1970-01-01T00:00:00Z\",\"held\":\"/slow/{n}\",\"duration_ms\":64.000}\n");
}

TEST_CASE("access log: no byte of a target ends a field or a line", "[apps]") {
  CHECK(line(log_format::plain, "/\"\\ \r\n\x1b\x7f\xff")
            .find("\"GET /\\x22\\x5c\\x20\\x0d\\x0a\\x1b\\x7f\\xff\"") != std::string::npos);
  CHECK(line(log_format::json, "/\"\\ \r\n\x1b\x7f\xff")
            .find("\"/\\\"\\\\ \\u000d\\u000a\\u001b\\u007f\\u00ff\"") != std::string::npos);
  for (const log_format how : {log_format::plain, log_format::json}) {
    for (int byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      const std::string text = line(how, std::string_view(&c, 1));
      CAPTURE(byte, text);
      CHECK(text.find('\n') == text.size() - 1);
      for (const char printed : text.substr(0, text.size() - 1)) {
        CHECK((printed >= 0x20 && printed < 0x7f));
      }
    }
  }
}

TEST_CASE("access log: what is not known is a dash, or an empty string", "[apps]") {
  http::access_record nothing;
  nothing.status = 400;
  std::string plain;
  append_log_line(plain, log_format::plain, nothing, 0);
  CHECK(plain == "1970-01-01T00:00:00Z - \"- -\" - 400 0 0.000ms\n");
}

TEST_CASE("access log: days of the calendar", "[apps]") {
  const auto day = [](std::int64_t seconds) {
    return line(log_format::plain, "/", seconds).substr(0, 20);
  };
  CHECK(day(951'782'399) == "2000-02-28T23:59:59Z");
  CHECK(day(951'782'400) == "2000-02-29T00:00:00Z");
  CHECK(day(951'868'800) == "2000-03-01T00:00:00Z");
  CHECK(day(1'704'067'199) == "2023-12-31T23:59:59Z");
  CHECK(day(4'107'542'400) == "2100-03-01T00:00:00Z");
  CHECK(day(-5) == "1970-01-01T00:00:00Z");
}
