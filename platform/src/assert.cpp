// platform/assert.cpp - the last words of a broken invariant.
#include <weir/platform/assert.hpp>

#include <cstdio>
#include <cstdlib>

namespace weir::platform {

void assertion_failed(const char* text, const char* file, int line) noexcept {
  std::fprintf(stderr, "%s:%d: weir: broken invariant: %s\n", file, line, text);
  std::abort();
}

}  // namespace weir::platform
