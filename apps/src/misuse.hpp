// apps/misuse.hpp - a command line that cannot be used: one line about it.
#pragma once

#include <string>

namespace weir::apps {

// Says `what`, and whose help to read ("weir serve"). Returns the exit code.
int wrong_words(const std::string& what, const std::string& command);

}  // namespace weir::apps
