// runtime/offload.cpp - the pool as its users see it; who runs the jobs is in the cores.
#include <weir/runtime/offload.hpp>

#include "offload_core.hpp"

namespace weir::runtime {

namespace detail {

offload_wait::offload_wait(std::shared_ptr<offload_core> core, const offload_options& options,
                           std::shared_ptr<offload_job> job) noexcept
    : wait_node(options.name),
      core_(std::move(core)),
      job_(std::move(job)),
      queue_wait_max_ns_(options.queue_wait_max_ns) {}

void offload_job::answer_post::deliver(posted_job& posted) noexcept {
  // The job, and this with it, ends here when nobody else has it.
  const std::shared_ptr<offload_job> job = std::move(static_cast<answer_post&>(posted).self);
  job->waiter->answer({});
}

bool offload_wait::begin(scope& in, std::coroutine_handle<> waiter) noexcept {
  why_ = in.why();
  if (why_) return false;
  // Parked first: on another thread the job may be done before begin() returns.
  park(in, waiter);
  job_->waiter = this;
  owner_ = &in.owner();
  why_ = core_->begin(job_);
  if (why_) {
    wake();
  } else if (queue_wait_max_ns_ != never_ns) {
    owner_->timers().arm(patience_, due_after(owner_->now_ns(), queue_wait_max_ns_));
  }
  return true;
}

void offload_wait::answer(error why) noexcept {
  if (!why) began_ = true;
  owner_->timers().disarm(patience_);
  why_ = why;
  wake();
}

void offload_wait::on_cancel(error why) noexcept {
  if (core_->withdraw(job_, false)) return answer(why);
  if (!core_->abandon(job_)) return;  // a result that races a cancel is delivered
  began_ = true;
  answer(why);
}

void offload_wait::on_waited_out(timer& t) noexcept {
  offload_wait& self = *static_cast<patience&>(t).of;
  if (self.core_->withdraw(self.job_, true)) self.answer(error(errc::limit, "queue_wait_max_ns"));
}

}  // namespace detail

offload::offload(scheduler& owner, const offload_options& options)
    : options_(options),
      core_(owner.poller().virtual_time() ? detail::make_virtual_core(owner, options)
                                          : detail::make_thread_core(owner, options)) {
  WEIR_ASSERT(options.workers_max > 0);
}

offload::~offload() {
  static_cast<void>(stop(second_ns));
}

std::uint32_t offload::stop(time_ns bound_ns) noexcept {
  return core_->stop(bound_ns);
}

offload_counters offload::counters() const noexcept {
  return core_->counters();
}

}  // namespace weir::runtime
