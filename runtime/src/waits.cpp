// runtime/waits.cpp - see the header.
#include <weir/runtime/waits.hpp>

#include <weir/runtime/scheduler.hpp>

namespace weir::runtime {

bool sleep_until::begin(scope& in, std::coroutine_handle<> waiter) noexcept {
  why_ = in.why();
  if (why_ || due_ns_ <= in.owner().now_ns()) return false;
  in_scope_ = &in;
  park(in, waiter);
  if (due_ns_ != never_ns) in.owner().timers().arm(alarm_, due_ns_);
  return true;
}

void sleep_until::on_due(timer& t) noexcept {
  static_cast<alarm&>(t).of->wake();
}

void sleep_until::on_cancel(error why) noexcept {
  in_scope_->owner().timers().disarm(alarm_);
  why_ = why;
  wake();
}

bool next_turn::begin(scope& in, std::coroutine_handle<> waiter) noexcept {
  why_ = in.why();
  if (why_) return false;
  in_scope_ = &in;
  park(in, waiter);
  // A timer that is due: timers fire at the start of a turn, after the poller was asked.
  in.owner().timers().arm(alarm_, in.owner().now_ns());
  return true;
}

void next_turn::on_due(timer& t) noexcept {
  static_cast<alarm&>(t).of->wake();
}

void next_turn::on_cancel(error why) noexcept {
  in_scope_->owner().timers().disarm(alarm_);
  why_ = why;
  wake();
}

bool event::waiter::begin(scope& in, std::coroutine_handle<> handle) noexcept {
  why_ = in.why();
  if (why_ || of_.set_) return false;
  previous_ = of_.last_;
  (of_.last_ == nullptr ? of_.first_ : of_.last_->next_) = this;
  of_.last_ = this;
  park(in, handle);
  return true;
}

void event::waiter::on_cancel(error why) noexcept {
  of_.remove(*this);
  why_ = why;
  wake();
}

void event::remove(waiter& w) noexcept {
  (w.previous_ == nullptr ? first_ : w.previous_->next_) = w.next_;
  (w.next_ == nullptr ? last_ : w.next_->previous_) = w.previous_;
  w.next_ = w.previous_ = nullptr;
}

void event::set() noexcept {
  set_ = true;
  while (first_ != nullptr) {
    waiter& first = *first_;
    remove(first);
    first.wake();
  }
}

bool semaphore::waiter::begin(scope& in, std::coroutine_handle<> handle) noexcept {
  why_ = in.why();
  if (why_ || of_.try_acquire()) return false;
  if (of_.waiters_ == of_.waiters_max_) {
    why_ = error(errc::limit, "waiters_max");
    return false;
  }
  previous_ = of_.last_;
  (of_.last_ == nullptr ? of_.first_ : of_.last_->next_) = this;
  of_.last_ = this;
  ++of_.waiters_;
  park(in, handle);
  return true;
}

void semaphore::waiter::on_cancel(error why) noexcept {
  of_.remove(*this);
  why_ = why;
  wake();
}

bool semaphore::try_acquire() noexcept {
  if (permits_ == 0) return false;
  --permits_;
  return true;
}

void semaphore::release() noexcept {
  if (first_ == nullptr) {
    ++permits_;
    return;
  }
  // Handed over, not put back: somebody who comes between would pass the one who waited.
  waiter& next = *first_;
  remove(next);
  next.wake();
}

void semaphore::remove(waiter& w) noexcept {
  (w.previous_ == nullptr ? first_ : w.previous_->next_) = w.next_;
  (w.next_ == nullptr ? last_ : w.next_->previous_) = w.previous_;
  w.next_ = w.previous_ = nullptr;
  --waiters_;
}

}  // namespace weir::runtime
