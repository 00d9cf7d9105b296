// apps/limit_flags.cpp - see the header.
#include "limit_flags.hpp"

#include <algorithm>

#include "units.hpp"

namespace weir::apps {

using http::limit_field;
using http::limit_kind;
using http::limits;

std::string flag_of(std::string_view field_name) {
  std::string flag(field_name);
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

std::string_view value_name(const limit_field& field) noexcept {
  switch (field.kind) {
    case limit_kind::duration: return "DURATION";
    case limit_kind::bytes: return "SIZE";
    case limit_kind::rate: return "RATE";
    case limit_kind::count: return "N";
  }
  return "";
}

std::string limit_text(const limits& from, const limit_field& field) {
  constexpr const char* none = "unbounded";
  if (field.duration != nullptr) {
    const time_ns value = from.*field.duration;
    return value == time_ns{limits::unbounded} ? none : format_duration(value);
  }
  if (field.bytes != nullptr) {
    const std::uint64_t value = from.*field.bytes;
    if (value == std::uint64_t{limits::unbounded}) return none;
    return format_bytes(value) + (field.kind == limit_kind::rate ? "/s" : "");
  }
  const std::uint32_t value = from.*field.count;
  return value == std::uint32_t{limits::unbounded} ? none : std::to_string(value);
}

namespace {

// One of the three kinds of number: reads it, or says in `wrong` why not.
template <class Number>
void assign(Number& field, const result<Number>& read, bool zero_ok, std::string& wrong) {
  if (!read.ok()) {
    wrong = read.why().where;
  } else if (read.value() == 0 && !zero_ok) {
    wrong = "zero is not a limit; to switch it off, where that can be, write unbounded";
  } else {
    field = read.value();
  }
}

}  // namespace

std::string set_limit(limits& into, const limit_field& field, std::string_view text) {
  std::string wrong;
  if (text == "unbounded") {
    if (!field.unbounded_ok) return "this limit cannot be switched off";
    if (field.duration != nullptr) into.*field.duration = limits::unbounded;
    if (field.bytes != nullptr) into.*field.bytes = limits::unbounded;
    if (field.count != nullptr) into.*field.count = limits::unbounded;
  } else if (field.duration != nullptr) {
    assign(into.*field.duration, parse_duration(text), field.zero_ok, wrong);
  } else if (field.bytes != nullptr) {
    const bool rate = field.kind == limit_kind::rate;
    assign(into.*field.bytes, rate ? parse_rate(text) : parse_bytes(text), field.zero_ok, wrong);
  } else {
    assign(into.*field.count, parse_count(text), field.zero_ok, wrong);
  }
  return wrong;
}

std::string limits_problem(const limits& bounds) {
  const error why = bounds.validate();
  if (!why) return {};
  const std::string_view name = why.where;
  std::string told = "--" + flag_of(name);
  for (const limit_field& field : http::limit_fields) {
    if (field.name == name) told += " " + limit_text(bounds, field);
  }
  if (name == "target_bytes_max") {
    return told + ": a target is a part of its head; at most --head-bytes-max";
  }
  return told + ": more than the server can hold; choose a smaller value";
}

}  // namespace weir::apps
