// http/class_scan.hpp - every kernel says what the definition says, and nothing outside is read.
#include <cstring>
#include <memory>
#include <string>

#include <catch_amalgamated.hpp>

#include "class_scan.hpp"

namespace detail = weir::http::detail;

namespace {

// Once more and by hand, so that the definition is tested too.
detail::block_stops plain_stops(const char* block, const detail::class_pair& classes) {
  detail::block_stops out;
  for (std::size_t i = 0; i < detail::block_bytes; ++i) {
    if (!detail::is(block[i], classes.first.members)) out.first |= std::uint64_t{1} << i;
    if (!detail::is(block[i], classes.second.members)) out.second |= std::uint64_t{1} << i;
  }
  return out;
}

}  // namespace

TEST_CASE("scan: every kernel this processor has says what the definition says", "[http][scan]") {
  // Every byte at every place of a block, between bytes of both classes and of none.
  std::size_t differences = 0;
  for (const detail::named_kernel& kernel : detail::usable_kernels()) {
    CAPTURE(kernel.name);
    for (const detail::class_pair* const classes :
         {&detail::field_classes, &detail::target_classes}) {
      for (const char around : {'x', ' ', '\0', '\xff'}) {
        const auto block = std::make_unique<char[]>(detail::block_bytes);
        std::memset(block.get(), around, detail::block_bytes);
        for (std::size_t at = 0; at < detail::block_bytes; ++at) {
          for (int byte = 0; byte < 256; ++byte) {
            block[at] = static_cast<char>(byte);
            const detail::block_stops said = kernel.run(block.get(), *classes);
            const detail::block_stops true_stops = plain_stops(block.get(), *classes);
            differences += said.first != true_stops.first || said.second != true_stops.second;
          }
          block[at] = around;
        }
      }
    }
    CHECK(differences == 0);
  }
}

TEST_CASE("scan: a walk by blocks stops where one byte by byte does", "[http][scan]") {
  // Texts of every length around one and two blocks, in heap blocks of that size: a read outside
  // shows under ASan. One byte stops the run, or none does.
  std::size_t differences = 0;
  for (const detail::named_kernel& kernel : detail::usable_kernels()) {
    for (std::size_t size = 0; size <= 2 * detail::block_bytes + 3; ++size) {
      const auto text = std::make_unique<char[]>(size);
      std::memset(text.get(), 'x', size);
      const char* const end = text.get() + size;
      for (std::size_t stop = 0; stop <= size; ++stop) {
        if (stop < size) text[stop] = '\r';
        detail::class_scan scan(kernel.run, detail::field_classes, {text.get(), size}, text.get());
        // There and back: a place before the block in hand is looked at again.
        for (const std::size_t from :
             {std::size_t{0}, stop / 2, stop, size, stop, std::size_t{0}}) {
          const char* const p = text.get() + from;
          differences += scan.skip_first(p) != detail::skip(p, end, detail::token_chars);
          differences += scan.skip_second(p) != detail::skip(p, end, detail::value_chars);
        }
        if (stop < size) text[stop] = 'x';
      }
    }
  }
  CHECK(differences == 0);
}

TEST_CASE("scan: the choice is made once, and takes the last of the list", "[http][scan]") {
  const auto kernels = detail::usable_kernels();
  REQUIRE_FALSE(kernels.empty());
  CHECK(std::string(kernels.front().name) == "plain");
  CHECK(detail::best_kernel() == kernels.back().run);
  CHECK(detail::usable_kernels().data() == kernels.data());
#if defined(__aarch64__)
  CHECK(std::string(kernels.back().name) == "neon");
#endif
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
    const bool plain = detail::is(c, detail::path_chars) && c != '%' && c != '.';
    CHECK(detail::is(c, detail::plain_chars) == plain);
    if (detail::is(c, detail::target_chars)) CHECK((byte > 0x20 && byte < 0x7f));
  }
  CHECK(token == "!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~");
}
