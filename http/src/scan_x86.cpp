// http/scan_x86.cpp - kernels for SSE4.2 and AVX2, chosen when the program runs.
//
// Each function carries the instructions it may use as an attribute, so this file needs no compiler
// flag, and no inline function of another header is compiled for a processor that may not be there.
#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>

#include "scan_kernels.hpp"

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#define WEIR_USES(instructions)
#else
#include <cpuid.h>
#define WEIR_USES(instructions) __attribute__((target(instructions)))
#endif

namespace weir::http::detail {
namespace {

std::uint64_t word(int mask) noexcept {
  return static_cast<std::uint32_t>(mask);
}

// What the two classes and the bytes above ASCII say of 16 bytes.
struct stops_16 {
  std::uint64_t first;
  std::uint64_t second;
  std::uint64_t above_ascii;
};

WEIR_USES("sse4.2")
inline stops_16 look_at_16(const char* at, __m128i first, __m128i second, __m128i rows) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const __m128i high = _mm_and_si128(_mm_srli_epi16(bytes, 4), _mm_set1_epi8(15));
  const __m128i row = _mm_shuffle_epi8(rows, high);
  // A byte above ASCII selects nothing: its row is 0, and a shuffle by it gives 0.
  const __m128i a = _mm_and_si128(_mm_shuffle_epi8(first, bytes), row);
  const __m128i b = _mm_and_si128(_mm_shuffle_epi8(second, bytes), row);
  const __m128i none = _mm_setzero_si128();
  return {word(_mm_movemask_epi8(_mm_cmpeq_epi8(a, none))),
          word(_mm_movemask_epi8(_mm_cmpeq_epi8(b, none))), word(_mm_movemask_epi8(bytes))};
}

inline __m128i load(const std::array<std::uint8_t, 16>& table) {
  return _mm_load_si128(reinterpret_cast<const __m128i*>(table.data()));
}

WEIR_USES("sse4.2") block_stops sse42_kernel(const char* block, const class_pair& classes) {
  const __m128i first = load(classes.first.stops);
  const __m128i second = load(classes.second.stops);
  const __m128i rows = load(ascii_rows);
  std::uint64_t runs_first = 0;
  std::uint64_t runs_second = 0;
  std::uint64_t above_ascii = 0;
  for (unsigned i = 0; i < block_bytes; i += 16) {
    const stops_16 part = look_at_16(block + i, first, second, rows);
    runs_first |= part.first << i;
    runs_second |= part.second << i;
    above_ascii |= part.above_ascii << i;
  }
  return {~runs_first | (above_ascii & classes.first.above_ascii),
          ~runs_second | (above_ascii & classes.second.above_ascii)};
}

struct stops_32 {
  std::uint64_t first;
  std::uint64_t second;
  std::uint64_t above_ascii;
};

WEIR_USES("avx2")
inline stops_32 look_at_32(const char* at, __m256i first, __m256i second, __m256i rows) {
  const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  const __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(15));
  const __m256i row = _mm256_shuffle_epi8(rows, high);
  const __m256i a = _mm256_and_si256(_mm256_shuffle_epi8(first, bytes), row);
  const __m256i b = _mm256_and_si256(_mm256_shuffle_epi8(second, bytes), row);
  const __m256i none = _mm256_setzero_si256();
  return {word(_mm256_movemask_epi8(_mm256_cmpeq_epi8(a, none))),
          word(_mm256_movemask_epi8(_mm256_cmpeq_epi8(b, none))),
          word(_mm256_movemask_epi8(bytes))};
}

WEIR_USES("avx2") inline __m256i load_twice(const std::array<std::uint8_t, 16>& table) {
  return _mm256_broadcastsi128_si256(
      _mm_load_si128(reinterpret_cast<const __m128i*>(table.data())));
}

WEIR_USES("avx2") block_stops avx2_kernel(const char* block, const class_pair& classes) {
  const __m256i first = load_twice(classes.first.stops);
  const __m256i second = load_twice(classes.second.stops);
  const __m256i rows = load_twice(ascii_rows);
  const stops_32 low = look_at_32(block, first, second, rows);
  const stops_32 high = look_at_32(block + 32, first, second, rows);
  const std::uint64_t above_ascii = low.above_ascii | high.above_ascii << 32;
  return {~(low.first | high.first << 32) | (above_ascii & classes.first.above_ascii),
          ~(low.second | high.second << 32) | (above_ascii & classes.second.above_ascii)};
}

struct registers {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
};

// By hand: not every compiler's run-time library has __builtin_cpu_supports.
registers cpuid(unsigned leaf) noexcept {
  registers r;
#if defined(_MSC_VER) && !defined(__clang__)
  int out[4];
  __cpuidex(out, static_cast<int>(leaf), 0);
  r = {static_cast<unsigned>(out[0]), static_cast<unsigned>(out[1]), static_cast<unsigned>(out[2]),
       static_cast<unsigned>(out[3])};
#else
  if (__get_cpuid_count(leaf, 0, &r.a, &r.b, &r.c, &r.d) == 0) return {};
#endif
  return r;
}

// Whether the system saves the wide registers when it switches threads.
bool saves_wide_registers() noexcept {
#if defined(_MSC_VER) && !defined(__clang__)
  const unsigned low = static_cast<unsigned>(_xgetbv(0));
#else
  unsigned low = 0;
  unsigned high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
#endif
  return (low & 6u) == 6u;
}

}  // namespace

std::size_t add_vector_kernels(std::span<named_kernel, vector_kernels_max> to) noexcept {
  std::size_t count = 0;
  const registers basic = cpuid(1);
  const bool sse42 = (basic.c & 1u << 20) != 0;
  const bool xgetbv = (basic.c & 1u << 27) != 0;
  const bool avx2 = (cpuid(7).b & 1u << 5) != 0;
  if (sse42) to[count++] = {"sse4.2", &sse42_kernel};
  if (xgetbv && avx2 && saves_wide_registers()) to[count++] = {"avx2", &avx2_kernel};
  return count;
}

}  // namespace weir::http::detail
#endif
