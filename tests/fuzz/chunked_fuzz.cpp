// fuzz/chunked_fuzz.cpp - any bytes as a chunked body.
//
// Properties: every split gives one answer and the same data; what follows a decision cannot
// change it; limits hold; the decoded body, encoded by us, decodes to itself.
#include <array>
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

http::limits small_limits() {
  http::limits bounds;
  bounds.body_bytes_max = 64;
  bounds.chunk_line_bytes_max = 16;
  bounds.chunk_extension_bytes_max = 24;
  bounds.trailer_bytes_max = 48;
  bounds.trailer_fields_max = 3;
  return bounds;
}

void check_encoded(std::string_view text, const std::string& data, const http::limits& bounds,
                   weir::fuzz::dice& random) {
  http::chunked_decoder decoder(bounds);
  std::string_view rest = text;
  while (decoder.body_bytes() < data.size() || !rest.empty()) {
    const auto piece = decoder.decode(rest);
    rest.remove_prefix(piece.consumed);
    if (piece.step != parse_step::more) break;
  }
  std::string encoded;
  std::array<char, http::chunk_head_bytes_max> line{};
  for (std::size_t at = 0; at < data.size();) {
    const std::size_t size = 1 + random.roll(data.size() - at);
    encoded += http::write_chunk_head(size, line);
    encoded.append(data, at, size);
    encoded += http::chunk_end;
    at += size;
  }
  std::vector<char> end(2 * text.size() + 64);
  const auto written = http::write_chunked_end(decoder.trailers(), end);
  WEIR_ASSERT(written.has_value());
  encoded += *written;
  // Ours may take more bytes for the trailers ("a:b" becomes "a: b").
  http::limits wide = bounds;
  wide.trailer_bytes_max *= 2;
  const body_run again = run_chunked(encoded, {}, wide);
  WEIR_ASSERT(again.step == parse_step::done);
  WEIR_ASSERT(again.data == data);
  WEIR_ASSERT(again.consumed == encoded.size());
}

void check(std::string_view text, const http::limits& bounds) {
  weir::fuzz::dice random(text);
  const body_run whole = run_chunked(text, {}, bounds);
  WEIR_ASSERT(whole.consumed <= text.size());
  WEIR_ASSERT(whole.data.size() <= bounds.body_bytes_max);
  if (whole.step == parse_step::more) WEIR_ASSERT(whole.consumed == text.size());
  if (text.size() <= 4'096) {
    const body_run dripped = run_chunked(text, every_byte(text.size()), bounds);
    WEIR_ASSERT(dripped.text == whole.text);
    WEIR_ASSERT(dripped.data == whole.data);
  }
  for (const std::size_t count : {1u, 2u, 7u}) {
    const auto cuts = weir::fuzz::random_cuts(random, text.size(), count);
    const body_run split = run_chunked(text, cuts, bounds);
    WEIR_ASSERT(split.text == whole.text);
    WEIR_ASSERT(split.data == whole.data);
  }
  if (whole.step == parse_step::more) return;
  for (const std::string_view more : {"\r\n", "0\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"}) {
    const body_run longer = run_chunked(std::string(text) + std::string(more), {}, bounds);
    WEIR_ASSERT(longer.text == whole.text);
    WEIR_ASSERT(longer.data == whole.data);
  }
  if (whole.step == parse_step::done) check_encoded(text, whole.data, bounds, random);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(text, {});
  check(text, small_limits());
  return 0;
}
