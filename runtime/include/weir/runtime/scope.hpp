// runtime/scope.hpp - a cancel scope: one deadline and one reason over everything awaited inside.
//
// Cancelling asks; it never destroys. Each parked operation answers through its one completion,
// because a kernel may own its memory until then. A cancelled scope stays cancelled: the next
// operation inside it fails at once with the same reason (level-triggered).
//
//   open --cancel(), or the deadline--> cancelled (the first reason wins; it goes to the children)
//
// A shielded scope is in the tree but is not told of its parents' reasons: it is where cleanup
// that must wait runs, under a deadline of its own.
#pragma once

#include <coroutine>
#include <cstdint>

#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/platform/time.hpp>
#include <weir/runtime/hold_watch.hpp>
#include <weir/runtime/ready_queue.hpp>
#include <weir/runtime/timer_heap.hpp>

namespace weir::runtime {

class scheduler;
class scope;

// The base of every parked leaf operation. It lives in the awaiting coroutine's frame: parking
// allocates nothing.
class WEIR_EXPORT wait_node : public ready_node {
 public:
  // `what` is static storage: it names the operation in the task tree.
  explicit wait_node(const char* what) noexcept : ready_node(&resume), what_(what) {}

  // Asked by the scope, or by interrupt(). Must lead to exactly one wake(), now or later.
  virtual void on_cancel(error why) noexcept = 0;

  // Asks this one operation to end, without cancelling its scope. Does nothing when not parked.
  void interrupt(error why) noexcept {
    if (in_ != nullptr) on_cancel(why);
  }

  const char* what() const noexcept { return what_; }
  time_ns since_ns() const noexcept { return since_ns_; }
  const wait_node* next_parked() const noexcept { return next_parked_; }
  bool parked() const noexcept { return in_ != nullptr; }

 protected:
  virtual ~wait_node() { WEIR_ASSERT(in_ == nullptr); }

  // Called by await_suspend: from here on wake() resumes `waiter`.
  void park(scope& in, std::coroutine_handle<> waiter) noexcept;
  // Takes the node off its scope and queues its coroutine. Never resumes it from inside the call.
  void wake() noexcept;

 private:
  friend class scope;
  static void resume(ready_node& node) noexcept;

  const char* what_;
  scope* in_ = nullptr;
  wait_node* next_parked_ = nullptr;
  wait_node** link_ = nullptr;
  time_ns since_ns_ = 0;
  hold_watch* watch_ = nullptr;  // of the scope it was parked in
  std::coroutine_handle<> waiter_{};
};

class WEIR_EXPORT scope : private timer {
 public:
  enum class kind : std::uint8_t { ordinary, shielded };

  // `name` is static storage or outlives the scope: it is what the task tree prints. A scope made
  // under a cancelled parent is born cancelled, unless it is shielded.
  scope(scope& parent, const char* name, kind k = kind::ordinary) noexcept;
  scope(const scope&) = delete;
  scope& operator=(const scope&) = delete;
  ~scope();

  // Asks everything inside to end. The first reason wins. Thread: the scheduler's.
  void cancel(error why) noexcept;

  // Cancels with errc::timed_out and `where` at `when_ns` (never_ns: no deadline). Replaces an
  // earlier deadline of this scope; those of the scopes around it go on. A later due time costs a
  // store: the timer is moved only when the new one is sooner, and looks again when it fires.
  void set_deadline(time_ns when_ns, const char* where) noexcept;
  time_ns deadline_ns() const noexcept { return due_ns_; }

  // Why this scope was cancelled; no error while it is open.
  error why() const noexcept { return why_; }

  // Measures what runs in this scope and in those made inside it from now on: see hold_watch.hpp.
  void watch(hold_watch& by) noexcept { watch_ = &by; }
  hold_watch* watched_by() const noexcept { return watch_; }

  scheduler& owner() const noexcept { return owner_; }
  const char* name() const noexcept { return name_; }
  void rename(const char* name) noexcept { name_ = name; }
  time_ns since_ns() const noexcept { return since_ns_; }

  // The tree, for whoever prints it.
  const scope* first_child() const noexcept { return first_child_; }
  const scope* next_sibling() const noexcept { return next_sibling_; }
  const wait_node* first_parked() const noexcept { return parked_; }

 private:
  friend class scheduler;
  friend class wait_node;
  explicit scope(scheduler& owner) noexcept;  // the root

  static void on_deadline(timer& t) noexcept;

  // A scope is its own timer: each connection holds one, mostly idle.
  kind kind_ = kind::ordinary;
  scheduler& owner_;
  scope* parent_ = nullptr;
  scope* first_child_ = nullptr;
  scope* next_sibling_ = nullptr;
  scope* previous_sibling_ = nullptr;
  wait_node* parked_ = nullptr;
  const char* name_;
  const char* deadline_where_ = "deadline";
  time_ns due_ns_ = never_ns;
  time_ns since_ns_ = 0;
  error why_{};
  hold_watch* watch_ = nullptr;
};

}  // namespace weir::runtime
