// platform/termination.hpp - the part of the signal watches that every system's handler shares.
//
// The only state of the process that this floor keeps, and only a program that asks for it has it.
#pragma once

#include <atomic>

#include <weir/platform/process.hpp>

namespace weir::platform {

struct watch_state {
  std::atomic<bool> taken{false};
  std::atomic<unsigned> count{0};
  std::atomic<termination_watch::wake_function> wake{nullptr};
  std::atomic<void*> context{nullptr};
  std::atomic<unsigned> running{0};  // handlers between their first and last line

  // The handler's whole work: async-signal-safe.
  void note() noexcept {
    running.fetch_add(1);
    count.fetch_add(1);
    const termination_watch::wake_function call = wake.load();
    if (call != nullptr) call(context.load());
    running.fetch_sub(1);
  }
};
static_assert(std::atomic<unsigned>::is_always_lock_free, "a handler may not take a lock");
static_assert(std::atomic<void*>::is_always_lock_free, "a handler may not take a lock");

inline constinit watch_state the_termination;
inline constinit watch_state the_reload;

}  // namespace weir::platform
