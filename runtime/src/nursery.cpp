// runtime/nursery.cpp - see the header.
#include <weir/runtime/nursery.hpp>

#include <new>
#include <utility>

#include <weir/runtime/scheduler.hpp>

namespace weir::runtime {

// A child and the scope it runs in. Lives from start() to the turn after the child's end.
//
//   queued --run--> running --end--> queued --run--> gone
struct nursery::child final : ready_node, completion_hook {
  child(nursery& n, task<error> t, const char* name) noexcept
      : ready_node(&begin), of(n), in(n.scope_, name), body(std::move(t)) {}

  static void begin(ready_node& node) noexcept {
    child& c = static_cast<child&>(node);
    c.run = &end;
    hold_watch* const watch = c.in.watched_by();
    if (watch != nullptr) watch->begin();
    const bool runs_on = c.body.start({}, c.in, &c);
    if (watch != nullptr) watch->end();
    if (!runs_on) c.of.ended(c);
  }
  static void end(ready_node& node) noexcept {
    child& c = static_cast<child&>(node);
    c.of.ended(c);
  }
  // The frame is still on the stack: it is destroyed from the ready queue.
  void on_finished() noexcept override { in.owner().make_ready(*this); }

  nursery& of;
  scope in;
  task<error> body;
};

nursery::nursery(scope& parent, const char* name, std::uint32_t children_max,
                 on_failure policy) noexcept
    : scope_(parent, name), children_max_(children_max), policy_(policy) {}

nursery::~nursery() {
  WEIR_ASSERT(children_ == 0);
}

error nursery::start(task<error> body, const char* name) noexcept {
  if (scope_.why()) return scope_.why();
  if (children_ == children_max_) return error(errc::limit, "children_max");
  if (body.refused()) return error(errc::limit, "frame_bytes_max");
  frame_pool::use from(scope_.owner().frames());
  void* const memory = frame_pool::allocate(sizeof(child));
  if (memory == nullptr) return error(errc::limit, "frame_bytes_max");
  ++children_;
  scope_.owner().make_ready(*new (memory) child(*this, std::move(body), name));
  return {};
}

void nursery::ended(child& c) noexcept {
  const error why = c.body.take();
  c.~child();
  frame_pool::release(&c, sizeof(child));
  --children_;
  if (why && !first_failure_) {
    first_failure_ = why;
    if (policy_ == on_failure::cancel_siblings) {
      scope_.cancel(error(errc::cancelled, "a sibling failed"));
    }
  }
  if (children_ == 0 && joiner_ != nullptr) {
    joiner* const waiting = std::exchange(joiner_, nullptr);
    waiting->wake();
  }
}

void nursery::joiner::begin(scope& in, std::coroutine_handle<> waiter) noexcept {
  WEIR_ASSERT(of_.joiner_ == nullptr);  // one joins
  of_.joiner_ = this;
  park(in, waiter);
}

}  // namespace weir::runtime
