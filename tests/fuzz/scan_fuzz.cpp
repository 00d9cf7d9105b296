// fuzz/scan_fuzz.cpp - any bytes, classified by every kernel this processor has.
//
// Properties: every kernel says of every 64 bytes what the definition says; a walk by blocks stops
// where one byte by byte does, from every place of texts of every length; nothing outside of the
// text is read.
#include <cstdint>

#include <weir/platform/assert.hpp>

#include "class_scan.hpp"
#include "cuts.hpp"
#include "http/outcome.hpp"

namespace detail = weir::http::detail;
using weir::http::test::exact_copy;

namespace {

constexpr std::size_t text_bytes_max = 192;

void check_blocks(std::string_view text, const detail::class_pair& classes) {
  for (std::size_t from = 0; from + detail::block_bytes <= text.size(); ++from) {
    const exact_copy block(text.substr(from, detail::block_bytes));
    detail::block_stops stops;
    for (std::size_t i = 0; i < detail::block_bytes; ++i) {
      const char c = block.view()[i];
      stops.first |= std::uint64_t{!detail::is(c, classes.first.members)} << i;
      stops.second |= std::uint64_t{!detail::is(c, classes.second.members)} << i;
    }
    for (const detail::named_kernel& kernel : detail::usable_kernels()) {
      // In a block of its own, and where it stands among others: at every alignment.
      for (const char* const at : {block.view().data(), text.data() + from}) {
        const detail::block_stops said = kernel.run(at, classes);
        WEIR_ASSERT(said.first == stops.first);
        WEIR_ASSERT(said.second == stops.second);
      }
    }
  }
}

void check_walks(std::string_view text, const detail::class_pair& classes) {
  weir::fuzz::dice random(text);
  for (const detail::named_kernel& kernel : detail::usable_kernels()) {
    for (std::size_t count = 0; count < 8; ++count) {
      const std::size_t begin = count == 0 ? 0 : random.roll(text.size() + 1);
      const exact_copy part(text.substr(begin));
      const char* const end = part.view().data() + part.view().size();
      detail::class_scan scan(kernel.run, classes, part.view(), part.view().data());
      for (const char* p = part.view().data();; ++p) {
        p = scan.skip_first(p);
        const char* const second = scan.skip_second(p);
        WEIR_ASSERT(second == detail::skip(p, end, classes.second.members));
        if (p == end) break;
        WEIR_ASSERT(!detail::is(*p, classes.first.members));
      }
      const char* const somewhere = part.view().data() + random.roll(part.view().size() + 1);
      WEIR_ASSERT(scan.skip_first(somewhere) ==
                  detail::skip(somewhere, end, classes.first.members));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > text_bytes_max) size = text_bytes_max;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const detail::class_pair* const classes :
       {&detail::field_classes, &detail::target_classes}) {
    check_blocks(text, *classes);
    check_walks(text, *classes);
  }
  return 0;
}
