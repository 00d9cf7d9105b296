// http/json_body.hpp - a request's body as one JSON object, field by field (RFC 8259). WEIR_JSON.
//
// A handler asks for the fields it knows and looks once, at the end, whether all was well:
//
//   json_body in(request);
//   const std::string_view name = in.text("name");
//   const std::int64_t copies = in.integer("copies", 1, 100);
//   const bool loud = in.boolean("loud", false);        // a default makes a field optional
//   if (!in.complete()) return in.problem();
//
// The first thing that was wrong is remembered, and what is asked for after it is the default or
// nothing: no check in between can be forgotten. complete() also refuses fields nobody asked for:
// a misspelt option is an error, not silence.
//
// Answers: 415 for another media type; 400 for a body that is empty, no JSON, not UTF-8 (lone
// surrogates included), nested deeper than `depth_max`, not an object, or with a name twice at any
// depth; 400 with `details.field` for a field that is missing, unknown, of another type or out of
// range. A maintainer must not break: parsing does not recurse by the peer's leave, and the only
// bytes of the request that a problem repeats are the name of a field, escaped and cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <weir/http/request.hpp>
#include <weir/http/response.hpp>
#include <weir/platform/export.hpp>

namespace weir::http {

struct json_limits {
  std::uint32_t depth_max = 32;    // of arrays and objects in each other, the body itself being one
  std::uint32_t fields_max = 256;  // names of all its objects together
};

// Lives within the handler. Views of text live as long as the object. Not thread-safe.
class WEIR_EXPORT json_body {
 public:
  // Parses `from.body`, which has to be whole: that of a plain or blocking handler.
  explicit json_body(const request& from, const json_limits& bounds = {});
  // A body that was read some other way, as by exchange::read_all().
  json_body(const request& from, std::string_view body, const json_limits& bounds = {});
  json_body(const json_body&) = delete;
  json_body& operator=(const json_body&) = delete;
  ~json_body();

  // Fields that have to be there. Bounds are inclusive; of text in bytes of UTF-8.
  std::string_view text(std::string_view name, std::size_t bytes_max = 4'096);
  std::int64_t integer(std::string_view name, std::int64_t min, std::int64_t max);
  double number(std::string_view name, double min, double max);
  bool boolean(std::string_view name);
  // Fields that may be missing or null: then the default is what was sent.
  std::string_view text(std::string_view name, std::string_view otherwise,
                        std::size_t bytes_max = 4'096);
  std::int64_t integer(std::string_view name, std::int64_t min, std::int64_t max,
                       std::int64_t otherwise);
  bool boolean(std::string_view name, bool otherwise);

  // Whether it was one object, every field that was asked for was good, and no other is there.
  bool complete();
  // The answer to what was wrong first; for what the application finds wrong itself, see refuse().
  response problem() const;
  // Says that a field is wrong for the application: 400 with `details.field`, unless something was
  // wrong before. `code` is a literal.
  void refuse(const char* code, std::string_view name);

 private:
  struct impl;
  void parse(const request& from, std::string_view body, const json_limits& bounds);
  std::unique_ptr<impl> impl_;
};

}  // namespace weir::http
