// http/known_name.hpp - comparing a field name or an option with one that is known when compiling.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace weir::http::detail {

// A name of lower-case letters and '-' to compare with, a word at a time and without case.
//
// Setting bit 0x20 makes lower case of a letter and leaves '-' alone. Nothing else can become one
// of them but CR, which would be '-': so what is compared holds no control characters. Tokens and
// field values do not.
template <std::size_t Size>
class known_name {
  static_assert(Size >= 4 && Size <= 24, "two words of 4, or up to three of 8");
  static constexpr std::size_t word = Size < 8 ? 4 : 8;
  static constexpr std::size_t words = (Size + word - 1) / word;
  // The last word ends with the name, and so may begin inside the one before.
  static constexpr std::size_t at(std::size_t i) { return i + 1 < words ? i * word : Size - word; }

 public:
  consteval explicit known_name(const char* name) {
    for (std::size_t i = 0; i < words; ++i) {
      for (std::size_t k = 0; k < word; ++k) {
        const char c = name[at(i) + k];
        if ((c < 'a' || c > 'z') && c != '-') throw "letters in lower case and '-' only";
        words_[i] |= static_cast<std::uint64_t>(c) << 8 * k;
      }
    }
  }

  bool matches(std::string_view text) const noexcept {
    if (text.size() != Size) return false;
    std::uint64_t differences = 0;
    for (std::size_t i = 0; i < words; ++i) {
      std::uint64_t bytes = 0;
      std::memcpy(&bytes, text.data() + at(i), word);
      differences |= (bytes | 0x2020202020202020u >> (64 - 8 * word)) ^ words_[i];
    }
    return differences == 0;
  }

 private:
  std::array<std::uint64_t, words> words_{};
};
template <std::size_t N>
consteval known_name<N - 1> known(const char (&name)[N]) {
  return known_name<N - 1>(name);
}

}  // namespace weir::http::detail
