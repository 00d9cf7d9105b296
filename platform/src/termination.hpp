// platform/termination.hpp - the part of termination_watch that every system's handler shares.
//
// The only state of the process that this floor keeps, and only a program that asks for it has it.
#pragma once

#include <atomic>

#include <weir/platform/process.hpp>

namespace weir::platform {

struct termination_state {
  std::atomic<bool> taken{false};
  std::atomic<unsigned> count{0};
  std::atomic<termination_watch::wake_function> wake{nullptr};
  std::atomic<void*> context{nullptr};
  std::atomic<unsigned> running{0};  // handlers between their first and last line
};
static_assert(std::atomic<unsigned>::is_always_lock_free, "a handler may not take a lock");
static_assert(std::atomic<void*>::is_always_lock_free, "a handler may not take a lock");

inline constinit termination_state the_termination;

// The handler's whole work: async-signal-safe.
inline void note_termination() noexcept {
  the_termination.running.fetch_add(1);
  the_termination.count.fetch_add(1);
  const termination_watch::wake_function wake = the_termination.wake.load();
  if (wake != nullptr) wake(the_termination.context.load());
  the_termination.running.fetch_sub(1);
}

}  // namespace weir::platform
