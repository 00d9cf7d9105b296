// platform/windows/command_line.hpp - one command line to words, as C programs read it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <weir/platform/error.hpp>

namespace weir::platform::windows {

// The words in UTF-8, the first being the program's name. As every C program is used to: words end
// at blanks outside quotes; `2n` backslashes before a quote are n, and `2n + 1` are n and a quote
// that is meant; others stand for themselves; two quotes inside quotes are one. Unlike them,
// `*` and `?` are left alone. errc::invalid: not UTF-16 (half a surrogate pair).
//
// Not the shell's CommandLineToArgvW: the library it lives in takes CTRL_LOGOFF_EVENT and
// CTRL_SHUTDOWN_EVENT from every process that loads it.
result<std::vector<std::string>> split_command_line(std::wstring_view line);

// UTF-16 to UTF-8; errc::invalid as above.
result<std::string> to_utf8(std::wstring_view wide);

}  // namespace weir::platform::windows
