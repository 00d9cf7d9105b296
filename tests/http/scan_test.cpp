// http/scan.hpp - the wide scans say what the scalar definition says.
#include <cstring>
#include <memory>
#include <string>

#include <catch_amalgamated.hpp>

#include "scan.hpp"

namespace detail = weir::http::detail;

TEST_CASE("scan: the wide value scan stops where the scalar one does", "[http][scan]") {
  // Every byte at every place of runs of every length around the word size, at every alignment.
  std::size_t differences = 0;
  for (std::size_t size = 0; size <= 26; ++size) {
    const auto block = std::make_unique<char[]>(size);  // a read past the end shows under ASan
    for (std::size_t from = 0; from <= size; ++from) {
      for (std::size_t at = from; at < size; ++at) {
        for (int byte = 0; byte < 256; ++byte) {
          std::memset(block.get(), (byte & 1) != 0 ? 'x' : '\xff', size);
          block[at] = static_cast<char>(byte);
          const char* const p = block.get() + from;
          const char* const end = block.get() + size;
          differences += detail::skip_value(p, end) != detail::skip(p, end, detail::value_chars);
        }
      }
    }
  }
  CHECK(differences == 0);
}

TEST_CASE("scan: the classes are those of the RFCs", "[http][scan]") {
  std::string token;
  std::string value;
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    if (detail::is(c, detail::token_chars)) token += c;
    const bool expected = byte == 9 || (byte >= 0x20 && byte != 0x7f);
    CHECK(detail::is(c, detail::value_chars) == expected);
    const bool quoted = expected && c != '"' && c != '\\';
    CHECK(detail::is(c, detail::quoted_chars) == quoted);
    // Whatever a path may hold, a target may, and none of it could end a request line.
    if (detail::is(c, detail::path_chars)) CHECK(detail::is(c, detail::target_chars));
    if (detail::is(c, detail::target_chars)) CHECK((byte > 0x20 && byte < 0x7f));
  }
  CHECK(token == "!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~");
}
