// runtime/task.hpp - task<T>: a child that its parent must await. Lazy, one parent, one thread.
//
// T says success or why not: `error`, `result<U>`, or any type made from an `error`. A frame that
// cannot be had, and an exception that leaves the body, arrive as that error; nothing is thrown.
//
// Stack use is bounded on every compiler and build type. await_suspend() starts the child inline
// and returns false when it finished inline, so that a loop over ready children does not nest.
// Symmetric transfer alone is not enough: gcc makes it a plain call below -O2 and under
// sanitizers.
//
// The rules for g++ 12 (it destroys objects twice in ordinary shapes; ci/tidy looks for them):
// one co_await per full expression, its result named; never inside `?:`, braces, another call's
// arguments or a test macro; what crosses a co_await is trivially copyable or has a constructor;
// no capturing lambda beside a co_await; no structured binding of an awaited result.
#pragma once

#include <coroutine>
#include <exception>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include <weir/platform/error.hpp>
#include <weir/runtime/frame_pool.hpp>
#include <weir/runtime/scope.hpp>

namespace weir::runtime {

// Told when a task that has no awaiting parent is done: a nursery, or a scheduler's run().
struct completion_hook {
  virtual void on_finished() noexcept = 0;  // must not destroy the frame: it is still on the stack

 protected:
  ~completion_hook() = default;
};

struct promise_base {
  std::coroutine_handle<> parent{};
  completion_hook* hook = nullptr;
  scope* in = nullptr;           // never null once started
  bool parent_on_stack = false;  // the child runs inside the parent's await_suspend
  bool finished = false;

  struct final_awaiter {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      promise_base& p = self.promise();
      p.finished = true;
      if (p.hook != nullptr) p.hook->on_finished();
      if (p.parent_on_stack || !p.parent) return std::noop_coroutine();
      return p.parent;
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  final_awaiter final_suspend() const noexcept { return {}; }

  static void* operator new(std::size_t bytes) noexcept { return frame_pool::allocate(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept {
    frame_pool::release(frame, bytes);
  }
};

template <class T>
class [[nodiscard]] task {
  static_assert(crosses_await<T>, "give the result a constructor: see platform/error.hpp");
  static_assert(std::is_constructible_v<T, error>, "a task's result must be able to say an error");

 public:
  using value_type = T;

  struct promise_type : promise_base {
    std::optional<T> value;

    task get_return_object() noexcept { return task(handle::from_promise(*this)); }
    static task get_return_object_on_allocation_failure() noexcept { return task(handle{}); }
    template <class V>
    void return_value(V&& v) {
      value.emplace(std::forward<V>(v));
    }
    void unhandled_exception() noexcept {
#if defined(__cpp_exceptions)
      try {
        throw;
      } catch (const std::bad_alloc&) {
        value.emplace(error(errc::memory_exhausted, "exception in a task"));
      } catch (...) {
        value.emplace(error(errc::exception, "exception in a task"));
      }
#endif
    }
  };
  using handle = std::coroutine_handle<promise_type>;

  explicit task(handle h) noexcept : handle_(h) {}
  task(task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  task& operator=(task&&) = delete;
  ~task() {
    if (!handle_) return;
    // A started task may end only after it has finished: a parked frame is never destroyed.
    WEIR_ASSERT(handle_.promise().in == nullptr || handle_.promise().finished);
    handle_.destroy();
  }

  bool await_ready() const noexcept { return !handle_; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> parent) noexcept {
    return start(parent, *parent.promise().in);
  }
  T await_resume() { return take(); }

  // For code that is not a coroutine. Starts the task in `in`; true while it runs on: `parent`
  // (if any) is resumed, or `hook` told, when it is done. False: it is done already.
  bool start(std::coroutine_handle<> parent, scope& in, completion_hook* hook = nullptr) noexcept {
    if (!handle_) return false;
    promise_type& p = handle_.promise();
    WEIR_ASSERT(p.in == nullptr);  // started twice
    p.parent = parent;
    p.in = &in;
    p.parent_on_stack = true;
    p.hook = nullptr;
    handle_.resume();
    p.parent_on_stack = false;
    if (!p.finished) p.hook = hook;
    return !p.finished;
  }

  // True when the frame could not be had: nothing will run, and take() says errc::limit.
  bool refused() const noexcept { return !handle_; }
  bool finished() const noexcept { return !handle_ || handle_.promise().finished; }

  // The outcome of a finished task, once.
  T take() {
    if (!handle_) return T(error(errc::limit, "frame_bytes_max"));
    WEIR_ASSERT(handle_.promise().value.has_value());
    return std::move(*handle_.promise().value);
  }

 private:
  handle handle_;
};

// The scope the calling coroutine runs in:  scope& here = co_await this_scope();
struct this_scope {
  scope* found = nullptr;
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> caller) noexcept {
    found = caller.promise().in;
    return false;
  }
  scope& await_resume() const noexcept { return *found; }
};

}  // namespace weir::runtime
