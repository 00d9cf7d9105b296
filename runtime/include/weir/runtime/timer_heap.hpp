// runtime/timer_heap.hpp - instants at which something is due, soonest first.
//
// A pairing heap whose links live in the timers: arming allocates nothing, has no capacity to
// exhaust and cannot fail. Arming is O(1), disarming and popping O(log n) amortised.
#pragma once

#include <cstddef>

#include <weir/platform/assert.hpp>
#include <weir/platform/time.hpp>

namespace weir::runtime {

// Something due at an instant. Embed it in what it belongs to; it may not move or end while armed.
struct timer {
  using callback = void (*)(timer&) noexcept;

  explicit timer(callback on_due) noexcept : fire(on_due) {}
  timer(const timer&) = delete;
  timer& operator=(const timer&) = delete;
  ~timer() { WEIR_ASSERT(!armed); }

  callback fire;  // called once, on the scheduler's thread, with the timer disarmed
  time_ns due_ns = 0;

 private:
  friend class timer_heap;
  timer* child_ = nullptr;     // first of those due no sooner than this one
  timer* sibling_ = nullptr;   // next child of the same parent
  timer* previous_ = nullptr;  // previous sibling, or the parent for a first child

 public:
  bool armed = false;
};

class timer_heap {
 public:
  timer_heap() = default;
  timer_heap(const timer_heap&) = delete;
  timer_heap& operator=(const timer_heap&) = delete;

  void arm(timer& t, time_ns due_ns) noexcept {
    WEIR_ASSERT(!t.armed);
    t.due_ns = due_ns;
    t.armed = true;
    t.child_ = t.sibling_ = t.previous_ = nullptr;
    root_ = root_ == nullptr ? &t : meld(root_, &t);
    ++count_;
  }

  // Does nothing to a timer that is not armed: completion and cancellation may both call it.
  void disarm(timer& t) noexcept {
    if (!t.armed) return;
    timer* const rest = meld_children(t);
    if (&t == root_) {
      root_ = rest;
    } else {
      cut(t);
      if (rest != nullptr) root_ = meld(root_, rest);
    }
    t.armed = false;
    --count_;
  }

  // The timer due first, or null.
  timer* soonest() const noexcept { return root_; }
  std::size_t count() const noexcept { return count_; }

 private:
  // Makes the later of two roots the first child of the sooner one. On a tie the first stays on
  // top, so that timers of one instant fire in the order they were armed where it is cheap.
  static timer* meld(timer* a, timer* b) noexcept {
    if (b->due_ns < a->due_ns) {
      timer* const kept = a;
      a = b;
      b = kept;
    }
    b->sibling_ = a->child_;
    b->previous_ = a;
    if (a->child_ != nullptr) a->child_->previous_ = b;
    a->child_ = b;
    a->sibling_ = a->previous_ = nullptr;
    return a;
  }

  static void cut(timer& t) noexcept {
    if (t.previous_->child_ == &t) {
      t.previous_->child_ = t.sibling_;
    } else {
      t.previous_->sibling_ = t.sibling_;
    }
    if (t.sibling_ != nullptr) t.sibling_->previous_ = t.previous_;
    t.sibling_ = t.previous_ = nullptr;
  }

  // The two-pass merge that gives the heap its bound: pairs from left to right, then the pairs
  // from right to left. Loops, no recursion: a heap of a million timers may be a million wide.
  static timer* meld_children(timer& t) noexcept {
    timer* pairs = nullptr;  // a stack through sibling_
    timer* next = t.child_;
    t.child_ = nullptr;
    while (next != nullptr) {
      timer* const first = next;
      timer* const second = first->sibling_;
      next = second == nullptr ? nullptr : second->sibling_;
      timer* const pair = second == nullptr ? first : meld(first, second);
      pair->sibling_ = pairs;
      pair->previous_ = nullptr;
      pairs = pair;
    }
    timer* merged = nullptr;
    while (pairs != nullptr) {
      timer* const pair = pairs;
      pairs = pair->sibling_;
      pair->sibling_ = nullptr;
      merged = merged == nullptr ? pair : meld(merged, pair);
    }
    return merged;
  }

  timer* root_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace weir::runtime
