// runtime/waits.hpp - the small things a coroutine can wait for: time, an event, a permit.
//
// All of them are for one scheduler's thread; other threads reach it through scheduler::post().
#pragma once

#include <coroutine>
#include <cstdint>

#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/platform/time.hpp>
#include <weir/runtime/scope.hpp>

namespace weir::runtime {

// co_await sleep_until(due_ns): no error once the instant has come, or why the scope was cancelled.
class [[nodiscard]] WEIR_EXPORT sleep_until final : public wait_node {
 public:
  explicit sleep_until(time_ns due_ns) noexcept : wait_node("sleep"), due_ns_(due_ns) {}

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) noexcept {
    return begin(*waiter.promise().in, waiter);
  }
  error await_resume() const noexcept { return why_; }

  void on_cancel(error why) noexcept override;

 private:
  struct alarm : timer {
    explicit alarm(sleep_until* s) noexcept : timer(&sleep_until::on_due), of(s) {}
    sleep_until* of;
  };
  static void on_due(timer& t) noexcept;
  bool begin(scope& in, std::coroutine_handle<> waiter) noexcept;

  time_ns due_ns_;
  scope* in_scope_ = nullptr;
  alarm alarm_{this};
  error why_{};
};

// co_await next_turn(): lets everything else run and the poller be asked before going on. For one
// that has used its share of a turn. No error, or why the scope was cancelled.
class [[nodiscard]] WEIR_EXPORT next_turn final : public wait_node {
 public:
  next_turn() noexcept : wait_node("next turn") {}

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) noexcept {
    return begin(*waiter.promise().in, waiter);
  }
  error await_resume() const noexcept { return why_; }

  void on_cancel(error why) noexcept override;

 private:
  struct alarm : timer {
    explicit alarm(next_turn* n) noexcept : timer(&next_turn::on_due), of(n) {}
    next_turn* of;
  };
  static void on_due(timer& t) noexcept;
  bool begin(scope& in, std::coroutine_handle<> waiter) noexcept;

  scope* in_scope_ = nullptr;
  alarm alarm_{this};
  error why_{};
};

// A flag that coroutines wait for. Once set, every wait goes through until it is cleared.
class WEIR_EXPORT event {
 public:
  event() = default;
  event(const event&) = delete;
  event& operator=(const event&) = delete;
  ~event() { WEIR_ASSERT(first_ == nullptr); }

  class [[nodiscard]] waiter final : public wait_node {
   public:
    explicit waiter(event& of) noexcept : wait_node("event"), of_(of) {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> handle) noexcept {
      return begin(*handle.promise().in, handle);
    }
    error await_resume() const noexcept { return why_; }
    WEIR_EXPORT void on_cancel(error why) noexcept override;

   private:
    friend class event;
    WEIR_EXPORT bool begin(scope& in, std::coroutine_handle<> handle) noexcept;
    event& of_;
    waiter* next_ = nullptr;
    waiter* previous_ = nullptr;
    error why_{};
  };

  // Resumes all who wait, in the order they came.
  void set() noexcept;
  void clear() noexcept { set_ = false; }
  bool is_set() const noexcept { return set_; }
  // co_await e.wait(): no error once set, or why the scope was cancelled.
  waiter wait() noexcept { return waiter(*this); }

 private:
  void remove(waiter& w) noexcept;
  waiter* first_ = nullptr;
  waiter* last_ = nullptr;
  bool set_ = false;
};

// A number of permits. Waiters are served in order: none is passed over.
class WEIR_EXPORT semaphore {
 public:
  // `waiters_max` bounds the queue; one more is errc::limit at once.
  semaphore(std::uint32_t permits, std::uint32_t waiters_max) noexcept
      : permits_(permits), waiters_max_(waiters_max) {}
  semaphore(const semaphore&) = delete;
  semaphore& operator=(const semaphore&) = delete;
  ~semaphore() { WEIR_ASSERT(first_ == nullptr); }

  class [[nodiscard]] waiter final : public wait_node {
   public:
    explicit waiter(semaphore& of) noexcept : wait_node("semaphore"), of_(of) {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> handle) noexcept {
      return begin(*handle.promise().in, handle);
    }
    error await_resume() const noexcept { return why_; }
    WEIR_EXPORT void on_cancel(error why) noexcept override;

   private:
    friend class semaphore;
    WEIR_EXPORT bool begin(scope& in, std::coroutine_handle<> handle) noexcept;
    semaphore& of_;
    waiter* next_ = nullptr;
    waiter* previous_ = nullptr;
    error why_{};
  };

  // co_await s.acquire(): a permit when there is no error. A permit granted in the instant of a
  // cancel is delivered: who gets no error must release().
  waiter acquire() noexcept { return waiter(*this); }
  bool try_acquire() noexcept;
  void release() noexcept;
  std::uint32_t permits() const noexcept { return permits_; }

 private:
  void remove(waiter& w) noexcept;
  std::uint32_t permits_;
  std::uint32_t waiters_ = 0;
  std::uint32_t waiters_max_;
  waiter* first_ = nullptr;
  waiter* last_ = nullptr;
};

}  // namespace weir::runtime
