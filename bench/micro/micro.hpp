// bench/micro/micro.hpp - one operation, many times: what a case of weir_micro is.
//
// A case must not be something the compiler can see through: what it makes goes to keep(). Its cost
// is taken as time (best and median of several samples) and, under callgrind, as instructions,
// which are the same on every run.
#pragma once

#include <cstdint>
#include <span>

namespace weir::bench {

struct micro_case {
  const char* name;
  const char* about;
  void (*run)(std::uint64_t times);
};

// Makes the compiler believe that somebody looks at `value`.
template <class T>
inline void keep(const T& value) noexcept {
  asm volatile("" : : "r"(&value) : "memory");
}

std::span<const micro_case> parser_cases() noexcept;
std::span<const micro_case> response_cases() noexcept;
std::span<const micro_case> timer_cases() noexcept;
std::span<const micro_case> task_cases() noexcept;

}  // namespace weir::bench
