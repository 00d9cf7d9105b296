// platform/assert.hpp - broken invariants stop the program, in every build type.
#pragma once

#include <weir/platform/export.hpp>

namespace weir::platform {

// Prints "file:line: weir: broken invariant: text" on standard error and aborts. Never returns.
[[noreturn]] WEIR_EXPORT void assertion_failed(const char* text, const char* file,
                                               int line) noexcept;

}  // namespace weir::platform

// For what only a bug in this program can make false. Bytes from the network are never asserted:
// they are an `error`. Write two assertions rather than one with `&&`, so that the message says
// which half was false.
#define WEIR_ASSERT(condition)  \
  (static_cast<bool>(condition) \
       ? static_cast<void>(0)   \
       : ::weir::platform::assertion_failed(#condition, __FILE__, __LINE__))
