// runtime/offload_core.hpp - what an offload pool asks of whoever runs its jobs.
#pragma once

#include <memory>

#include <weir/runtime/offload.hpp>

namespace weir::runtime::detail {

class offload_core {
 public:
  offload_core() = default;
  offload_core(const offload_core&) = delete;
  offload_core& operator=(const offload_core&) = delete;
  virtual ~offload_core() = default;

  // Takes the job on: it will be answered once, or cancelled. errc::limit: it was not taken.
  virtual error begin(const std::shared_ptr<offload_job>& job) noexcept = 0;
  // Takes the job out of the queue: it will not run. False when it is not there (any more).
  // `waited_out`: for how it is counted.
  virtual bool withdraw(const std::shared_ptr<offload_job>& job, bool waited_out) noexcept = 0;
  // Leaves a running job to itself. False when it is done: its answer is on its way.
  virtual bool abandon(const std::shared_ptr<offload_job>& job) noexcept = 0;
  virtual std::uint32_t stop(time_ns bound_ns) noexcept = 0;
  virtual offload_counters counters() const noexcept = 0;
};

std::shared_ptr<offload_core> make_thread_core(scheduler& owner, const offload_options& options);
std::shared_ptr<offload_core> make_virtual_core(scheduler& owner, const offload_options& options);

// Jobs in the order they came. Each holds the next, so queueing allocates nothing.
class offload_queue {
 public:
  std::uint32_t count() const noexcept { return count_; }

  void push(std::shared_ptr<offload_job> job) noexcept {
    offload_job* const raw = job.get();
    (last_ == nullptr ? first_ : last_->next) = std::move(job);
    last_ = raw;
    ++count_;
  }

  std::shared_ptr<offload_job> pop() noexcept {
    if (first_ == nullptr) return nullptr;
    std::shared_ptr<offload_job> job = std::move(first_);
    first_ = std::move(job->next);
    if (first_ == nullptr) last_ = nullptr;
    --count_;
    return job;
  }

  void remove(const offload_job* job) noexcept {
    offload_job* before = nullptr;
    for (offload_job* at = first_.get(); at != nullptr; before = at, at = at->next.get()) {
      if (at != job) continue;
      std::shared_ptr<offload_job>& link = before == nullptr ? first_ : before->next;
      std::shared_ptr<offload_job> rest = std::move(link->next);
      if (last_ == job) last_ = before;
      link = std::move(rest);
      --count_;
      return;
    }
  }

 private:
  std::shared_ptr<offload_job> first_;
  offload_job* last_ = nullptr;
  std::uint32_t count_ = 0;
};

}  // namespace weir::runtime::detail
