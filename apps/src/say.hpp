// apps/say.hpp - what the program tells the person who runs it, on standard error.
#pragma once

#include <cstdio>
#include <string>

namespace weir::apps {

inline void say(const std::string& text) {
  std::fprintf(stderr, "weir: %s\n", text.c_str());
  // Where it is no console, one C library of Windows keeps it until the end (UCRT, as wine has it).
  std::fflush(stderr);
}

}  // namespace weir::apps
