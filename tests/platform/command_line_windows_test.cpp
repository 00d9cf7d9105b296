// windows/command_line.hpp - one line to words, as every C program of Windows reads it.
#include <string>
#include <string_view>
#include <vector>

#include <catch_amalgamated.hpp>

#include "windows/command_line.hpp"

using weir::errc;
using weir::platform::windows::split_command_line;
using weir::platform::windows::to_utf8;

namespace {

std::vector<std::string> words(std::wstring_view line) {
  const auto split = split_command_line(line);
  REQUIRE(split.ok());
  return split.value();
}

using list = std::vector<std::string>;

}  // namespace

TEST_CASE("command line: words end at blanks that are not quoted", "[platform]") {
  CHECK(words(L"weir serve --listen a") == list{"weir", "serve", "--listen", "a"});
  CHECK(words(L"weir  \t a\tb  ") == list{"weir", "a", "b"});
  CHECK(words(L"weir \"a b\" c\" \"d") == list{"weir", "a b", "c d"});
  CHECK(words(L"weir \"\" a") == list{"weir", "", "a"});
  CHECK(words(L"weir \"never ended") == list{"weir", "never ended"});
  CHECK(words(L"").empty());
}

TEST_CASE("command line: backslashes mean something before a quote, and only there", "[platform]") {
  CHECK(words(LR"(weir a\b c:\\d\)") == list{"weir", R"(a\b)", R"(c:\\d\)"});
  CHECK(words(LR"(weir a\"b)") == list{"weir", "a\"b"});
  CHECK(words(LR"(weir "a\\" b)") == list{"weir", R"(a\)", "b"});
  CHECK(words(LR"(weir a\\\"b c)") == list{"weir", R"(a\"b)", "c"});
  CHECK(words(LR"(weir a\\\\"b c" d)") == list{"weir", R"(a\\b c)", "d"});
  CHECK(words(LR"(weir "a""b" c)") == list{"weir", "a\"b", "c"});
}

TEST_CASE("command line: the program's name is a path, in which nothing is escaped", "[platform]") {
  CHECK(words(LR"("C:\Program Files\weir\" serve)") == list{R"(C:\Program Files\weir\)", "serve"});
  CHECK(words(LR"(C:\weir\"a b".exe x)") == list{R"(C:\weir\a b.exe)", "x"});
  CHECK(words(L" a") == list{"", "a"});
}

TEST_CASE("command line: stars are left alone, and words are UTF-8", "[platform]") {
  CHECK(words(L"weir *.txt ?") == list{"weir", "*.txt", "?"});
  CHECK(words(L"weir \u00e9 \u65e5\u672c \xd83c\xdf0a") ==
        list{"weir", "\xc3\xa9", "\xe6\x97\xa5\xe6\x9c\xac", "\xf0\x9f\x8c\x8a"});
}

TEST_CASE("command line: half a surrogate pair is refused, not replaced", "[platform]") {
  const wchar_t high[] = {0xd83c, 0};
  const wchar_t low[] = {L'a', 0xdf0a, 0};
  CHECK(to_utf8(high).why() == errc::invalid);
  CHECK(to_utf8(low).why() == errc::invalid);
  CHECK(split_command_line(std::wstring(L"weir ") + high).why() == errc::invalid);
  CHECK(to_utf8(L"").value().empty());
}
