// runtime/offload_threads.cpp - jobs on threads.
//
// Everything is under one mutex. A worker holds the core by a counted reference, so that one which
// is abandoned in a job that never ends touches nothing that was freed.
#include <list>
#include <new>
#include <system_error>
#include <thread>

#include <weir/platform/clock.hpp>
#include <weir/platform/mutex.hpp>

#include "offload_core.hpp"

namespace weir::runtime::detail {

namespace {

// The way back: posted to the scheduler when a job is done, and keeps it alive until then.
struct answer_post final : posted_job {
  explicit answer_post(std::shared_ptr<offload_job> j) noexcept
      : posted_job(&deliver), job(std::move(j)) {}
  static void deliver(posted_job& posted) noexcept {
    std::unique_ptr<answer_post> self(static_cast<answer_post*>(&posted));
    self->job->waiter->answer();
  }
  std::shared_ptr<offload_job> job;
};

class thread_core final : public offload_core, public std::enable_shared_from_this<thread_core> {
 public:
  thread_core(scheduler& owner, const offload_options& options)
      : owner_(&owner), options_(options) {}

  error begin(const std::shared_ptr<offload_job>& job) noexcept override {
    lock hold(mutex_);
    if (stopping_) return error(errc::cancelled, "offload stopped");
    const bool worker_free = idle_ > queue_.count();
    const bool may_grow = workers_.size() < options_.workers_max;
    if (!worker_free && !may_grow && queue_.count() >= options_.queue_max) {
      ++counters_.refused;
      return error(errc::limit, "queue_max");
    }
    if (!worker_free && may_grow && !add_worker() && workers_.empty()) {
      ++counters_.refused;
      return error(errc::limit, "no thread could be started");
    }
    job->at = offload_job::phase::queued;
    queue_.push(job);
    work_.wake_one();
    return {};
  }

  bool cancel(const std::shared_ptr<offload_job>& job) noexcept override {
    lock hold(mutex_);
    switch (job->at) {
      case offload_job::phase::queued:
        queue_.remove(job.get());
        ++counters_.cancelled;
        break;
      case offload_job::phase::running: ++counters_.abandoned; break;
      case offload_job::phase::fresh:
      case offload_job::phase::done:
      case offload_job::phase::abandoned: return false;
    }
    job->at = offload_job::phase::abandoned;
    job->waiter = nullptr;
    return true;
  }

  std::uint32_t stop(time_ns bound_ns) noexcept override {
    const time_ns due_ns = due_after(system_clock().now_ns(), bound_ns);
    lock hold(mutex_);
    stopping_ = true;
    owner_ = nullptr;
    while (queue_.pop() != nullptr) {
    }
    work_.wake_all();
    while (counters_.running > 0 || ended_workers_ < workers_.size()) {
      if (!ended_.wait_until(mutex_, due_ns)) break;
    }
    for (worker& w : workers_) {
      if (!w.thread.joinable()) continue;
      if (w.ended) {
        w.thread.join();
      } else {
        w.thread.detach();
        ++left_behind_;
      }
    }
    workers_.clear();
    ended_workers_ = 0;
    return left_behind_;
  }

  offload_counters counters() const noexcept override {
    lock hold(mutex_);
    offload_counters now = counters_;
    now.queued = queue_.count();
    return now;
  }

 private:
  struct worker {
    std::thread thread;
    bool ended = false;
  };

  bool add_worker() noexcept {
    try {
      worker& fresh = workers_.emplace_back();
      try {
        fresh.thread = std::thread([self = shared_from_this(), &fresh] { self->serve(fresh); });
      } catch (const std::system_error&) {
        workers_.pop_back();
        return false;
      }
    } catch (const std::bad_alloc&) {
      return false;
    }
    return true;
  }

  void serve(worker& me) noexcept {
    lock hold(mutex_);
    while (!stopping_) {
      std::shared_ptr<offload_job> job = queue_.pop();
      if (job == nullptr) {
        ++idle_;
        work_.wait(mutex_);
        --idle_;
        continue;
      }
      job->at = offload_job::phase::running;
      ++counters_.jobs;
      ++counters_.running;
      mutex_.unlock();
      job->work();
      mutex_.lock();
      --counters_.running;
      finish(std::move(job));
    }
    // `me` is gone once stop() has given up on this worker.
    if (!workers_.empty()) {
      me.ended = true;
      ++ended_workers_;
    }
    ended_.wake_all();
  }

  void finish(std::shared_ptr<offload_job> job) noexcept {
    if (job->at == offload_job::phase::abandoned || owner_ == nullptr) return;
    job->at = offload_job::phase::done;
    auto* const back = new (std::nothrow) answer_post(std::move(job));
    WEIR_ASSERT(back != nullptr);
    owner_->post(*back);
  }

  scheduler* owner_;  // null once stopped
  const offload_options options_;
  mutable mutex mutex_;
  condition work_;
  condition ended_;
  offload_queue queue_;
  std::list<worker> workers_;
  std::size_t ended_workers_ = 0;
  std::uint32_t idle_ = 0;
  std::uint32_t left_behind_ = 0;
  bool stopping_ = false;
  offload_counters counters_;
};

}  // namespace

std::shared_ptr<offload_core> make_thread_core(scheduler& owner, const offload_options& options) {
  return std::make_shared<thread_core>(owner, options);
}

}  // namespace weir::runtime::detail
