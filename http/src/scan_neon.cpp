// http/scan_neon.cpp - the kernel for arm64, where NEON is always there.
#if defined(__aarch64__) || defined(_M_ARM64)
#include <arm_neon.h>

#include "scan_kernels.hpp"

namespace weir::http::detail {
namespace {

// One bit for each byte of the four that is not 0, the first byte's lowest.
std::uint64_t to_bits(const std::array<uint8x16_t, 4>& bytes) {
  alignas(16) static constexpr std::uint8_t weights[16] = {1, 2, 4, 8, 16, 32, 64, 128,
                                                           1, 2, 4, 8, 16, 32, 64, 128};
  const uint8x16_t bit = vld1q_u8(weights);
  std::array<uint8x16_t, 4> set;
  for (std::size_t i = 0; i < 4; ++i) set[i] = vandq_u8(vtstq_u8(bytes[i], bytes[i]), bit);
  const uint8x16_t half = vpaddq_u8(vpaddq_u8(set[0], set[1]), vpaddq_u8(set[2], set[3]));
  return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(half, half)), 0);
}

block_stops neon_kernel(const char* block, const class_pair& classes) {
  const uint8x16_t first = vld1q_u8(classes.first.stops.data());
  const uint8x16_t second = vld1q_u8(classes.second.stops.data());
  const uint8x16_t rows = vld1q_u8(ascii_rows.data());
  std::array<uint8x16_t, 4> a;
  std::array<uint8x16_t, 4> b;
  std::array<uint8x16_t, 4> above;
  for (std::size_t i = 0; i < 4; ++i) {
    const uint8x16_t bytes = vld1q_u8(reinterpret_cast<const std::uint8_t*>(block) + 16 * i);
    // A byte above ASCII has no row.
    const uint8x16_t row = vqtbl1q_u8(rows, vshrq_n_u8(bytes, 4));
    const uint8x16_t column = vandq_u8(bytes, vdupq_n_u8(15));
    a[i] = vandq_u8(vqtbl1q_u8(first, column), row);
    b[i] = vandq_u8(vqtbl1q_u8(second, column), row);
    above[i] = vandq_u8(bytes, vdupq_n_u8(128));
  }
  const std::uint64_t above_ascii = to_bits(above);
  return {to_bits(a) | (above_ascii & classes.first.above_ascii),
          to_bits(b) | (above_ascii & classes.second.above_ascii)};
}

}  // namespace

std::size_t add_vector_kernels(std::span<named_kernel, vector_kernels_max> to) noexcept {
  to[0] = {"neon", &neon_kernel};
  return 1;
}

}  // namespace weir::http::detail
#endif
