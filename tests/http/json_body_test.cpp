// http/json_body.hpp - what the probes of a whole server do not reach: bounds and their edges.
#include <catch_amalgamated.hpp>

#include <weir/http/json_body.hpp>

namespace http = weir::http;

namespace {

// A request with this body and the type JSON, and what it points into.
struct made {
  explicit made(std::string_view text) : body(text) {
    head.fields = {&type, 1};
    head.body = body;
  }
  std::string body;
  http::header_field type{"Content-Type", "application/json"};
  http::request head;
};

std::string problem_of(http::json_body& in) {
  CHECK_FALSE(in.complete());
  return std::string(in.problem().body());
}

bool says(http::json_body& in, std::string_view code, std::string_view field = {}) {
  const std::string body = problem_of(in);
  const bool named =
      field.empty() || body.find("\"field\":\"" + std::string(field) + "\"") != std::string::npos;
  return named && body.find("\"code\":\"" + std::string(code) + "\"") != std::string::npos;
}

}  // namespace

TEST_CASE("json: fields of every kind, needed and not", "[http][json]") {
  const made from(R"({"t":"x","i":-3,"n":2.5,"b":true,"z":null})");
  http::json_body in(from.head);
  CHECK(in.text("t") == "x");
  CHECK(in.integer("i", -3, -3) == -3);
  CHECK(in.number("n", 0, 3) == 2.5);
  CHECK(in.boolean("b"));
  CHECK(in.text("z", "otherwise") == "otherwise");
  CHECK(in.text("missing", "m") == "m");
  CHECK(in.integer("missing", 0, 9, 7) == 7);
  CHECK(in.boolean("missing", true));
  CHECK(in.complete());
}

TEST_CASE("json: what was wrong first is what is answered", "[http][json]") {
  const made from(R"({"i":"no","other":1})");
  http::json_body in(from.head);
  CHECK(in.integer("i", 1, 5) == 1);
  CHECK(in.text("never") == "");
  in.refuse("taken", "i");
  CHECK(says(in, "wrong_type", "i"));
  CHECK(in.problem().status() == 400);
}

TEST_CASE("json: the application's own finding is a typed problem too", "[http][json]") {
  const made from(R"({"name":"taken"})");
  http::json_body in(from.head);
  CHECK(in.text("name") == "taken");
  in.refuse("name_taken", "name");
  CHECK(says(in, "name_taken", "name"));
}

TEST_CASE("json: numbers keep their range and their kind", "[http][json]") {
  const auto integer = [](std::string_view value, std::string_view code) {
    const made from("{\"i\":" + std::string(value) + "}");
    http::json_body in(from.head);
    in.integer("i", INT64_MIN, INT64_MAX);
    return code.empty() ? in.complete() : says(in, code);
  };
  CHECK(integer("9223372036854775807", ""));
  CHECK(integer("-9223372036854775808", ""));
  CHECK(integer("9223372036854775808", "out_of_range"));
  CHECK(integer("99999999999999999999", "bad_json"));
  CHECK(integer("1.0", "wrong_type"));
  CHECK(integer("\"1\"", "wrong_type"));
  CHECK(integer("true", "wrong_type"));
  CHECK(integer("01", "bad_json"));
  CHECK(integer("NaN", "bad_json"));
  const made from(R"({"n":1e400})");
  http::json_body in(from.head);
  CHECK(says(in, "bad_json"));
}

TEST_CASE("json: at the depth and the number of fields it is read, one past it is not",
          "[http][json]") {
  http::json_limits bounds;
  bounds.depth_max = 3;
  bounds.fields_max = 3;
  const auto fits = [&bounds](std::string_view text) {
    const made from(text);
    http::json_body in(from.head, bounds);
    in.text("a", "");
    in.complete();
    const std::string body = in.complete() ? "" : std::string(in.problem().body());
    return body.find("json_too_deep") == std::string::npos &&
           body.find("too_many_fields") == std::string::npos;
  };
  CHECK(fits(R"({"a":[[]]})"));
  CHECK_FALSE(fits(R"({"a":[[[]]]})"));
  CHECK(fits(R"({"a":{"b":1,"c":2}})"));
  CHECK_FALSE(fits(R"({"a":{"b":1,"c":2,"d":3}})"));
}

TEST_CASE("json: a name in a problem is escaped, and cut between characters", "[http][json]") {
  const made quoted(R"({"a\"\n<":1})");
  http::json_body in(quoted.head);
  CHECK(problem_of(in).find(R"("field":"a\"\u000a<")") != std::string::npos);
  std::string name;
  for (int i = 0; i < 100; ++i) name += "\xe2\x82\xac";
  const made lengthy("{\"" + name + "\":1}");
  http::json_body second(lengthy.head);
  CHECK(problem_of(second).find("\"field\":\"" + name.substr(0, 63) + "\"") != std::string::npos);
}

TEST_CASE("json: a body that was read in pieces, and one at the end of its memory",
          "[http][json]") {
  const made from("");
  const std::string body = R"({"a":1})";
  // Exactly as long as it is: a parser that looks behind it would be seen by a sanitizer.
  const std::vector<char> exact(body.begin(), body.end());
  http::json_body in(from.head, std::string_view(exact.data(), exact.size()));
  CHECK(in.integer("a", 0, 1) == 1);
  CHECK(in.complete());
}
