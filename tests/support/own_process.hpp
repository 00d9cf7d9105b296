// support/own_process.hpp - what this process holds of the system. 0 on systems but Linux.
#pragma once

#include <cstddef>
#include <filesystem>
#include <system_error>
#include <thread>

#include <weir/platform/clock.hpp>

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
// A thread that was joined may be seen for a moment more. False: there are others.
inline bool threads_come_down_to(std::size_t count) {
  const time_ns due_ns = system_clock().now_ns() + 30 * second_ns;
  while (live_threads() > count) {
    if (system_clock().now_ns() > due_ns) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace weir::test
