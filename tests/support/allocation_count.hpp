// support/allocation_count.hpp - how often this program called operator new.
#pragma once

#include <cstddef>

namespace weir::test {

// Calls of any operator new of this thread since it began.
std::size_t allocations() noexcept;

// Bytes they asked for, without what was given back meanwhile.
std::size_t allocated_bytes() noexcept;

}  // namespace weir::test
