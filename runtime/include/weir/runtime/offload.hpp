// runtime/offload.hpp - work that would hold the loop, on threads of its own, bounded in each way.
//
// A class of work (blocking handlers, names, handshakes) has a pool: so many workers, so long a
// queue. Waiting for a job ends at the deadline around it, as all waiting does; the job itself
// cannot be stopped:
//
//   queued --worker free--> running --done--> answered
//   queued --cancel, or queue_wait_max_ns--> gone   (it never runs)
//   running --cancel--> abandoned             (the waiter is answered now; the worker runs on)
//
// A job therefore owns what it touches: it is moved to the heap and shared with its worker, never
// in the waiting coroutine's frame. stop() detaches workers that do not end, and counts them; they
// hold only counted state.
//
// In virtual time (the simulator) there are no threads: a job takes `virtual_job_ns` and its
// function runs on the scheduler's thread when that has passed.
#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/platform/time.hpp>
#include <weir/runtime/scheduler.hpp>
#include <weir/runtime/scope.hpp>

namespace weir::runtime {

struct offload_options {
  const char* name = "offload";          // static storage; in the task tree
  std::uint32_t workers_max = 4;         // threads, started as they are needed
  std::uint32_t queue_max = 64;          // jobs that wait for a worker; one more is errc::limit
  time_ns queue_wait_max_ns = never_ns;  // for a worker; then errc::limit, and it never runs
  time_ns virtual_job_ns = 0;            // simulator only; never_ns: a worker that is stuck
};

struct offload_counters {
  std::uint64_t jobs = 0;        // that began
  std::uint64_t refused = 0;     // queue_max reached
  std::uint64_t waited_out = 0;  // queue_wait_max_ns passed before they began
  std::uint64_t cancelled = 0;   // left the queue before they began
  std::uint64_t abandoned = 0;   // were running when their waiter left
  std::uint64_t late = 0;        // of those, that have ended; their results were dropped
  std::uint32_t running = 0;     // now
  std::uint32_t queued = 0;      // now
};

namespace detail {

class offload_wait;

// One job, shared by its waiter and its worker.
class WEIR_EXPORT offload_job {
 public:
  enum class phase : std::uint8_t { fresh, queued, running, done, abandoned };

  offload_job() noexcept = default;
  offload_job(const offload_job&) = delete;
  offload_job& operator=(const offload_job&) = delete;
  virtual ~offload_job() = default;
  virtual void work() noexcept = 0;  // on a worker

  // The way back to the scheduler's thread, part of the job: answering cannot fail.
  struct answer_post final : posted_job {
    explicit answer_post() noexcept : posted_job(&deliver) {}
    WEIR_EXPORT static void deliver(posted_job& posted) noexcept;
    std::shared_ptr<offload_job> self;  // keeps the job until it was delivered
  };

  // The rest belongs to the core, under its lock.
  answer_post answer;
  phase at = phase::fresh;
  offload_wait* waiter = nullptr;  // null once abandoned
  std::shared_ptr<offload_job> next;
};

// What runs jobs: threads, or virtual time.
class offload_core;

class WEIR_EXPORT offload_wait : public wait_node {
 public:
  void on_cancel(error why) noexcept override;
  // The core's answer, on the scheduler's thread: the job is done, or `why` it will not be.
  void answer(error why) noexcept;

 protected:
  offload_wait(std::shared_ptr<offload_core> core, const offload_options& options,
               std::shared_ptr<offload_job> job) noexcept;
  ~offload_wait() override = default;
  bool begin(scope& in, std::coroutine_handle<> waiter) noexcept;

  std::shared_ptr<offload_core> core_;
  std::shared_ptr<offload_job> job_;
  error why_{};
  bool began_ = false;

 private:
  struct patience : timer {
    explicit patience(offload_wait* w) noexcept : timer(&offload_wait::on_waited_out), of(w) {}
    offload_wait* of;
  };
  static void on_waited_out(timer& t) noexcept;

  time_ns queue_wait_max_ns_;
  scheduler* owner_ = nullptr;
  patience patience_{this};
};

template <class F>
class offload_function final : public offload_job {
 public:
  using value = std::invoke_result_t<F&>;
  explicit offload_function(F f) : f_(std::move(f)) {}
  void work() noexcept override {
#if defined(__cpp_exceptions)
    try {
      value_.emplace((*f_)());
    } catch (...) {
    }
#else
    value_.emplace((*f_)());
#endif
    f_.reset();  // here, on the worker: its end may be slow, and belongs to the work
  }
  std::optional<value> value_;

 private:
  std::optional<F> f_;
};

}  // namespace detail

// co_await pool.run(f): f() on a worker. The result of f, or: errc::limit (queue_max,
// queue_wait_max_ns: f never ran), why the scope around it was cancelled, errc::exception when f
// threw.
template <class F>
class [[nodiscard]] offload_call final : public detail::offload_wait {
 public:
  using job = detail::offload_function<F>;
  using value = typename job::value;

  offload_call(std::shared_ptr<detail::offload_core> core, const offload_options& options, F f)
      : offload_wait(std::move(core), options, std::make_shared<job>(std::move(f))) {}

  // Once awaited: whether f was begun. After a cancel it may be running still. Not known, and
  // false, when the pool was stopped.
  bool began() const noexcept { return began_; }

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) noexcept {
    return begin(*waiter.promise().in, waiter);
  }
  result<value> await_resume() {
    if (why_) return why_;
    std::optional<value>& made = static_cast<job&>(*job_).value_;
    if (!made.has_value()) return error(errc::exception, "offload");
    return std::move(*made);
  }
};

// A pool of one class of work. Made, used and stopped on one scheduler's thread.
class WEIR_EXPORT offload {
 public:
  offload(scheduler& owner, const offload_options& options);
  offload(const offload&) = delete;
  offload& operator=(const offload&) = delete;
  ~offload();  // stop() with a bound of a second

  // `f` is moved to the heap: it captures by value, and owns what it captures, which ends on the
  // worker before the result is delivered. Its result type has to be movable.
  template <class F>
  offload_call<F> run(F f) {
    return offload_call<F>(core_, options_, std::move(f));
  }

  // Refuses new jobs, forgets queued ones, waits at most `bound_ns` of real time for running ones
  // (the thread waits: other tasks do not run).
  // Whoever still waits for a job is told errc::cancelled. Returns how many workers were abandoned:
  // they are detached and end with their job. Idempotent.
  std::uint32_t stop(time_ns bound_ns) noexcept;

  offload_counters counters() const noexcept;

 private:
  offload_options options_;
  std::shared_ptr<detail::offload_core> core_;
};

}  // namespace weir::runtime
