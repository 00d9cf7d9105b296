// http/class_scan.hpp - runs of bytes found 64 at a time, whatever the processor offers for it.
//
// A kernel says for 64 bytes which of them stop a run, for two classes at once: one bit a byte. A
// class_scan walks a buffer by those bits, so that a short name costs a shift and not a loop. There
// is one kernel in plain C++, which is the definition, and one for each vector unit; all read
// tables made from the one in scan.hpp, and nothing but the 64 bytes. Which kernel runs is decided
// once.
//
// A maintainer must not break: no read outside the buffer, whatever its length; equal answers of
// all kernels (tests/http/scan_test.cpp, and the fuzz target `scan`).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "scan.hpp"

namespace weir::http::detail {

inline constexpr std::size_t block_bytes = 64;

// Bit i is set when byte i does not belong to the class.
struct block_stops {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

// Two classes as a kernel wants them. A byte is looked up by its halves: row[high] is a bit of its
// own for each of the eight rows of ASCII, and stops[low] has the bits of the rows in which that
// column stops a run. Above ASCII a class has all bytes or none.
struct class_pair {
  struct table {
    alignas(16) std::array<std::uint8_t, 16> stops{};
    std::uint64_t above_ascii = 0;  // all ones when bytes above 127 stop a run
    char_class members{};
  };
  table first;
  table second;

  consteval class_pair(char_class a, char_class b) : first(make(a)), second(make(b)) {}

 private:
  static consteval table make(char_class wanted) {
    table out;
    out.members = wanted;
    for (unsigned c = 0; c < 128; ++c) {
      const unsigned row = is(static_cast<char>(c), wanted) ? 0 : 1u << (c >> 4);
      out.stops[c & 15] = static_cast<std::uint8_t>(out.stops[c & 15] | row);
    }
    out.above_ascii = is('\x80', wanted) ? 0 : ~std::uint64_t{0};
    for (unsigned c = 128; c < 256; ++c) {
      if (is(static_cast<char>(c), wanted) != is('\x80', wanted)) throw "not one kind above ASCII";
    }
    return out;
  }
};
alignas(16) inline constexpr std::array<std::uint8_t, 16> ascii_rows = {1,  2,  4,  8,
                                                                        16, 32, 64, 128};

inline constexpr class_pair field_classes{token_chars, value_chars};
inline constexpr class_pair target_classes{plain_chars, target_chars};

// Reads the 64 bytes at `block` and no other.
using scan_kernel = block_stops (*)(const char* block, const class_pair& classes);

struct named_kernel {
  const char* name;
  scan_kernel run;
};
// What this processor can run, the definition first, the fastest last.
std::span<const named_kernel> usable_kernels() noexcept;
// The fastest: looked for once in a process.
scan_kernel best_kernel() noexcept;

// The last bytes of `text`, from `p` on: fewer than 64. What is not in the text stops every run.
block_stops classify_rest(scan_kernel kernel, const class_pair& classes, std::string_view text,
                          const char* p) noexcept;

class class_scan {
 public:
  // Over `text`, which stays where it is; reads nothing outside of it. Looks at `from` first. The
  // classes too are kept.
  class_scan(scan_kernel kernel, const class_pair& classes, std::string_view text,
             const char* from) noexcept
      : kernel_(kernel), classes_(&classes), text_(text) {
    look_at(from);
  }

  // The first byte at or behind `p`, a place in the text, that is not of the class; or the end.
  const char* skip_first(const char* p) noexcept {
    move_to(p);
    std::uint64_t stops = stops_.first >> (p - block_);
    while (stops == 0) {
      look_at(p = block_ + block_bytes);
      stops = stops_.first;
    }
    return p + static_cast<unsigned>(std::countr_zero(stops));
  }
  const char* skip_second(const char* p) noexcept {
    move_to(p);
    std::uint64_t stops = stops_.second >> (p - block_);
    while (stops == 0) {
      look_at(p = block_ + block_bytes);
      stops = stops_.second;
    }
    return p + static_cast<unsigned>(std::countr_zero(stops));
  }

 private:
  void move_to(const char* p) noexcept {
    // Before the block, the difference is large too.
    if (static_cast<std::size_t>(p - block_) >= block_bytes) look_at(p);
  }
  void look_at(const char* p) noexcept {
    block_ = p;
    const auto left = static_cast<std::size_t>(text_.data() + text_.size() - p);
    stops_ =
        left >= block_bytes ? kernel_(p, *classes_) : classify_rest(kernel_, *classes_, text_, p);
  }

  scan_kernel kernel_;
  const class_pair* classes_;
  std::string_view text_;
  const char* block_ = nullptr;
  block_stops stops_;
};

}  // namespace weir::http::detail
