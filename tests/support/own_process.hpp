// support/own_process.hpp - what this process holds of the system. 0 on systems but Linux.
#pragma once

#include <cstddef>
#include <filesystem>
#include <system_error>

namespace weir::test {

inline std::size_t entries(const char* folder) {
  std::size_t count = 0;
#if defined(__linux__)  // what wine shows under that name is another process
  std::error_code none;
  for (auto each = std::filesystem::directory_iterator(folder, none);
       each != std::filesystem::directory_iterator(); each.increment(none)) {
    ++count;
  }
#else
  static_cast<void>(folder);
#endif
  return count;
}

// One more than there are otherwise: reading the folder takes one.
inline std::size_t held_descriptors() {
  return entries("/proc/self/fd");
}
inline std::size_t live_threads() {
  return entries("/proc/self/task");
}

}  // namespace weir::test
