// platform/mutex.hpp - mutex and condition variable for what crosses threads: posts, offload.
//
// Each is storage of the size the ABI table gives, around pthread_mutex_t and pthread_cond_t, or
// SRWLOCK and CONDITION_VARIABLE: no heap, no system header in sight, and neither copied nor moved,
// because the system keeps their addresses. A scheduler's own state needs none of this: one thread
// owns it.
#pragma once

#include <cstddef>

#include <weir/platform/abi.hpp>
#include <weir/platform/export.hpp>
#include <weir/platform/time.hpp>

namespace weir {

// Not recursive: locking twice on one thread is a deadlock, unlocking what is not locked is
// undefined. A failure of the system below is a broken invariant and ends the program. Destroy it
// unlocked.
class WEIR_EXPORT mutex {
 public:
  mutex() noexcept;
  ~mutex();
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;

  void lock() noexcept;
  bool try_lock() noexcept;
  void unlock() noexcept;

 private:
  friend class condition;
  alignas(
      platform::abi::mutex_storage.align) std::byte storage_[platform::abi::mutex_storage.bytes];
};

// Holds a mutex for a block: weir::lock held(mutex_);
class [[nodiscard]] lock {
 public:
  explicit lock(mutex& m) noexcept : mutex_(m) { mutex_.lock(); }
  ~lock() { mutex_.unlock(); }
  lock(const lock&) = delete;
  lock& operator=(const lock&) = delete;

 private:
  mutex& mutex_;
};

// Waits wake spuriously: test the condition in a loop, with the mutex held. All waiters of one
// condition use the same mutex. Destroy it when nobody waits.
class WEIR_EXPORT condition {
 public:
  condition() noexcept;
  ~condition();
  condition(const condition&) = delete;
  condition& operator=(const condition&) = delete;

  // The caller holds `m`; it is released while waiting and held again on return.
  void wait(mutex& m) noexcept;
  // As wait, until `due_ns` on the monotonic clock of system_clock(). False when that instant has
  // passed; true for a wake, spurious ones included. never_ns waits without end.
  bool wait_until(mutex& m, time_ns due_ns) noexcept;

  void wake_one() noexcept;
  void wake_all() noexcept;

 private:
  alignas(platform::abi::condition_storage.align)
      std::byte storage_[platform::abi::condition_storage.bytes];
};

}  // namespace weir
