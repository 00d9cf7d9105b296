// runtime/scheduler.hpp - one thread's loop: it waits on a poller and resumes what is ready.
//
// M:1: any number of tasks, one thread, no locks. A program runs one scheduler a core and shares
// nothing between them; post() is the door from other threads.
//
// One turn, poll_once():
//
//   wait on the poller -> completions -> posted jobs -> timers due -> run what is ready
//
// No signal handler, no global state, no output: what there is to say goes to counters and to the
// sink in scheduler_options.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include <weir/platform/bytes.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/platform/mutex.hpp>
#include <weir/platform/poller.hpp>
#include <weir/platform/time.hpp>
#include <weir/runtime/frame_pool.hpp>
#include <weir/runtime/nursery.hpp>
#include <weir/runtime/ready_queue.hpp>
#include <weir/runtime/scope.hpp>
#include <weir/runtime/task.hpp>
#include <weir/runtime/timer_heap.hpp>

namespace weir::runtime {

// A job for a scheduler from another thread. Intrusive: the poster owns it, and it may not move or
// end between post() and its run.
struct posted_job {
  using callback = void (*)(posted_job&) noexcept;
  explicit posted_job(callback to_run) noexcept : run(to_run) {}
  callback run;
  posted_job* next = nullptr;
};

struct scheduler_options {
  // Resumptions in one turn; what is left runs in the next one, after the poller was asked again.
  std::uint32_t turn_budget = 256;
  // What coroutine frames may hold at one time. Beyond it a task is refused with errc::limit.
  std::size_t frame_bytes_max = 268'435'456;
  // The buffers lent to connections for a turn: one receive, and the gathered answers to it. A
  // body of 64 KiB arrives with its head (32 KiB at most by default) in one receive, and a handler
  // looks at it where it is.
  std::size_t receive_buffer_bytes = 98'304;
  std::size_t send_buffer_bytes = 65'536;
  // A turn that ran longer is counted: something held the loop.
  time_ns long_turn_ns = 50 * millisecond_ns;
  // Told the task tree on deadlock and when shutdown() leaves tasks behind. May be null.
  void (*sink)(void* context, std::string_view text) noexcept = nullptr;
  void* sink_context = nullptr;
};

struct scheduler_counters {
  std::uint64_t turns = 0;
  std::uint64_t resumptions = 0;
  std::uint64_t posted = 0;  // jobs run for other threads
  std::uint64_t timers_fired = 0;
  std::uint64_t long_turns = 0;        // longer than long_turn_ns
  time_ns longest_turn_ns = 0;         // without the waiting
  std::uint64_t budget_exhausted = 0;  // turns that ended with something still ready
};

class WEIR_EXPORT scheduler {
 public:
  explicit scheduler(std::unique_ptr<platform::poller> poller,
                     const scheduler_options& options = scheduler_options());
  // A scheduler over the system's own poller. Errors: errc::handles_exhausted, memory_exhausted.
  static result<std::unique_ptr<scheduler>> open(
      const scheduler_options& options = scheduler_options()) noexcept;
  scheduler(const scheduler&) = delete;
  scheduler& operator=(const scheduler&) = delete;
  // Calls shutdown() with a bound of ten seconds; a task that has not ended by then is a broken
  // invariant.
  ~scheduler();

  // Running. -------------------------------------------------------------------------------------

  // One turn, for a host with a loop of its own: waits at most until `due_ns` (the past: does not
  // wait). An error means that the poller is broken (errc::bad_handle), or that in virtual time
  // nothing can ever happen again (errc::deadlock). Not from inside a turn, nor shutdown(): what
  // this scheduler runs may not run it (asserted).
  error poll_once(time_ns due_ns) noexcept;

  // Turns until `main` is done, and returns its outcome. On deadlock, and when the poller is
  // broken, the tree goes to the sink and everything is cancelled with that reason: tasks end in
  // order, and the scheduler is of no further use.
  template <class T>
  T run(task<T> main) {
    drive driver(*this);
    driver.begin();
    if (main.start({}, root_, &driver)) driver.until_done();
    return main.take();
  }

  // Runs `child` beside everything else, in the scheduler's own nursery.
  error spawn(task<error> child, const char* name) noexcept {
    return background_.start(std::move(child), name);
  }

  // Cancels everything and turns until all tasks have ended and all posted jobs have run, or
  // `bound_ns` has passed. Returns how many tasks have not ended. Idempotent.
  std::uint32_t shutdown(time_ns bound_ns) noexcept;

  // Any thread. ----------------------------------------------------------------------------------

  // Queues a job for the scheduler's thread and wakes it. Never blocks for long, never fails.
  void post(posted_job& job) noexcept;

  // The scheduler's thread only. -----------------------------------------------------------------

  // The instant of this turn: taken once after the wait, so that asking costs nothing.
  time_ns now_ns() const noexcept { return now_ns_; }
  platform::poller& poller() noexcept { return *poller_; }
  scope& root() noexcept { return root_; }
  timer_heap& timers() noexcept { return timers_; }
  void make_ready(ready_node& node) noexcept { ready_.push(node); }
  frame_pool& frames() noexcept { return frames_; }
  const scheduler_counters& counters() const noexcept { return counters_; }

  // Buffers lent for this turn to whoever runs. Their bytes are gone once the borrower suspends;
  // builds with AddressSanitizer poison them between turns.
  byte_span lend_receive_buffer() noexcept;
  byte_span lend_send_buffer() noexcept;

 private:
  struct WEIR_EXPORT drive final : completion_hook {
    explicit drive(scheduler& s) noexcept : of(s), frames(s.frames_) {}
    void begin() noexcept;
    void until_done() noexcept;
    void on_finished() noexcept override { done = true; }
    scheduler& of;
    frame_pool::use frames;  // the first steps of a task are made before the first turn
    bool done = false;
  };

  void run_posted() noexcept;
  void fire_timers() noexcept;
  void run_ready() noexcept;
  void take_back_buffers() noexcept;
  void say_tree(std::string_view headline) noexcept;
  void pause_without_poller() noexcept;

  std::unique_ptr<platform::poller> poller_;
  scheduler_options options_;
  frame_pool frames_;
  timer_heap timers_;
  ready_queue ready_;
  time_ns now_ns_;
  scheduler_counters counters_;
  std::unique_ptr<platform::completion[]> done_;  // of one wait
  std::unique_ptr<std::byte[]> receive_buffer_;
  std::unique_ptr<std::byte[]> send_buffer_;
  bool lent_ = false;
  bool in_turn_ = false;
  mutex posted_mutex_;
  posted_job* posted_first_ = nullptr;  // under posted_mutex_
  posted_job* posted_last_ = nullptr;
  std::atomic<bool> posted_any_{false};    // spares an idle turn the lock
  std::atomic<std::uint32_t> posting_{0};  // calls of post() that have not returned
  scope root_;
  nursery background_;
};

}  // namespace weir::runtime
