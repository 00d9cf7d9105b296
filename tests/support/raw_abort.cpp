// support/raw_abort.cpp - see the header.
#include "support/raw_abort.hpp"

#include <signal.h>

#include <cstdio>

namespace weir::test {
namespace {

const char* words = "";

void speak(int) {
  std::fputs(words, stderr);
  std::fflush(stderr);
}

}  // namespace

void say_on_abort(const char* text) {
  words = text;
  signal(SIGABRT, &speak);
}

}  // namespace weir::test
