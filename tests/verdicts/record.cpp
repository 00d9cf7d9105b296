// verdicts/record.cpp - what llhttp, http_parser and picohttpparser say of the shared inputs.
//
// Not part of any build: see README.md of this folder. Prints verdicts.txt.
//
// A verdict is one word: `more`, `accept@N` with the length of the head or body that ends there, or
// `reject@N` where the parser stopped. For a head the framing follows: `accept@N:none`,
// `:length=5`,
// `:chunked`; for a body the number of its bytes. picohttpparser knows no framing.
#include <algorithm>
#include <array>
#include <cstdio>

#include "llhttp.h"
// http_parser and llhttp name their enumerators alike.
#define HTTP_PARSER_STRICT 1
namespace old {
extern "C" {
#undef HTTP_METHOD_MAP
#undef HTTP_STATUS_MAP
#undef HTTP_ERRNO_MAP
#include "http_parser.h"
}
}  // namespace old
extern "C" {
#include "picohttpparser.h"
}

#include "verdicts/inputs.hpp"

namespace {

using weir::verdicts::input;
using weir::verdicts::input_kind;

constexpr std::string_view chunked_head =
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string at(const char* verdict, std::size_t position) {
  return std::string(verdict) + "@" + std::to_string(position);
}

std::string framing(bool chunked, bool has_length, std::uint64_t length) {
  if (chunked) return ":chunked";
  return has_length ? ":length=" + std::to_string(length) : ":none";
}

std::size_t body_bytes = 0;

// ---- llhttp, which stops where a callback pauses it

std::string llhttp_head(std::string_view text) {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_headers_complete = [](llhttp_t*) -> int { return HPE_PAUSED; };
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, &settings);
  const llhttp_errno_t why = llhttp_execute(&parser, text.data(), text.size());
  if (why == HPE_OK) return "more";
  const auto position = static_cast<std::size_t>(llhttp_get_error_pos(&parser) - text.data());
  if (why != HPE_PAUSED) return at("reject", position);
  return at("accept", position) + framing((parser.flags & F_CHUNKED) != 0,
                                          (parser.flags & F_CONTENT_LENGTH) != 0,
                                          parser.content_length);
}

std::string llhttp_chunked(std::string_view body) {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_body = [](llhttp_t*, const char*, std::size_t size) -> int {
    body_bytes += size;
    return 0;
  };
  settings.on_message_complete = [](llhttp_t*) -> int { return HPE_PAUSED; };
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, &settings);
  const std::string text = std::string(chunked_head) + std::string(body);
  body_bytes = 0;
  const llhttp_errno_t why = llhttp_execute(&parser, text.data(), text.size());
  if (why == HPE_OK) return "more";
  const auto position =
      static_cast<std::size_t>(llhttp_get_error_pos(&parser) - text.data()) - chunked_head.size();
  if (why != HPE_PAUSED) return at("reject", position);
  return at("accept", position) + ":" + std::to_string(body_bytes);
}

// ---- http_parser, its ancestor

std::string old_head(std::string_view text) {
  old::http_parser_settings settings;
  old::http_parser_settings_init(&settings);
  settings.on_headers_complete = [](old::http_parser* p) -> int {
    old::http_parser_pause(p, 1);
    return 0;
  };
  old::http_parser parser;
  old::http_parser_init(&parser, old::HTTP_REQUEST);
  const std::size_t position =
      old::http_parser_execute(&parser, &settings, text.data(), text.size());
  if (parser.http_errno == old::HPE_OK) return "more";
  if (parser.http_errno != old::HPE_PAUSED) return at("reject", position);
  return at("accept", position + 1) + framing((parser.flags & old::F_CHUNKED) != 0,
                                              (parser.flags & old::F_CONTENTLENGTH) != 0,
                                              parser.content_length);
}

std::string old_chunked(std::string_view body) {
  old::http_parser_settings settings;
  old::http_parser_settings_init(&settings);
  settings.on_body = [](old::http_parser*, const char*, std::size_t size) -> int {
    body_bytes += size;
    return 0;
  };
  settings.on_message_complete = [](old::http_parser* p) -> int {
    old::http_parser_pause(p, 1);
    return 0;
  };
  old::http_parser parser;
  old::http_parser_init(&parser, old::HTTP_REQUEST);
  const std::string text = std::string(chunked_head) + std::string(body);
  body_bytes = 0;
  const std::size_t position =
      old::http_parser_execute(&parser, &settings, text.data(), text.size()) - chunked_head.size();
  if (parser.http_errno == old::HPE_OK) return "more";
  if (parser.http_errno != old::HPE_PAUSED) return at("reject", position);
  return at("accept", position) + ":" + std::to_string(body_bytes);
}

// ---- picohttpparser, which does not say where it stopped

std::string pico_head(std::string_view text) {
  const char* method = nullptr;
  const char* path = nullptr;
  std::size_t method_size = 0;
  std::size_t path_size = 0;
  int minor = 0;
  std::array<phr_header, 1'024> fields;
  std::size_t fields_used = fields.size();
  const int said = phr_parse_request(text.data(), text.size(), &method, &method_size, &path,
                                     &path_size, &minor, fields.data(), &fields_used, 0);
  if (said == -2) return "more";
  return said < 0 ? "reject" : at("accept", static_cast<std::size_t>(said));
}

std::string pico_chunked(std::string_view body) {
  phr_chunked_decoder decoder{};
  decoder.consume_trailer = 1;
  std::string text(body);
  std::size_t size = text.size();
  const ssize_t said = phr_decode_chunked(&decoder, text.data(), &size);
  if (said == -2) return "more";
  if (said < 0) return "reject";
  return at("accept", body.size() - static_cast<std::size_t>(said)) + ":" + std::to_string(size);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: record CORPORA VERSIONS >verdicts.txt\n");
    return 2;
  }
  std::vector<input> inputs = weir::verdicts::all_inputs(argv[1]);
  std::sort(inputs.begin(), inputs.end(),
            [](const input& a, const input& b) { return a.name < b.name; });
  std::printf("# %s\n# input, sum of its bytes, llhttp, http_parser, picohttpparser\n", argv[2]);
  for (const input& one : inputs) {
    const bool head = one.kind == input_kind::head;
    std::printf("%s\t%016llx\t%s\t%s\t%s\n", one.name.c_str(),
                static_cast<unsigned long long>(one.sum()),
                (head ? llhttp_head : llhttp_chunked)(one.bytes).c_str(),
                (head ? old_head : old_chunked)(one.bytes).c_str(),
                (head ? pico_head : pico_chunked)(one.bytes).c_str());
  }
}
