// runtime/scope.cpp - see the header.
#include <weir/runtime/scope.hpp>

#include <weir/runtime/scheduler.hpp>

namespace weir::runtime {

void wait_node::park(scope& in, std::coroutine_handle<> waiter) noexcept {
  WEIR_ASSERT(in_ == nullptr);
  in_ = &in;
  waiter_ = waiter;
  since_ns_ = in.owner_.now_ns();
  next_parked_ = in.parked_;
  link_ = &in.parked_;
  if (next_parked_ != nullptr) next_parked_->link_ = &next_parked_;
  in.parked_ = this;
}

void wait_node::wake() noexcept {
  WEIR_ASSERT(in_ != nullptr);  // woken twice, or never parked: a double completion
  *link_ = next_parked_;
  if (next_parked_ != nullptr) next_parked_->link_ = link_;
  scheduler& owner = in_->owner_;
  watch_ = in_->watched_by();
  in_ = nullptr;
  owner.make_ready(*this);
}

void wait_node::resume(ready_node& node) noexcept {
  wait_node& self = static_cast<wait_node&>(node);
  hold_watch* const watch = self.watch_;
  if (watch == nullptr) return self.waiter_.resume();
  watch->begin();
  self.waiter_.resume();  // its end, maybe
  watch->end();
}

scope::scope(scheduler& owner) noexcept
    : timer(&scope::on_deadline), owner_(owner), name_("root"), since_ns_(owner.now_ns()) {}

scope::scope(scope& parent, const char* name, kind k) noexcept
    : timer(&scope::on_deadline),
      kind_(k),
      owner_(parent.owner_),
      parent_(&parent),
      next_sibling_(parent.first_child_),
      name_(name),
      since_ns_(parent.owner_.now_ns()),
      watch_(parent.watch_) {
  if (next_sibling_ != nullptr) next_sibling_->previous_sibling_ = this;
  parent.first_child_ = this;
  if (kind_ == kind::ordinary) why_ = parent.why_;
}

scope::~scope() {
  WEIR_ASSERT(parked_ == nullptr);  // nothing outlives its scope
  WEIR_ASSERT(first_child_ == nullptr);
  owner_.timers().disarm(*this);
  if (parent_ == nullptr) return;
  if (previous_sibling_ == nullptr) {
    parent_->first_child_ = next_sibling_;
  } else {
    previous_sibling_->next_sibling_ = next_sibling_;
  }
  if (next_sibling_ != nullptr) next_sibling_->previous_sibling_ = previous_sibling_;
}

void scope::cancel(error why) noexcept {
  WEIR_ASSERT(why.code != errc::none);
  if (why_) return;  // the first reason wins
  why_ = why;
  owner_.timers().disarm(*this);
  for (scope* child = first_child_; child != nullptr; child = child->next_sibling_) {
    if (child->kind_ == kind::ordinary) child->cancel(why);
  }
  // Told one at a time through a list of their own: an answer takes nodes off, in any order, and
  // one that stays parked until its completion must not be told again.
  wait_node* untold = parked_;
  if (untold != nullptr) untold->link_ = &untold;
  parked_ = nullptr;
  while (untold != nullptr) {
    wait_node& node = *untold;
    untold = node.next_parked_;
    if (untold != nullptr) untold->link_ = &untold;
    node.next_parked_ = parked_;
    node.link_ = &parked_;
    if (parked_ != nullptr) parked_->link_ = &node.next_parked_;
    parked_ = &node;
    node.on_cancel(why);
  }
}

void scope::set_deadline(time_ns when_ns, const char* where) noexcept {
  if (why_) return;
  due_ns_ = when_ns;
  deadline_where_ = where;
  if (when_ns == never_ns) return;  // an armed timer will look, and find nothing to do
  if (timer::armed && timer::due_ns <= when_ns) return;
  owner_.timers().disarm(*this);
  owner_.timers().arm(*this, when_ns);
}

void scope::on_deadline(timer& t) noexcept {
  scope& s = static_cast<scope&>(t);
  if (s.due_ns_ == never_ns) return;
  if (s.due_ns_ > s.owner_.now_ns()) {
    s.owner_.timers().arm(s, s.due_ns_);
    return;
  }
  s.cancel(error(errc::timed_out, s.deadline_where_));
}

}  // namespace weir::runtime
