// Every field of the limits can be set by its flag, and says by name what it does not take.
#include <catch_amalgamated.hpp>

#include "limit_flags.hpp"

using namespace weir;
using namespace weir::apps;
using http::limit_field;
using http::limit_fields;
using http::limits;

TEST_CASE("limit flags: names have dashes", "[apps]") {
  CHECK(flag_of("requests_per_connection_max") == "requests-per-connection-max");
}

TEST_CASE("limit flags: the printed default of every field sets that default", "[apps]") {
  for (const limit_field& field : limit_fields) {
    CAPTURE(field.name);
    limits changed;
    if (field.duration != nullptr) changed.*field.duration = 7;
    if (field.bytes != nullptr) changed.*field.bytes = 7;
    if (field.count != nullptr) changed.*field.count = 7;
    CHECK(set_limit(changed, field, limit_text(limits(), field)).empty());
    CHECK(changed == limits());
    CHECK_FALSE(value_name(field).empty());
  }
}

TEST_CASE("limit flags: what a field does not take leaves it as it was", "[apps]") {
  for (const limit_field& field : limit_fields) {
    CAPTURE(field.name);
    limits kept;
    for (std::string_view text : {"", "-1", "unlimited", "1x", "99999999999999999999999"}) {
      CHECK_FALSE(set_limit(kept, field, text).empty());
    }
    const std::string_view zero = field.duration != nullptr ? "0s" : "0";
    CHECK(set_limit(kept, field, zero).empty() == field.zero_ok);
    if (!field.zero_ok) CHECK(kept == limits());
  }
}

TEST_CASE("limit flags: unbounded is written out, and only where a field allows it", "[apps]") {
  for (const limit_field& field : limit_fields) {
    CAPTURE(field.name);
    limits open;
    CHECK(set_limit(open, field, "unbounded").empty() == field.unbounded_ok);
    CHECK((limit_text(open, field) == "unbounded") == field.unbounded_ok);
  }
}

TEST_CASE("limit flags: limits that contradict each other are told by flag", "[apps]") {
  CHECK(limits_problem(limits()).empty());
  limits bounds;
  bounds.target_bytes_max = bounds.head_bytes_max + 1;
  CHECK_THAT(limits_problem(bounds), Catch::Matchers::StartsWith("--target-bytes-max 32769B: ") &&
                                         Catch::Matchers::ContainsSubstring("--head-bytes-max"));
  limits large;
  large.accept_backlog = 70'000;
  CHECK_THAT(limits_problem(large), Catch::Matchers::StartsWith("--accept-backlog 70000: "));
}
