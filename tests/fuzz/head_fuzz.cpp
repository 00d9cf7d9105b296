// fuzz/head_fuzz.cpp - any bytes as a request head.
//
// Properties: every split gives one answer; what follows a decision cannot change it; cost is
// linear; an accepted head has one framing, a canonical path and clean fields; written down again
// it is read as the same request; a copy of it is equal.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <weir/platform/assert.hpp>

#include "cuts.hpp"
#include "http/outcome.hpp"

namespace http = weir::http;
using http::parse_step;
using namespace weir::http::test;

namespace {

// Small enough that a fuzzer finds every limit.
http::limits small_limits() {
  http::limits bounds;
  bounds.head_bytes_max = 512;
  bounds.target_bytes_max = 64;
  bounds.header_fields_max = 8;
  bounds.body_bytes_max = 1'000;
  return bounds;
}

void check_fields(const http::request& head) {
  int lengths = 0;
  int codings = 0;
  for (const http::header_field& field : head.fields) {
    WEIR_ASSERT(http::is_token(field.name));
    WEIR_ASSERT(http::is_field_value(field.value));
    WEIR_ASSERT(http::trim_ows(field.value) == field.value);
    lengths += http::iequals(field.name, "content-length");
    codings += http::iequals(field.name, "transfer-encoding");
  }
  WEIR_ASSERT(lengths + codings <= 1);
  const int wanted = head.framing.kind == http::body_kind::none ? 0 : 1;
  WEIR_ASSERT(lengths + codings == wanted);
  if (codings == 1) WEIR_ASSERT(http::iequals(*head.find("transfer-encoding"), "chunked"));
  if (lengths == 1) {
    WEIR_ASSERT(*head.find("content-length") == std::to_string(head.framing.length));
  }
}

void check_path(const http::request& head) {
  if (head.form == http::target_form::asterisk) return;
  WEIR_ASSERT(head.path.substr(0, 1) == "/");
  WEIR_ASSERT(head.path.find('\0') == std::string_view::npos);
  const std::string closed = std::string(head.path) + "/";
  WEIR_ASSERT(closed.find("/./") == std::string::npos);
  WEIR_ASSERT(closed.find("/../") == std::string::npos);
}

std::string written(const http::request& head) {
  std::string out(to_string(head.verb));
  out.append(" ").append(head.target);
  out.append(head.version_minor == 0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
  for (const http::header_field& field : head.fields) {
    out.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  return out + "\r\n";
}

void check_accepted(std::string_view text, const http::limits& bounds) {
  http::head_storage storage(bounds);
  http::head_parser parser(http::head_rules(bounds, false));
  http::request head;
  WEIR_ASSERT(parser.parse(text, storage, head) == parse_step::done);
  check_fields(head);
  check_path(head);
  const std::string before = describe(head);
  std::vector<std::max_align_t> arena(http::copy_request_bytes(head) / sizeof(std::max_align_t) +
                                      1);
  const auto memory = std::as_writable_bytes(std::span(arena));
  WEIR_ASSERT(describe(http::copy_request(head, memory)) == before);

  // Written again it may be longer (white space): read it under wider limits.
  http::limits wide = bounds;
  wide.head_bytes_max *= 4;
  const std::string again = written(head);
  http::head_storage storage_again(wide);
  http::head_parser parser_again(http::head_rules(wide, false));
  http::request head_again;
  WEIR_ASSERT(parser_again.parse(again, storage_again, head_again) == parse_step::done);
  WEIR_ASSERT(parser_again.consumed() == again.size());
  WEIR_ASSERT(describe(head_again) == before);
}

void check(std::string_view text, const http::limits& bounds) {
  weir::fuzz::dice random(text);
  const head_run whole = run_head(text, {}, bounds);
  WEIR_ASSERT(whole.examined <= text.size());
  if (text.size() <= 1'024) {
    const head_run dripped = run_head(text, every_byte(text.size()), bounds);
    WEIR_ASSERT(dripped.text == whole.text);
    WEIR_ASSERT(dripped.examined <= 2 * text.size());
  }
  for (const std::size_t count : {1u, 2u, 7u}) {
    const auto cuts = weir::fuzz::random_cuts(random, text.size(), count);
    const head_run split = run_head(text, cuts, bounds);
    WEIR_ASSERT(split.text == whole.text);
    WEIR_ASSERT(split.examined <= 2 * text.size());
  }
  if (whole.step == parse_step::more) {
    WEIR_ASSERT(text.size() <= bounds.head_bytes_max + 8);
    return;
  }
  for (const std::string_view more : {"\r\n", " ", "GET / HTTP/1.1\r\n\r\n"}) {
    WEIR_ASSERT(run_head(std::string(text) + std::string(more), {}, bounds).text == whole.text);
  }
  if (whole.step == parse_step::done) check_accepted(text, bounds);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(text, {});
  check(text, small_limits());
  return 0;
}
