// apps/misuse.cpp - see the header.
#include "misuse.hpp"

#include <cstdio>

#include "exit_code.hpp"

namespace weir::apps {

int wrong_words(const std::string& what, const std::string& command) {
  std::fprintf(stderr, "weir: %s; see %s --help\n", what.c_str(), command.c_str());
  return exit_code::misuse;
}

}  // namespace weir::apps
