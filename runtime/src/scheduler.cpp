// runtime/scheduler.cpp - see the header.
#include <weir/runtime/scheduler.hpp>

#include <new>
#include <string>
#include <thread>

#include <weir/runtime/byte_stream.hpp>
#include <weir/runtime/task_tree.hpp>

#include "lent_buffer.hpp"

namespace weir::runtime {

namespace {

constexpr std::size_t completions_max = 256;  // of one wait

// Children of the scheduler's own nursery; what they are is bounded by whoever starts them.
constexpr std::uint32_t background_max = 1'000'000;

}  // namespace

scheduler::scheduler(std::unique_ptr<platform::poller> poller, const scheduler_options& options)
    : poller_(std::move(poller)),
      options_(options),
      frames_(options.frame_bytes_max),
      now_ns_(poller_->now_ns()),
      done_(std::make_unique<platform::completion[]>(completions_max)),
      receive_buffer_(std::make_unique<std::byte[]>(options.receive_buffer_bytes)),
      send_buffer_(std::make_unique<std::byte[]>(options.send_buffer_bytes)),
      root_(*this),
      background_(root_, "background", background_max, nursery::on_failure::carry_on) {
  WEIR_ASSERT(options.turn_budget > 0);
  lent_ = true;
  take_back_buffers();
}

result<std::unique_ptr<scheduler>> scheduler::open(const scheduler_options& options) noexcept {
  result<std::unique_ptr<platform::poller>> poller =
      platform::open_poller(platform::poller_options());
  if (!poller.ok()) return poller.why();
#if defined(__cpp_exceptions)
  try {
    return std::make_unique<scheduler>(std::move(poller).value(), options);
  } catch (const std::bad_alloc&) {
    return error(errc::memory_exhausted, "scheduler");
  }
#else
  return std::make_unique<scheduler>(std::move(poller).value(), options);
#endif
}

scheduler::~scheduler() {
  const std::uint32_t left = shutdown(10 * second_ns);
  WEIR_ASSERT(left == 0);  // a leaf operation did not answer; the sink was told which
  // The job of a post() that is about to return may be what has ended us.
  while (posting_.load(std::memory_order_acquire) != 0) std::this_thread::yield();
  unpoison(receive_buffer_.get(), options_.receive_buffer_bytes);
  unpoison(send_buffer_.get(), options_.send_buffer_bytes);
}

error scheduler::poll_once(time_ns due_ns) noexcept {
  WEIR_ASSERT(!in_turn_);  // called from something that this scheduler runs
  in_turn_ = true;
  frame_pool::use frames(frames_);
  if (!ready_.empty() || posted_any_.load(std::memory_order_acquire)) {
    due_ns = now_ns_;
  } else if (const timer* next = timers_.soonest(); next != nullptr && next->due_ns < due_ns) {
    due_ns = next->due_ns;
  }
  result<std::size_t> waited = poller_->wait({done_.get(), completions_max}, due_ns);
  now_ns_ = poller_->now_ns();
  // What does not need the poller goes on when it is broken: tasks have to be able to end.
  const std::size_t count = waited.ok() ? waited.value() : 0;
  for (std::size_t i = 0; i < count; ++i) {
    const platform::completion& done = done_[i];
    static_cast<io_wait*>(done.context)->complete(done.value, done.why);
  }
  run_posted();
  fire_timers();
  run_ready();
  take_back_buffers();

  ++counters_.turns;
  if (!ready_.empty()) ++counters_.budget_exhausted;
  const time_ns turn_ns = poller_->now_ns() - now_ns_;
  if (turn_ns > counters_.longest_turn_ns) counters_.longest_turn_ns = turn_ns;
  if (turn_ns > options_.long_turn_ns) ++counters_.long_turns;
  in_turn_ = false;
  return waited.why();
}

void scheduler::run_posted() noexcept {
  if (!posted_any_.load(std::memory_order_acquire)) return;
  posted_job* next = nullptr;
  {
    lock hold(posted_mutex_);
    next = posted_first_;
    posted_first_ = posted_last_ = nullptr;
    posted_any_.store(false, std::memory_order_release);
  }
  while (next != nullptr) {
    posted_job& job = *next;
    next = job.next;  // before it runs: the job may be gone afterwards
    ++counters_.posted;
    job.run(job);
  }
}

void scheduler::post(posted_job& job) noexcept {
  posting_.fetch_add(1, std::memory_order_relaxed);
  bool first = false;
  {
    lock hold(posted_mutex_);
    job.next = nullptr;
    first = posted_first_ == nullptr;
    (first ? posted_first_ : posted_last_->next) = &job;
    posted_last_ = &job;
    posted_any_.store(true, std::memory_order_release);
  }
  // Not under the lock: who is woken takes it at once, and would wait for us.
  if (first) poller_->wake();
  // Meanwhile the scheduler may have run the job, and be about to end: see the destructor.
  posting_.fetch_sub(1, std::memory_order_release);
}

void scheduler::fire_timers() noexcept {
  for (timer* next = timers_.soonest(); next != nullptr && next->due_ns <= now_ns_;
       next = timers_.soonest()) {
    timers_.disarm(*next);
    ++counters_.timers_fired;
    next->fire(*next);
  }
}

void scheduler::run_ready() noexcept {
  for (std::uint32_t left = options_.turn_budget; left > 0; --left) {
    ready_node* const node = ready_.pop();
    if (node == nullptr) return;
    ++counters_.resumptions;
    node->run(*node);
  }
}

byte_span scheduler::lend_receive_buffer() noexcept {
  lent_ = true;
  unpoison(receive_buffer_.get(), options_.receive_buffer_bytes);
  return {receive_buffer_.get(), options_.receive_buffer_bytes};
}

byte_span scheduler::lend_send_buffer() noexcept {
  lent_ = true;
  unpoison(send_buffer_.get(), options_.send_buffer_bytes);
  return {send_buffer_.get(), options_.send_buffer_bytes};
}

void scheduler::take_back_buffers() noexcept {
  if (!lent_) return;
  lent_ = false;
  poison(receive_buffer_.get(), options_.receive_buffer_bytes);
  poison(send_buffer_.get(), options_.send_buffer_bytes);
}

void scheduler::drive::begin() noexcept {
  // The instant of the last turn may be long ago: deadlines are counted from now.
  of.now_ns_ = of.poller_->now_ns();
}

void scheduler::drive::until_done() noexcept {
  bool asked = false;
  while (!done) {
    const std::uint64_t before = of.counters_.resumptions;
    const error why = of.poll_once(never_ns);
    if (!why || done) continue;
    if (!asked) {
      // The first time everything is asked to end.
      asked = true;
      of.say_tree(to_string(why.code));
      of.root_.cancel(why);
    } else if (of.counters_.resumptions == before) {
      // Virtual time will not help any more: what is left is a leaf that never answers. In real
      // time a shielded scope may still have to reach its deadline, or a worker to answer.
      if (of.poller_->virtual_time()) of.say_tree("something does not answer its cancel");
      WEIR_ASSERT(!of.poller_->virtual_time());
      of.pause_without_poller();
    }
  }
}

// A broken poller returns at once, again and again; the processor is not to pay for it.
void scheduler::pause_without_poller() noexcept {
  mutex none;
  condition never;
  lock hold(none);
  static_cast<void>(never.wait_until(none, due_after(poller_->now_ns(), 5 * millisecond_ns)));
}

std::uint32_t scheduler::shutdown(time_ns bound_ns) noexcept {
  root_.cancel(error(errc::cancelled, "shutdown"));
  const time_ns due_ns = due_after(poller_->now_ns(), bound_ns);
  while (background_.children() > 0 || !ready_.empty() ||
         posted_any_.load(std::memory_order_acquire)) {
    if (poller_->now_ns() >= due_ns) break;
    const std::uint64_t before = counters_.resumptions;
    if (!poll_once(due_ns) || counters_.resumptions != before) continue;
    if (poller_->virtual_time()) break;
    pause_without_poller();
  }
  const std::uint32_t left = background_.children();
  if (left > 0) say_tree("shutdown left tasks behind");
  return left;
}

void scheduler::say_tree(std::string_view headline) noexcept {
  if (options_.sink == nullptr) return;
  options_.sink(options_.sink_context, headline);
#if defined(__cpp_exceptions)
  try {
    options_.sink(options_.sink_context, task_tree(*this));
  } catch (const std::bad_alloc&) {
    options_.sink(options_.sink_context, "no memory for the task tree");
  }
#else
  options_.sink(options_.sink_context, task_tree(*this));
#endif
}

}  // namespace weir::runtime
