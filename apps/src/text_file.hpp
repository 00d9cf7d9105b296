// apps/text_file.hpp - small files as text, and what went wrong in words for a person.
#pragma once

#include <string>

#include <weir/platform/error.hpp>

namespace weir::apps {

// A whole file. Errors of file::open_read(); errc::limit: longer than any text we read.
result<std::string> read_text(const std::string& path);

// "permission denied: this user may not", as a part of a sentence that has named the file.
std::string file_problem(error why);

}  // namespace weir::apps
