// support/live_memory.hpp - what the operator new of this program has given out and not got back.
#pragma once

#include <cstddef>

namespace weir::test {

// Of all threads. 0 throughout under ThreadSanitizer, whose operator new cannot be replaced.
std::size_t live_bytes() noexcept;
// The most there was at one time since the last forget_peak().
std::size_t peak_bytes() noexcept;
void forget_peak() noexcept;

}  // namespace weir::test
