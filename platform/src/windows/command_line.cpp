// platform/windows/command_line.cpp - see the header.
#include <windows/command_line.hpp>

#include <windows/headers.hpp>

#include <limits>
#include <utility>

namespace weir::platform::windows {
namespace {

constexpr bool is_blank(wchar_t unit) noexcept {
  return unit == L' ' || unit == L'\t';
}

// A program's name knows no backslashes that mean something else: it is a path.
std::wstring take_program(std::wstring_view& rest) {
  std::wstring word;
  bool quoted = false;
  while (!rest.empty() && (quoted || !is_blank(rest.front()))) {
    if (rest.front() == L'"') {
      quoted = !quoted;
    } else {
      word += rest.front();
    }
    rest.remove_prefix(1);
  }
  return word;
}

std::wstring take_word(std::wstring_view& rest) {
  std::wstring word;
  bool quoted = false;
  while (!rest.empty() && (quoted || !is_blank(rest.front()))) {
    std::size_t backslashes = 0;
    while (backslashes < rest.size() && rest[backslashes] == L'\\') ++backslashes;
    const bool quote_follows = backslashes < rest.size() && rest[backslashes] == L'"';
    word.append(quote_follows ? backslashes / 2 : backslashes, L'\\');
    rest.remove_prefix(backslashes);
    if (!quote_follows) {
      if (backslashes > 0) continue;
      word += rest.front();
    } else if (backslashes % 2 == 1) {
      word += L'"';
    } else if (quoted && rest.size() > 1 && rest[1] == L'"') {
      word += L'"';
      rest.remove_prefix(1);
    } else {
      quoted = !quoted;
    }
    rest.remove_prefix(1);
  }
  return word;
}

}  // namespace

result<std::string> to_utf8(std::wstring_view wide) {
  if (wide.empty()) return std::string();
  if (wide.size() > static_cast<std::size_t>(std::numeric_limits<int>::max() / 4)) {
    return error(errc::limit, "text");
  }
  const int units = static_cast<int>(wide.size());
  std::string text(wide.size() * 3, '\0');  // no UTF-16 unit takes more
  const int bytes =
      WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, wide.data(), units, text.data(),
                          static_cast<int>(text.size()), nullptr, nullptr);
  if (bytes <= 0) return error(errc::invalid, "text: not UTF-16");
  text.resize(static_cast<std::size_t>(bytes));
  return text;
}

result<std::vector<std::string>> split_command_line(std::wstring_view line) {
  std::vector<std::string> words;
  std::wstring_view rest = line;
  for (;;) {
    while (!words.empty() && !rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
    if (rest.empty()) return words;
    result<std::string> word = to_utf8(words.empty() ? take_program(rest) : take_word(rest));
    if (!word.ok()) return word.why();
    words.push_back(std::move(word).value());
  }
}

}  // namespace weir::platform::windows
