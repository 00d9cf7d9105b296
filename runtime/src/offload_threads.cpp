// runtime/offload_threads.cpp - jobs on threads.
//
// Everything is under one mutex. A worker holds the core by a counted reference, so that one which
// is abandoned in a job that never ends touches nothing that was freed. The scheduler is touched
// only for a job that somebody waits for, which cannot be when it has ended.
#include <list>
#include <new>
#include <thread>
#include <utility>

#include <weir/platform/clock.hpp>
#include <weir/platform/mutex.hpp>

#include "offload_core.hpp"

namespace weir::runtime::detail {

namespace {

class thread_core final : public offload_core, public std::enable_shared_from_this<thread_core> {
 public:
  thread_core(scheduler& owner, const offload_options& options)
      : owner_(owner), options_(options) {}

  error begin(const std::shared_ptr<offload_job>& job) noexcept override {
    if (const error why = enqueue(job)) return why;
    work_.wake_one();  // not under the lock: who is woken takes it at once
    return {};
  }

  bool withdraw(const std::shared_ptr<offload_job>& job, bool waited_out) noexcept override {
    lock hold(mutex_);
    if (job->at != offload_job::phase::queued) return false;
    queue_.remove(job.get());
    ++(waited_out ? counters_.waited_out : counters_.cancelled);
    job->at = offload_job::phase::abandoned;
    job->waiter = nullptr;
    return true;
  }

  bool abandon(const std::shared_ptr<offload_job>& job) noexcept override {
    lock hold(mutex_);
    if (job->at != offload_job::phase::running) return false;
    ++counters_.abandoned;
    job->at = offload_job::phase::abandoned;
    job->waiter = nullptr;
    return true;
  }

  std::uint32_t stop(time_ns bound_ns) noexcept override {
    const time_ns due_ns = due_after(system_clock().now_ns(), bound_ns);
    lock hold(mutex_);
    stopping_ = true;
    while (const std::shared_ptr<offload_job> job = queue_.pop()) dismiss(*job);
    for (worker& w : workers_) {
      // One that is done posts its answer, and will be told that.
      if (w.job != nullptr && w.job->at == offload_job::phase::running) dismiss(*w.job);
    }
    work_.wake_all();
    // One without a job ends as soon as it gets the lock; only one that has a job may never end.
    while (ended_workers_ < workers_.size()) {
      if (!ended_.wait_until(mutex_, any_ends_at_once() ? never_ns : due_ns)) break;
    }
    for (worker& w : workers_) {
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
    std::shared_ptr<offload_job> job;  // while it runs one
    bool busy = false;                 // in what is the user's: a job, or the end of its result
    bool ended = false;
  };

  error enqueue(const std::shared_ptr<offload_job>& job) noexcept {
    lock hold(mutex_);
    if (stopping_) return error(errc::cancelled, "offload stopped");
    // Jobs that workers have, or are about to take. Counted so, and not by who is idle: a worker
    // that was told of a job and has not woken yet must not make room or take it away.
    const std::size_t jobs = std::size_t{counters_.running} + queue_.count();
    if (jobs >= workers_.size() && workers_.size() < options_.workers_max) {
      if (!add_worker() && workers_.empty()) {
        ++counters_.refused;
        return error(errc::limit, "no thread could be started");
      }
    }
    if (jobs >= workers_.size() + options_.queue_max) {
      ++counters_.refused;
      return error(errc::limit, "queue_max");
    }
    job->at = offload_job::phase::queued;
    queue_.push(job);
    return {};
  }

  static void dismiss(offload_job& job) noexcept {
    job.at = offload_job::phase::abandoned;
    if (job.waiter == nullptr) return;
    std::exchange(job.waiter, nullptr)->answer(error(errc::cancelled, "offload stopped"));
  }

  bool any_ends_at_once() const noexcept {
    for (const worker& w : workers_) {
      if (!w.busy && !w.ended) return true;
    }
    return false;
  }

  bool add_worker() noexcept {
    try {
      worker& fresh = workers_.emplace_back();
      try {
        fresh.thread = std::thread([self = shared_from_this(), &fresh] { self->serve(fresh); });
        return true;
      } catch (...) {  // std::system_error, std::bad_alloc
        workers_.pop_back();
      }
    } catch (const std::bad_alloc&) {
      // no worker, then
    }
    return false;
  }

  void serve(worker& me) noexcept {
    mutex_.lock();
    while (!stopping_) {
      std::shared_ptr<offload_job> job = queue_.pop();
      if (job == nullptr) {
        work_.wait(mutex_);
        continue;
      }
      job->at = offload_job::phase::running;
      me.job = job;
      me.busy = true;
      ++counters_.jobs;
      ++counters_.running;
      mutex_.unlock();
      job->work();
      mutex_.lock();
      --counters_.running;
      // `me` is gone once stop() has given up on this worker.
      if (!left(me)) me.job = nullptr;
      finish(std::move(job));
      if (!left(me)) me.busy = false;
    }
    if (!left(me)) {
      me.ended = true;
      ++ended_workers_;
    }
    ended_.wake_all();
    mutex_.unlock();
  }

  // stop() clears the list; nothing is added after it.
  bool left(const worker&) const noexcept { return workers_.empty(); }

  // Lets go of the lock for a while.
  void finish(std::shared_ptr<offload_job> job) noexcept {
    if (job->at == offload_job::phase::abandoned) {
      ++counters_.late;
      // What it returned ends here, outside the lock: it is the user's, and may be slow.
      mutex_.unlock();
      job = nullptr;
      mutex_.lock();
      return;
    }
    // From here on the job is the waiter's: a worker whose answer was delivered is free of it.
    job->at = offload_job::phase::done;
    offload_job& done = *job;
    done.answer.self = std::move(job);
    // Not under the lock, which whoever is woken may want at once. Its waiter cannot leave before
    // it is answered, and so the scheduler is there.
    mutex_.unlock();
    owner_.post(done.answer);
    mutex_.lock();
  }

  scheduler& owner_;  // used while somebody waits for a job: then it lives
  const offload_options options_;
  mutable mutex mutex_;
  condition work_;
  condition ended_;
  offload_queue queue_;
  std::list<worker> workers_;
  std::size_t ended_workers_ = 0;
  std::uint32_t left_behind_ = 0;
  bool stopping_ = false;
  offload_counters counters_;
};

}  // namespace

std::shared_ptr<offload_core> make_thread_core(scheduler& owner, const offload_options& options) {
  return std::make_shared<thread_core>(owner, options);
}

}  // namespace weir::runtime::detail
