// http/chunked.hpp - chunked bodies in one piece, in every split, and the attacks on them.
#include <array>

#include <catch_amalgamated.hpp>

#include "chunked_vectors.hpp"
#include "outcome.hpp"

namespace http = weir::http;
using namespace weir::http::test;
using http::limits;
using http::parse_step;
using namespace std::string_literals;

TEST_CASE("chunked: every vector gets its one answer", "[http][chunked]") {
  for (const chunk_vector& vector : chunk_vectors()) {
    INFO(vector.name);
    const body_run run = run_chunked(vector.bytes, {});
    CHECK(run.step == (vector.code.empty() ? parse_step::done : parse_step::refused));
    CHECK(std::string(run.why.code()) == vector.code);
    CHECK(run.data == vector.data);
    if (vector.code.empty()) {
      CHECK(run.consumed == vector.bytes.size());
      // What follows belongs to the next request.
      const body_run followed = run_chunked(vector.bytes + "GET / HTTP/1.1\r\n", {});
      CHECK(followed.text == run.text);
      CHECK(followed.consumed == vector.bytes.size());
    }
  }
}

TEST_CASE("chunked: every split of every vector gets the same answer", "[http][chunked]") {
  for (const chunk_vector& vector : chunk_vectors()) {
    const body_run whole = run_chunked(vector.bytes, {});
    const body_run dripped = run_chunked(vector.bytes, every_byte(vector.bytes.size()));
    INFO(vector.name);
    CHECK(dripped.text == whole.text);
    CHECK(dripped.data == whole.data);
    const std::size_t step = vector.bytes.size() > 1'000 ? 257 : 1;
    std::size_t first_difference = std::string::npos;
    for (std::size_t cut = 0; cut <= vector.bytes.size(); cut += step) {
      const std::size_t cuts[] = {cut};
      const body_run split = run_chunked(vector.bytes, cuts);
      if (split.text == whole.text && split.data == whole.data) continue;
      first_difference = cut;
      break;
    }
    CHECK(first_difference == std::string::npos);
  }
}

TEST_CASE("chunked: trailers are trimmed and kept apart", "[http][chunked]") {
  CHECK(run_chunked("0\r\nX-Sum:  1 \r\nY: \r\n\r\nGET", {}).text ==
        "done X-Sum=[1] Y=[] consumed=22");
}

TEST_CASE("chunked: at each limit it is accepted, one past it is refused", "[http][chunked]") {
  limits bounds;
  bounds.body_bytes_max = 10;
  bounds.chunk_line_bytes_max = 8;
  bounds.chunk_extension_bytes_max = 12;
  bounds.trailer_bytes_max = 12;
  bounds.trailer_fields_max = 2;
  const auto code = [&bounds](std::string_view bytes) {
    return std::string(run_chunked(bytes, {}, bounds).why.code());
  };
  CHECK(code("A\r\n0123456789\r\n0\r\n\r\n").empty());
  CHECK(code("5\r\n01234\r\n5\r\n01234\r\n0\r\n\r\n").empty());
  CHECK(code("B\r\n") == "body_too_large");
  CHECK(code("5\r\n01234\r\n6\r\n") == "body_too_large");
  CHECK(code("4\r\n0123\r\n4\r\n0123\r\n3\r\n") == "body_too_large");
  CHECK(code("1;aaaaaa\r\n").empty());
  CHECK(code("1;aaaaaaa\r\n") == "chunk_line_too_long");
  CHECK(code("00000001\r\n").empty());
  CHECK(code("000000001\r\n") == "chunk_line_too_long");
  // Six bytes of extensions a chunk: the third chunk is one too many.
  CHECK(code("1;aaaaa\r\nx\r\n1;aaaaa\r\nx\r\n").empty());
  CHECK(code("1;aaaaa\r\nx\r\n1;aaaaa\r\nx\r\n1;a\r\n") == "chunk_extensions_too_large");
  CHECK(code("0\r\nA: bcdef\r\n\r\n").empty());
  CHECK(code("0\r\nA: bcdefg\r\n\r\n") == "trailers_too_large");
  CHECK(code("0\r\nA:\r\nB:\r\n\r\n").empty());
  bounds.trailer_bytes_max = 100;
  CHECK(code("0\r\nA:\r\nB:\r\nC:\r\n\r\n") == "too_many_trailers");
}

TEST_CASE("chunked: without a limit the largest size is still no overflow", "[http][chunked]") {
  limits bounds;
  bounds.body_bytes_max = limits::unbounded;
  CHECK(run_chunked("FFFFFFFFFFFFFFFF\r\nx", {}, bounds).step == parse_step::more);
  CHECK(run_chunked("10000000000000000\r\nx", {}, bounds).why.code() == "bad_chunk_size");
  CHECK(run_chunked("1\r\na\r\nFFFFFFFFFFFFFFFF\r\n", {}, bounds).why.code() == "body_too_large");
}

TEST_CASE("chunked: a decoder that was reset knows nothing of the last body", "[http][chunked]") {
  http::chunked_decoder decoder{limits{}};
  CHECK(decoder.decode("0\r\nA: b\r\n\r\n").step == parse_step::done);
  CHECK(decoder.trailers().size() == 1);
  decoder.reset();
  CHECK(decoder.trailers().empty());
  const auto piece = decoder.decode("3\r\nabc\r\n0\r\n\r\n");
  CHECK(piece.data == "abc");
  CHECK(piece.consumed == 6);
  CHECK(decoder.decode("\r\n0\r\n\r\n").step == parse_step::done);
  CHECK(decoder.body_bytes() == 3);
}

TEST_CASE("chunked: what we write is what we read", "[http][chunked]") {
  std::array<char, http::chunk_head_bytes_max> line{};
  CHECK(http::write_chunk_head(1, line) == "1\r\n");
  CHECK(http::write_chunk_head(0xabc, line) == "abc\r\n");
  CHECK(http::write_chunk_head(~std::uint64_t{0}, line) == "ffffffffffffffff\r\n");
  std::string body;
  for (const std::size_t size : {1u, 15u, 16u, 255u, 4'096u}) {
    body += http::write_chunk_head(size, line);
    body += std::string(size, 'd');
    body += http::chunk_end;
  }
  std::array<char, 64> end{};
  const http::header_field trailers[] = {{"X-Sum", "1"}};
  const auto written = http::write_chunked_end(trailers, end);
  REQUIRE(written);
  CHECK(*written == "0\r\nX-Sum: 1\r\n\r\n");
  body += *written;
  const body_run run = run_chunked(body, {});
  CHECK(run.data == std::string(1 + 15 + 16 + 255 + 4'096, 'd'));
  CHECK(run.text == "done X-Sum=[1] consumed=" + std::to_string(body.size()));
}

TEST_CASE("chunked: trailers that would split the response are not written", "[http][chunked]") {
  std::array<char, 64> out{};
  const auto writes = [&out](std::string_view name, std::string_view value) {
    const http::header_field trailers[] = {{name, value}};
    return http::write_chunked_end(trailers, out).has_value();
  };
  CHECK(writes("A", "b"));
  CHECK_FALSE(writes("A", "b\r\nC: d"));
  CHECK_FALSE(writes("A", "b\0"s));
  CHECK_FALSE(writes("A b", "c"));
  CHECK_FALSE(writes("", "c"));
  CHECK_FALSE(writes("Set-Cookie", "c"));
  CHECK_FALSE(writes("A", std::string(60, 'x')));
  // Too little room, wherever it ends.
  const http::header_field trailers[] = {{"Name", "value"}};
  for (std::size_t room = 0; room < 18; ++room) {
    CHECK_FALSE(http::write_chunked_end(trailers, std::span(out).first(room)));
  }
  CHECK(http::write_chunked_end(trailers, std::span(out).first(18)) == "0\r\nName: value\r\n\r\n");
}

TEST_CASE("chunked: after a refusal nothing is read", "[http][chunked]") {
  http::chunked_decoder decoder{limits()};
  REQUIRE(decoder.decode("x").step == parse_step::refused);
  const auto again = decoder.decode("5\r\nhello\r\n0\r\n\r\n");
  CHECK(again.step == parse_step::refused);
  CHECK(again.consumed == 0);
  CHECK(again.data.empty());
  CHECK(decoder.why().code() == "bad_chunk_size");
}
