// http/class_scan.cpp - the definition of a kernel, the choice among them, and the end of a text.
#include "class_scan.hpp"

#include <cstring>

#include <weir/platform/assert.hpp>

#include "scan_kernels.hpp"

namespace weir::http::detail {
namespace {

block_stops plain_kernel(const char* block, const class_pair& classes) {
  block_stops out;
  for (std::size_t i = 0; i < block_bytes; ++i) {
    out.first |= std::uint64_t{!is(block[i], classes.first.members)} << i;
    out.second |= std::uint64_t{!is(block[i], classes.second.members)} << i;
  }
  return out;
}

struct kernel_list {
  std::array<named_kernel, 1 + vector_kernels_max> kernels{};
  std::size_t size = 0;

  kernel_list() noexcept {
    kernels[size++] = {"plain", &plain_kernel};
    size += add_vector_kernels(std::span(kernels).subspan<1>());
  }
};

}  // namespace

std::span<const named_kernel> usable_kernels() noexcept {
  static const kernel_list list;
  return std::span(list.kernels).first(list.size);
}

scan_kernel best_kernel() noexcept {
  static const scan_kernel best = usable_kernels().back().run;
  return best;
}

block_stops classify_rest(scan_kernel kernel, const class_pair& classes, std::string_view text,
                          const char* p) noexcept {
  const char* const end = text.data() + text.size();
  const auto left = static_cast<std::size_t>(end - p);
  WEIR_ASSERT(left < block_bytes);
  if (left == 0) return {~std::uint64_t{0}, ~std::uint64_t{0}};
  block_stops out;
  if (text.size() >= block_bytes) {
    // The last 64 bytes of the text, seen from `p`.
    const block_stops all = kernel(end - block_bytes, classes);
    out.first = all.first >> (block_bytes - left);
    out.second = all.second >> (block_bytes - left);
  } else {
    std::array<char, block_bytes> copy{};
    std::memcpy(copy.data(), p, left);
    out = kernel(copy.data(), classes);
  }
  const std::uint64_t outside = ~std::uint64_t{0} << left;
  return {out.first | outside, out.second | outside};
}

}  // namespace weir::http::detail
