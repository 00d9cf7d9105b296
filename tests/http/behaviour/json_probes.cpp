// Bodies that are to be JSON: each has its one answer, typed, with the field that was wrong.
#include "behaviour/probe.hpp"

namespace weir::http::behaviour {
namespace {

using namespace std::string_literals;

std::string order(std::string_view body, std::string_view type = "application/json") {
  return post("/order", body, "Content-Type: " + std::string(type) + "\r\n");
}

// A problem, and the connection goes on: the framing was good.
probe wrong(std::string name, std::string bytes, int status, const char* code,
            std::string field = {}) {
  return served(std::move(name), std::move(bytes) + get("/echo/next"), {{status, code}, "next"})
      .seen_as([field = std::move(field)](const stage::seen& seen) {
        const bool names = seen.answers[0].body.find("\"details\":{\"field\":\"" + field + "\"}") !=
                           std::string::npos;
        CHECK(names == !field.empty());
      });
}

std::string nested(std::size_t depth) {
  return "{\"name\":" + std::string(depth, '[') + std::string(depth, ']') + "}";
}

std::vector<probe> bodies() {
  return {
      served("J08 fields that are all good are read",
             order(R"({"name":"caf\u00e9","copies":2,"loud":true})"), {"caf\xc3\xa9 x2!"}),
      served("J07 a type with a parameter and in any case is JSON",
             order(R"({"name":"a"})", "Application/JSON; charset=utf-8"), {"a x1"}),
      served("J07 a type whose suffix says JSON is JSON",
             order(R"({"name":"a"})", "application/vnd.weir+json"), {"a x1"}),
      wrong("J01 bytes that are not UTF-8: 400", order("\xff\xfe\xfd"), 400, "bad_utf8"),
      wrong("J01 bytes that are not UTF-8 inside a text: 400", order("{\"name\":\"\xff\"}"), 400,
            "bad_utf8"),
      wrong("J02 a lone surrogate in an escape: 400", order(R"({"name":"\ud800"})"), 400,
            "bad_json"),
      wrong("J02 UTF-8 that is longer than it needs: 400", order("{\"name\":\"\xc0\xaf\"}"), 400,
            "bad_utf8"),
      wrong("J02 UTF-8 that is cut: 400", order("{\"name\":\"\xe2\x82\"}"), 400, "bad_utf8"),
      wrong("J03 an empty body: 400", order(""), 400, "empty_body"),
      wrong("J03 a body of white space: 400", order("  \r\n"), 400, "empty_body"),
      wrong("J04 an array: 400", order("[1]"), 400, "not_an_object"),
      wrong("J04 a string: 400", order("\"a\""), 400, "not_an_object"),
      wrong("J04 a number: 400", order("1"), 400, "not_an_object"),
      wrong("J04 null: 400", order("null"), 400, "not_an_object"),
      wrong("J04 something behind the object: 400", order("{} {}"), 400, "bad_json"),
      wrong("J05 arrays 10,000 deep: 400", order(nested(10'000)), 400, "json_too_deep"),
      wrong("J05 objects 10,000 deep and never closed: 400", order([] {
              std::string out;
              for (int i = 0; i < 10'000; ++i) out += "{\"a\":";
              return out;
            }()),
            400, "bad_json"),
      wrong("J07 another media type: 415", order("name=a", "application/x-www-form-urlencoded"),
            415, "unsupported_media_type"),
      wrong("J07 no media type: 415", post("/order", R"({"name":"a"})"), 415,
            "unsupported_media_type"),
      wrong("J08 a field nobody knows: 400 with its name", order(R"({"name":"a","nmae":"b"})"), 400,
            "unknown_field", "nmae"),
      wrong("J08 a field that stands twice: 400 with its name", order(R"({"name":"a","name":"b"})"),
            400, "duplicate_field", "name"),
      wrong("J08 a field that stands twice further down: 400 with its name",
            order(R"({"name":[{"x":1,"\u0078":2}]})"), 400, "duplicate_field", "x"),
      wrong("J08 a number out of range: 400 with its name", order(R"({"name":"a","copies":11})"),
            400, "out_of_range", "copies"),
      wrong("J08 a text that is too long: 400 with its name",
            order("{\"name\":\"" + std::string(101, 'a') + "\"}"), 400, "out_of_range", "name"),
      wrong("J08 a field of another type: 400 with its name", order(R"({"name":1})"), 400,
            "wrong_type", "name"),
      wrong("J08 a field that is missing: 400 with its name", order("{}"), 400, "missing_field",
            "name"),
  };
}

const bool registered = register_probes(bodies());

}  // namespace
}  // namespace weir::http::behaviour
