// runtime/within.hpp - run a child under a deadline, or shielded from cancellation.
#pragma once

#include <coroutine>
#include <optional>
#include <utility>

#include <weir/runtime/scope.hpp>
#include <weir/runtime/task.hpp>

namespace weir::runtime {

// What within() and shielded() return. The scope lives in this awaiter, which lives in the
// caller's frame: a deadline costs no allocation.
template <class T>
class [[nodiscard]] scoped_task {
 public:
  scoped_task(task<T> child, scope::kind kind, time_ns due_ns, const char* where) noexcept
      : child_(std::move(child)), due_ns_(due_ns), where_(where), kind_(kind) {}
  scoped_task(scoped_task&& other) noexcept  // before it is awaited only
      : child_(std::move(other.child_)),
        due_ns_(other.due_ns_),
        where_(other.where_),
        kind_(other.kind_) {
    WEIR_ASSERT(!other.scope_.has_value());
  }

  bool await_ready() const noexcept { return child_.refused(); }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> parent) noexcept {
    scope_.emplace(*parent.promise().in, where_, kind_);
    scope_->set_deadline(due_ns_, where_);
    return child_.start(parent, *scope_);
  }
  T await_resume() {
    scope_.reset();
    return child_.take();
  }

 private:
  std::optional<scope> scope_;
  task<T> child_;
  time_ns due_ns_;
  const char* where_;
  scope::kind kind_;
};

// What run_in() returns.
template <class T>
class [[nodiscard]] task_in_scope {
 public:
  task_in_scope(scope& in, task<T> child) noexcept : in_(in), child_(std::move(child)) {}
  bool await_ready() const noexcept { return child_.refused(); }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> parent) noexcept {
    hold_watch* const watch = in_.watched_by();
    if (watch == nullptr) return child_.start(parent, in_);
    watch->begin();
    const bool runs_on = child_.start(parent, in_);
    watch->end();
    return runs_on;
  }
  T await_resume() { return child_.take(); }

 private:
  scope& in_;
  task<T> child_;
};

// Awaits `child` inside `in`, a scope of the caller's own: for a deadline that is moved or lifted
// while the child runs.
template <class T>
task_in_scope<T> run_in(scope& in, task<T> child) noexcept {
  return task_in_scope<T>(in, std::move(child));
}

// Awaits `child` with a deadline over all it does. Leaf operations inside fail with
// errc::timed_out and `where` once `due_ns` is past; an earlier deadline around it still counts.
template <class T>
scoped_task<T> within(time_ns due_ns, const char* where, task<T> child) noexcept {
  return scoped_task<T>(std::move(child), scope::kind::ordinary, due_ns, where);
}

// Awaits `child` out of reach of cancellations and deadlines around it, until `due_ns`: for
// cleanup that has to wait, such as a last answer or a close. The deadline is not optional.
template <class T>
scoped_task<T> shielded(time_ns due_ns, const char* where, task<T> child) noexcept {
  return scoped_task<T>(std::move(child), scope::kind::shielded, due_ns, where);
}

}  // namespace weir::runtime
