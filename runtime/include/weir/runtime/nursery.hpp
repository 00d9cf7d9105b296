// runtime/nursery.hpp - children that run side by side and end before their nursery does.
//
// A function that starts children takes a nursery&: concurrency shows in its signature. A nursery
// cannot be left while a child runs (asserted): `co_await children.join()` is how it is left, and
// it waits even when cancelled, because cancelled children still have to answer.
#pragma once

#include <coroutine>
#include <cstdint>

#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/runtime/scope.hpp>
#include <weir/runtime/task.hpp>

namespace weir::runtime {

class WEIR_EXPORT nursery {
 public:
  enum class on_failure : std::uint8_t {
    cancel_siblings,  // the first child that ends with an error cancels the others
    carry_on,         // each child's failure is its own
  };

  // At most `children_max` run at one time.
  nursery(scope& parent, const char* name, std::uint32_t children_max,
          on_failure policy = on_failure::cancel_siblings) noexcept;
  nursery(const nursery&) = delete;
  nursery& operator=(const nursery&) = delete;
  ~nursery();

  // Runs `child` in a scope of its own, beginning in this turn after the caller. `name` as in
  // scope. Errors, with the child not started: errc::limit (children_max, or no frame), or why the
  // nursery was cancelled.
  error start(task<error> child, const char* name) noexcept;

  // Asks every child to end.
  void cancel(error why) noexcept { scope_.cancel(why); }

  class [[nodiscard]] joiner final : public wait_node {
   public:
    explicit joiner(nursery& of) noexcept : wait_node("join"), of_(of) {}
    bool await_ready() const noexcept { return of_.children_ == 0; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> waiter) noexcept {
      begin(*waiter.promise().in, waiter);
    }
    error await_resume() const noexcept { return of_.first_failure_; }
    void on_cancel(error) noexcept override {}  // the children are told by their own scope

   private:
    friend class nursery;
    WEIR_EXPORT void begin(scope& in, std::coroutine_handle<> waiter) noexcept;
    nursery& of_;
  };
  // co_await n.join(): waits for every child; the first failure, or no error.
  joiner join() noexcept { return joiner(*this); }

  scope& inside() noexcept { return scope_; }
  std::uint32_t children() const noexcept { return children_; }

 private:
  struct child;
  void ended(child& c) noexcept;

  scope scope_;
  joiner* joiner_ = nullptr;
  std::uint32_t children_ = 0;
  std::uint32_t children_max_;
  on_failure policy_;
  error first_failure_{};
};

}  // namespace weir::runtime
