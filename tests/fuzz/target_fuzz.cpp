// fuzz/target_fuzz.cpp - any bytes as a request-target.
//
// Properties: an accepted path is canonical and, escaped again, decodes to itself; an accepted
// authority is one; scratch of the raw length is enough; the head parser agrees.
#include <array>
#include <cstdint>
#include <string>

#include <weir/http/target.hpp>
#include <weir/platform/assert.hpp>

#include "http/outcome.hpp"

namespace http = weir::http;
using namespace weir::http::test;

namespace {

// Escapes every byte but '/', so that no two spellings are mixed up.
std::string escaped(std::string_view path) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '/') {
      out += c;
    } else {
      out += {'%', hex[byte >> 4], hex[byte & 15]};
    }
  }
  return out;
}

void check_path(std::string_view path) {
  WEIR_ASSERT(path.substr(0, 1) == "/");
  WEIR_ASSERT(path.find('\0') == std::string_view::npos);
  const std::string closed = std::string(path) + "/";
  WEIR_ASSERT(closed.find("/./") == std::string::npos);
  WEIR_ASSERT(closed.find("/../") == std::string::npos);
  const std::string again = escaped(path);
  std::string scratch(again.size(), '\0');
  const auto canonical = http::canonical_path(again, scratch);
  WEIR_ASSERT(canonical.has_value());
  WEIR_ASSERT(*canonical == path);
}

void check(http::method verb, std::string_view text, bool secure) {
  const exact_copy raw(text);
  const auto scratch = std::make_unique<char[]>(text.size());
  http::target_parts parts;
  const http::refusal why =
      http::parse_target(verb, raw.view(), secure, {scratch.get(), text.size()}, parts);
  if (!why) {
    WEIR_ASSERT((parts.form == http::target_form::authority) == (verb == http::method::connect));
    if (parts.form == http::target_form::authority) {
      WEIR_ASSERT(parts.path.empty());
    } else if (parts.form == http::target_form::asterisk) {
      WEIR_ASSERT(verb == http::method::options);
    } else {
      check_path(parts.path);
    }
    if (!parts.authority.empty()) WEIR_ASSERT(http::is_authority(parts.authority));
    WEIR_ASSERT(parts.authority.find('@') == std::string_view::npos);
    if (!parts.has_query) WEIR_ASSERT(parts.query.empty());
  }
  const bool one_token = text.find_first_of(" \r\n") == std::string_view::npos;
  if (!one_token || text.size() > 4'096) return;
  const std::string head =
      std::string(to_string(verb)) + " " + std::string(text) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  const head_run run = run_head(head, {}, {}, secure);
  const std::string_view expected = why                             ? why.code()
                                    : verb == http::method::connect ? "method_not_implemented"
                                                                    : "";
  WEIR_ASSERT(run.why.code() == expected);
}

void check_query(std::string_view text) {
  std::array<http::query_pair, 4> few{};
  std::array<http::query_pair, 64> many{};
  const auto some = http::split_query(text, few);
  const auto all = http::split_query(text, many);
  if (!all.overflow) WEIR_ASSERT(some.overflow == (all.pairs.size() > few.size()));
  for (std::size_t i = 0; i < some.pairs.size(); ++i) {
    WEIR_ASSERT(some.pairs[i].name == all.pairs[i].name);
    WEIR_ASSERT(http::query_value(text, some.pairs[i].name).has_value());
  }
  const auto out = std::make_unique<char[]>(text.size());
  for (const bool plus : {false, true}) {
    const auto decoded = http::percent_decode(text, {out.get(), text.size()}, plus);
    if (decoded) WEIR_ASSERT(decoded->size() <= text.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const http::method verb :
       {http::method::get, http::method::options, http::method::connect}) {
    check(verb, text, false);
    check(verb, text, true);
  }
  check_query(text);
  return 0;
}
