// apps/limit_flags.hpp - the fields of http::limits as flags: names, defaults, and strict values.
//
// Everything is made from http::limit_fields: a new limit is a flag without a change here.
#pragma once

#include <string>
#include <string_view>

#include <weir/http/limits.hpp>

namespace weir::apps {

// "head_bytes_max" -> "head-bytes-max".
std::string flag_of(std::string_view field_name);

// What stands behind the flag in help: "DURATION", "SIZE", "RATE" or "N".
std::string_view value_name(const http::limit_field& field) noexcept;

// The value of a field as it would be typed: "10s", "32KiB", "100", "unbounded".
std::string limit_text(const http::limits& from, const http::limit_field& field);

// Sets one field from what was typed: a value with its unit, or `unbounded` where the field allows
// it. Returns "", or what is wrong, for a person; nothing is changed then.
std::string set_limit(http::limits& into, const http::limit_field& field, std::string_view text);

// What is wrong with the limits together, for a person; "" when nothing is.
std::string limits_problem(const http::limits& bounds);

}  // namespace weir::apps
