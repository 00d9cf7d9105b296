// runtime/offload_virtual.cpp - jobs in virtual time: the same pool, queue and limits, no thread.
#include <utility>
#include <vector>

#include "offload_core.hpp"

namespace weir::runtime::detail {

namespace {

class virtual_core final : public offload_core {
 public:
  virtual_core(scheduler& owner, const offload_options& options)
      : owner_(owner), options_(options) {
    workers_.reserve(options.workers_max);
  }
  ~virtual_core() override { workers_.clear(); }

  error begin(const std::shared_ptr<offload_job>& job) noexcept override {
    if (stopped_) return error(errc::cancelled, "offload stopped");
    if (worker* const free = free_worker()) {
      run_on(*free, job);
      return {};
    }
    if (queue_.count() >= options_.queue_max) {
      ++counters_.refused;
      return error(errc::limit, "queue_max");
    }
    job->at = offload_job::phase::queued;
    queue_.push(job);
    return {};
  }

  bool withdraw(const std::shared_ptr<offload_job>& job, bool waited_out) noexcept override {
    if (job->at != offload_job::phase::queued) return false;
    queue_.remove(job.get());
    ++(waited_out ? counters_.waited_out : counters_.cancelled);
    job->at = offload_job::phase::abandoned;
    job->waiter = nullptr;
    return true;
  }

  bool abandon(const std::shared_ptr<offload_job>& job) noexcept override {
    if (job->at != offload_job::phase::running) return false;
    ++counters_.abandoned;
    job->at = offload_job::phase::abandoned;
    job->waiter = nullptr;
    return true;
  }

  std::uint32_t stop(time_ns) noexcept override {
    if (stopped_) return left_behind_;
    stopped_ = true;
    while (const std::shared_ptr<offload_job> job = queue_.pop()) dismiss(*job);
    for (std::unique_ptr<worker>& w : workers_) {
      owner_.timers().disarm(*w);
      if (w->job == nullptr) continue;
      ++left_behind_;
      dismiss(*w->job);
      w->job = nullptr;
    }
    counters_.running = 0;
    return left_behind_;
  }

  offload_counters counters() const noexcept override {
    offload_counters now = counters_;
    now.queued = queue_.count();
    return now;
  }

 private:
  static void dismiss(offload_job& job) noexcept {
    job.at = offload_job::phase::abandoned;
    if (job.waiter == nullptr) return;
    std::exchange(job.waiter, nullptr)->answer(error(errc::cancelled, "offload stopped"));
  }

  struct worker final : timer {
    explicit worker(virtual_core& c) noexcept : timer(&on_due), of(c) {}
    static void on_due(timer& t) noexcept {
      worker& self = static_cast<worker&>(t);
      self.of.done(self);
    }
    virtual_core& of;
    std::shared_ptr<offload_job> job;
  };

  worker* free_worker() noexcept {
    for (std::unique_ptr<worker>& w : workers_) {
      if (w->job == nullptr) return w.get();
    }
    if (workers_.size() == options_.workers_max) return nullptr;
    workers_.push_back(std::make_unique<worker>(*this));
    return workers_.back().get();
  }

  void run_on(worker& w, std::shared_ptr<offload_job> job) noexcept {
    job->at = offload_job::phase::running;
    w.job = std::move(job);
    ++counters_.jobs;
    ++counters_.running;
    if (options_.virtual_job_ns == never_ns) return;  // stuck: only cancel or stop end the wait
    owner_.timers().arm(w, due_after(owner_.now_ns(), options_.virtual_job_ns));
  }

  void done(worker& w) noexcept {
    const std::shared_ptr<offload_job> job = std::move(w.job);
    w.job = nullptr;
    --counters_.running;
    job->work();  // also when abandoned: a thread could not have been stopped either
    if (job->at == offload_job::phase::abandoned) {
      ++counters_.late;
    } else {
      job->at = offload_job::phase::done;
      job->waiter->answer({});
    }
    if (std::shared_ptr<offload_job> next = queue_.pop()) run_on(w, std::move(next));
  }

  scheduler& owner_;
  const offload_options options_;
  offload_queue queue_;
  std::vector<std::unique_ptr<worker>> workers_;
  std::uint32_t left_behind_ = 0;
  bool stopped_ = false;
  offload_counters counters_;
};

}  // namespace

std::shared_ptr<offload_core> make_virtual_core(scheduler& owner, const offload_options& options) {
  return std::make_shared<virtual_core>(owner, options);
}

}  // namespace weir::runtime::detail
