// runtime/scheduler.cpp - see the header.
#include <weir/runtime/scheduler.hpp>

#include <array>
#include <new>
#include <string>

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
  unpoison(receive_buffer_.get(), options_.receive_buffer_bytes);
  unpoison(send_buffer_.get(), options_.send_buffer_bytes);
}

error scheduler::poll_once(time_ns due_ns) noexcept {
  frame_pool::use frames(frames_);
  if (!ready_.empty() || posted_any_.load(std::memory_order_acquire)) {
    due_ns = now_ns_;
  } else if (const timer* next = timers_.soonest(); next != nullptr && next->due_ns < due_ns) {
    due_ns = next->due_ns;
  }
  std::array<platform::completion, completions_max> done;
  result<std::size_t> count = poller_->wait(done, due_ns);
  now_ns_ = poller_->now_ns();
  if (!count.ok()) return count.why();
  for (std::size_t i = 0; i < count.value(); ++i) {
    static_cast<io_wait*>(done[i].context)->complete(done[i].value, done[i].why);
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
  return {};
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
  bool first = false;
  {
    lock hold(posted_mutex_);
    job.next = nullptr;
    first = posted_first_ == nullptr;
    (first ? posted_first_ : posted_last_->next) = &job;
    posted_last_ = &job;
    posted_any_.store(true, std::memory_order_release);
    // Inside the lock: once it is released the scheduler may run the job and end.
    if (first) poller_->wake();
  }
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

void scheduler::drive::until_done() noexcept {
  bool asked = false;
  while (!done) {
    const error why = of.poll_once(never_ns);
    if (!why) continue;
    of.say_tree(to_string(why.code));
    // The first time everything is asked to end; whatever does not is a leaf that never answers.
    WEIR_ASSERT(!asked);
    asked = true;
    of.root_.cancel(why);
  }
}

std::uint32_t scheduler::shutdown(time_ns bound_ns) noexcept {
  root_.cancel(error(errc::cancelled, "shutdown"));
  const time_ns due_ns = due_after(poller_->now_ns(), bound_ns);
  while (background_.children() > 0 || !ready_.empty()) {
    if (poller_->now_ns() >= due_ns) break;
    if (error why = poll_once(due_ns)) break;
  }
  const std::uint32_t left = background_.children();
  if (left > 0) say_tree("shutdown left tasks behind");
  return left;
}

void scheduler::say_tree(std::string_view headline) noexcept {
  if (options_.sink == nullptr) return;
  options_.sink(options_.sink_context, headline);
  const std::string tree = task_tree(*this);
  options_.sink(options_.sink_context, tree);
}

}  // namespace weir::runtime
