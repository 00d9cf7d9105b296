// platform/windows/mutex.cpp - slim reader/writer locks in asserted storage.
#include <weir/platform/mutex.hpp>

#include <windows/headers.hpp>

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
  InitializeSRWLock(::new (static_cast<void*>(storage_)) SRWLOCK);
}

mutex::~mutex() = default;  // an unlocked SRWLOCK holds nothing

void mutex::lock() noexcept {
  AcquireSRWLockExclusive(as<SRWLOCK>(storage_));
}

bool mutex::try_lock() noexcept {
  return TryAcquireSRWLockExclusive(as<SRWLOCK>(storage_)) != 0;
}

void mutex::unlock() noexcept {
  ReleaseSRWLockExclusive(as<SRWLOCK>(storage_));
}

condition::condition() noexcept {
  InitializeConditionVariable(::new (static_cast<void*>(storage_)) CONDITION_VARIABLE);
}

condition::~condition() = default;

void condition::wait(mutex& m) noexcept {
  const BOOL woken = SleepConditionVariableSRW(as<CONDITION_VARIABLE>(storage_),
                                               as<SRWLOCK>(m.storage_), INFINITE, 0);
  WEIR_ASSERT(woken != 0);
}

bool condition::wait_until(mutex& m, time_ns due_ns) noexcept {
  if (due_ns == never_ns) {
    wait(m);
    return true;
  }
  const time_ns now = system_clock().now_ns();
  if (due_ns <= now) return false;
  // Rounded up, or the last millisecond would be spent in a busy loop; INFINITE is a number too,
  // so a day at a time, and what is longer comes back as a spurious wake.
  constexpr time_ns longest_ms = 86'400'000;
  const time_ns wanted_ms = (due_ns - now - 1) / millisecond_ns + 1;
  const time_ns span_ms = wanted_ms < longest_ms ? wanted_ms : longest_ms;
  const BOOL woken = SleepConditionVariableSRW(
      as<CONDITION_VARIABLE>(storage_), as<SRWLOCK>(m.storage_), static_cast<DWORD>(span_ms), 0);
  if (woken == 0) WEIR_ASSERT(GetLastError() == ERROR_TIMEOUT);
  return woken != 0 || system_clock().now_ns() < due_ns;
}

void condition::wake_one() noexcept {
  WakeConditionVariable(as<CONDITION_VARIABLE>(storage_));
}

void condition::wake_all() noexcept {
  WakeAllConditionVariable(as<CONDITION_VARIABLE>(storage_));
}

}  // namespace weir
