// platform/posix/mutex.cpp - pthreads in asserted storage.
#include <weir/platform/mutex.hpp>

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include <new>

#include <weir/platform/assert.hpp>
#include <weir/platform/clock.hpp>

namespace weir {
namespace {

template <class T>
T* as(std::byte* storage) noexcept {
  return std::launder(reinterpret_cast<T*>(storage));
}

}  // namespace

mutex::mutex() noexcept {
  auto* const m = ::new (static_cast<void*>(storage_)) pthread_mutex_t;
  const int failed = pthread_mutex_init(m, nullptr);
  WEIR_ASSERT(failed == 0);
}

mutex::~mutex() {
  // FreeBSD allocates behind the storage; destroying gives that back.
  const int failed = pthread_mutex_destroy(as<pthread_mutex_t>(storage_));
  WEIR_ASSERT(failed == 0);
}

void mutex::lock() noexcept {
  const int failed = pthread_mutex_lock(as<pthread_mutex_t>(storage_));
  WEIR_ASSERT(failed == 0);
}

bool mutex::try_lock() noexcept {
  const int failed = pthread_mutex_trylock(as<pthread_mutex_t>(storage_));
  WEIR_ASSERT(failed == 0 || failed == EBUSY);
  return failed == 0;
}

void mutex::unlock() noexcept {
  const int failed = pthread_mutex_unlock(as<pthread_mutex_t>(storage_));
  WEIR_ASSERT(failed == 0);
}

condition::condition() noexcept {
  auto* const c = ::new (static_cast<void*>(storage_)) pthread_cond_t;
#if defined(__APPLE__)
  const int failed = pthread_cond_init(c, nullptr);  // waits relative: no clock to choose
#else
  // The default is the wall clock, and somebody setting it would move every deadline.
  pthread_condattr_t attributes;
  int failed = pthread_condattr_init(&attributes);
  WEIR_ASSERT(failed == 0);
  failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  WEIR_ASSERT(failed == 0);
  failed = pthread_cond_init(c, &attributes);
  pthread_condattr_destroy(&attributes);
#endif
  WEIR_ASSERT(failed == 0);
}

condition::~condition() {
  const int failed = pthread_cond_destroy(as<pthread_cond_t>(storage_));
  WEIR_ASSERT(failed == 0);
}

void condition::wait(mutex& m) noexcept {
  const int failed =
      pthread_cond_wait(as<pthread_cond_t>(storage_), as<pthread_mutex_t>(m.storage_));
  WEIR_ASSERT(failed == 0);
}

bool condition::wait_until(mutex& m, time_ns due_ns) noexcept {
  if (due_ns == never_ns) {
    wait(m);
    return true;
  }
  const time_ns now = system_clock().now_ns();
  if (due_ns <= now) return false;
#if defined(__APPLE__)
  // A thousand days at a time (macOS refuses huge spans): what is longer comes back as a spurious
  // wake.
  constexpr time_ns longest_ns = 86'400'000 * second_ns;
  const time_ns span = due_ns - now < longest_ns ? due_ns - now : longest_ns;
  timespec until{};
  until.tv_sec = static_cast<time_t>(span / second_ns);
  until.tv_nsec = static_cast<long>(span % second_ns);
  const int failed = pthread_cond_timedwait_relative_np(as<pthread_cond_t>(storage_),
                                                        as<pthread_mutex_t>(m.storage_), &until);
#else
  timespec until{};
  until.tv_sec = static_cast<time_t>(due_ns / second_ns);
  until.tv_nsec = static_cast<long>(due_ns % second_ns);
  const int failed =
      pthread_cond_timedwait(as<pthread_cond_t>(storage_), as<pthread_mutex_t>(m.storage_), &until);
#endif
  WEIR_ASSERT(failed == 0 || failed == ETIMEDOUT);
  return failed == 0 || system_clock().now_ns() < due_ns;
}

void condition::wake_one() noexcept {
  const int failed = pthread_cond_signal(as<pthread_cond_t>(storage_));
  WEIR_ASSERT(failed == 0);
}

void condition::wake_all() noexcept {
  const int failed = pthread_cond_broadcast(as<pthread_cond_t>(storage_));
  WEIR_ASSERT(failed == 0);
}

}  // namespace weir
