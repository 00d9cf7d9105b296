// Work on threads of its own, or in virtual time: bounded, abandoned when stuck, never lost.
#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include <weir/platform/clock.hpp>
#include <weir/platform/mutex.hpp>

#include "virtual_loop.hpp"

using namespace weir;
using namespace weir::runtime;
using namespace weir::test;

namespace {

// A door that jobs stand in front of.
class gate {
 public:
  void open() {
    lock hold(mutex_);
    open_ = true;
    changed_.wake_all();
  }
  void pass() {
    lock hold(mutex_);
    ++waiting_;
    changed_.wake_all();
    while (!open_) changed_.wait(mutex_);
    ++passed_;
    changed_.wake_all();
  }
  void until_waiting(int count) {
    lock hold(mutex_);
    while (waiting_ < count) changed_.wait(mutex_);
  }
  void until_passed(int count) {
    lock hold(mutex_);
    while (passed_ < count) changed_.wait(mutex_);
  }

 private:
  mutex mutex_;
  condition changed_;
  bool open_ = false;
  int waiting_ = 0;
  int passed_ = 0;
};

// Counts what lives, so that a job which is lost shows.
struct counted {
  explicit counted(std::atomic<int>& n) : alive(&n) { ++*alive; }
  counted(counted&& other) noexcept : alive(std::exchange(other.alive, nullptr)) {}
  counted& operator=(counted&&) = delete;
  ~counted() {
    if (alive != nullptr) --*alive;
  }
  std::atomic<int>* alive;
};

task<error> run_number(offload& pool, int number, int& got) {
  auto call = pool.run([number] { return number * 2; });
  const result<int> doubled = co_await call;
  if (doubled.ok()) got = doubled.value();
  co_return doubled.why();
}

task<error> run_at_gate(offload& pool, std::shared_ptr<gate> door, std::atomic<int>& alive,
                        std::atomic<int>& ran) {
  auto job = [door = std::move(door), kept = counted(alive), &ran] {
    door->pass();
    ++ran;
    return 1;
  };
  auto call = pool.run(std::move(job));
  const result<int> one = co_await call;
  co_return one.why();
}

task<error> run_thrower(offload& pool) {
  auto call = pool.run([]() -> int { throw std::runtime_error("user code"); });
  const result<int> none = co_await call;
  co_return none.why();
}

task<error> run_moved(offload& pool, std::unique_ptr<int>& out) {
  auto call = pool.run([] { return std::make_unique<int>(42); });
  result<std::unique_ptr<int>> made = co_await call;
  if (!made.ok()) co_return made.why();
  out = std::move(made).value();
  co_return error{};
}

task<error> until_due(time_ns due_ns, task<error> child) {
  const error why = co_await within(due_ns, "handler_deadline", std::move(child));
  co_return why;
}

task<error> in_scope(scope& in, task<error> child) {
  const error why = co_await run_in(in, std::move(child));
  co_return why;
}

// Turns until the task has ended.
void until(scheduler& loop, const outcome& end) {
  const time_ns due_ns = system_clock().now_ns() + 60 * second_ns;
  while (!end.done && system_clock().now_ns() < due_ns) REQUIRE_FALSE(loop.poll_once(due_ns));
  REQUIRE(end.done);
}

}  // namespace

// Virtual time. -----------------------------------------------------------------------------------

TEST_CASE("offload, virtual: a job takes its time, and queued ones follow in order") {
  virtual_loop v;
  offload pool(v.loop, {.workers_max = 2, .queue_max = 2, .virtual_job_ns = second_ns});
  const time_ns start_ns = v.net.now_ns();
  std::vector<outcome> ends(5);
  int got = 0;
  for (outcome& end : ends) begin(v.loop, run_number(pool, 21, got), end);
  settle(v.loop);
  CHECK(pool.counters().running == 2);
  CHECK(pool.counters().queued == 2);
  CHECK(ends[4].why == errc::limit);
  CHECK(where(ends[4].why) == "queue_max");
  run_for(v, 10 * second_ns);
  CHECK(got == 42);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK_FALSE(ends[i].why);
    CHECK(ends[i].at_ns == start_ns + (i < 2 ? 1 : 2) * second_ns);
  }
  const offload_counters now = pool.counters();
  CHECK(now.jobs == 4);
  CHECK(now.refused == 1);
  CHECK(now.running == 0);
}

TEST_CASE("offload, virtual: behind a stuck worker the waiter is answered at its deadline") {
  virtual_loop v;
  offload pool(v.loop, {.workers_max = 1, .queue_max = 1, .virtual_job_ns = never_ns});
  const time_ns start_ns = v.net.now_ns();
  int got = 0;
  outcome stuck;
  outcome queued;
  begin(v.loop, until_due(start_ns + second_ns, run_number(pool, 1, got)), stuck);
  begin(v.loop, until_due(start_ns + 2 * second_ns, run_number(pool, 1, got)), queued);
  run_for(v, 3 * second_ns);
  CHECK(stuck.why == errc::timed_out);
  CHECK(where(stuck.why) == "handler_deadline");
  CHECK(stuck.at_ns == start_ns + second_ns);
  CHECK(queued.at_ns == start_ns + 2 * second_ns);
  const offload_counters now = pool.counters();
  CHECK(now.abandoned == 1);
  CHECK(now.cancelled == 1);
  CHECK(now.running == 1);
  CHECK(now.queued == 0);
  CHECK(pool.stop(second_ns) == 1);
  CHECK(pool.stop(second_ns) == 1);
  outcome late;
  begin(v.loop, run_number(pool, 1, got), late);
  settle(v.loop);
  CHECK(where(late.why) == "offload stopped");
  CHECK(got == 0);
}

TEST_CASE(
    "offload, virtual: a job that waits too long for a worker leaves the queue, and never runs") {
  virtual_loop v;
  offload pool(v.loop, {.workers_max = 1,
                        .queue_max = 4,
                        .queue_wait_max_ns = 3 * second_ns,
                        .virtual_job_ns = 2 * second_ns});
  const time_ns start_ns = v.net.now_ns();
  std::vector<outcome> ends(3);
  std::vector<int> got(3);
  for (std::size_t i = 0; i < 3; ++i) begin(v.loop, run_number(pool, 1, got[i]), ends[i]);
  run_for(v, 10 * second_ns);
  // The second began in time, and is not held to the wait while it runs.
  CHECK(got == std::vector<int>{2, 2, 0});
  CHECK(ends[1].at_ns == start_ns + 4 * second_ns);
  CHECK(ends[2].why == errc::limit);
  CHECK(where(ends[2].why) == "queue_wait_max_ns");
  CHECK(ends[2].at_ns == start_ns + 3 * second_ns);
  CHECK(pool.counters().jobs == 2);
  CHECK(pool.counters().waited_out == 1);
  CHECK(pool.counters().queued == 0);
  CHECK(v.loop.timers().soonest() == nullptr);
}

TEST_CASE("offload, virtual: a result that comes too late is dropped and counted") {
  virtual_loop v;
  offload pool(v.loop, {.workers_max = 1, .virtual_job_ns = 2 * second_ns});
  int got = 0;
  outcome end;
  begin(v.loop, until_due(v.net.now_ns() + second_ns, run_number(pool, 1, got)), end);
  run_for(v, 3 * second_ns);
  CHECK(end.why == errc::timed_out);
  CHECK(got == 0);
  CHECK(pool.counters().abandoned == 1);
  CHECK(pool.counters().late == 1);
  CHECK(pool.counters().running == 0);
}

TEST_CASE("offload, virtual: stop answers those who still wait") {
  virtual_loop v;
  offload pool(v.loop, {.workers_max = 1, .queue_max = 4, .virtual_job_ns = second_ns});
  int got = 0;
  std::vector<outcome> ends(3);
  for (outcome& end : ends) begin(v.loop, run_number(pool, 1, got), end);
  settle(v.loop);
  CHECK(pool.stop(0) == 1);
  settle(v.loop);
  for (const outcome& end : ends) {
    CHECK(end.done);
    CHECK(end.why == errc::cancelled);
    CHECK(where(end.why) == "offload stopped");
  }
}

TEST_CASE("offload, virtual: an answer in the instant of a cancel is delivered") {
  virtual_loop v;
  offload pool(v.loop, {.virtual_job_ns = second_ns});
  int got = 0;
  outcome end;
  scope mine(v.loop.root(), "mine");
  begin(v.loop, in_scope(mine, run_number(pool, 4, got)), end);
  settle(v.loop);
  // Armed after the job's own timer, due at the same instant: fires after it.
  mine.set_deadline(v.net.now_ns() + second_ns, "together");
  run_for(v, 2 * second_ns);
  CHECK_FALSE(end.why);
  CHECK(got == 8);
}

// Threads. ----------------------------------------------------------------------------------------

TEST_CASE("offload, threads: results, values that only move, and exceptions come back") {
  scheduler loop(native_poller());
  offload pool(loop, {.workers_max = 2});
  int got = 0;
  CHECK_FALSE(loop.run(run_number(pool, 21, got)));
  CHECK(got == 42);
  std::unique_ptr<int> moved;
  CHECK_FALSE(loop.run(run_moved(pool, moved)));
  REQUIRE(moved != nullptr);
  CHECK(*moved == 42);
  CHECK(loop.run(run_thrower(pool)) == errc::exception);
  CHECK(pool.counters().jobs == 3);
  CHECK(pool.stop(10 * second_ns) == 0);
}

TEST_CASE("offload, threads: a thousand jobs over four workers all answer") {
  scheduler loop(native_poller());
  offload pool(loop, {.workers_max = 4, .queue_max = 1'000});
  std::vector<outcome> ends(1'000);
  std::vector<int> got(ends.size());
  for (std::size_t i = 0; i < ends.size(); ++i) {
    begin(loop, run_number(pool, static_cast<int>(i), got[i]), ends[i]);
  }
  for (std::size_t i = 0; i < ends.size(); ++i) {
    until(loop, ends[i]);
    CHECK_FALSE(ends[i].why);
    CHECK(got[i] == static_cast<int>(2 * i));
  }
  CHECK(pool.stop(10 * second_ns) == 0);
}

TEST_CASE("offload, threads: room is workers_max and queue_max, however fast workers wake") {
  for (int round = 0; round < 20; ++round) {
    auto door = std::make_shared<gate>();
    std::atomic<int> alive{0};
    std::atomic<int> ran{0};
    scheduler loop(native_poller());
    offload pool(loop, {.workers_max = 2, .queue_max = 2});
    std::vector<outcome> ends(5);
    for (outcome& end : ends) begin(loop, run_at_gate(pool, door, alive, ran), end);
    REQUIRE_FALSE(loop.poll_once(0));
    REQUIRE_FALSE(loop.poll_once(0));
    // All five were asked for in one turn: four fit, whatever the workers have done by now.
    for (std::size_t i = 0; i < 4; ++i) CHECK_FALSE(ends[i].done);
    CHECK(ends[4].why == errc::limit);
    CHECK(pool.counters().refused == 1);
    door->open();
    for (const outcome& end : ends) until(loop, end);
    CHECK(ran == 4);
    CHECK(pool.stop(10 * second_ns) == 0);
    CHECK(alive == 0);
  }
}

TEST_CASE("offload, threads: a queue of none takes a job when a worker is free") {
  scheduler loop(native_poller());
  offload pool(loop, {.workers_max = 1, .queue_max = 0});
  for (int i = 0; i < 100; ++i) {
    int got = 0;
    outcome end;
    begin(loop, run_number(pool, i, got), end);
    until(loop, end);
    // Free again before its answer is told.
    CHECK_FALSE(end.why);
    CHECK(got == 2 * i);
  }
}

TEST_CASE("offload, threads: a queued job that is cancelled never runs") {
  auto door = std::make_shared<gate>();
  std::atomic<int> alive{0};
  std::atomic<int> ran{0};
  scheduler loop(native_poller());
  offload pool(loop, {.workers_max = 1, .queue_max = 4});
  outcome running;
  outcome queued;
  scope mine(loop.root(), "mine");
  begin(loop, run_at_gate(pool, door, alive, ran), running);
  begin(loop, in_scope(mine, run_at_gate(pool, door, alive, ran)), queued);
  REQUIRE_FALSE(loop.poll_once(0));
  REQUIRE_FALSE(loop.poll_once(0));
  door->until_waiting(1);
  CHECK(alive == 2);
  mine.cancel(error(errc::aborted, "gone"));
  until(loop, queued);
  CHECK(queued.why == errc::aborted);
  CHECK(alive == 1);
  CHECK(pool.counters().cancelled == 1);
  door->open();
  until(loop, running);
  CHECK(ran == 1);
  CHECK(pool.stop(10 * second_ns) == 0);
}

TEST_CASE("offload, threads: a running job that is cancelled is abandoned, and runs on alone") {
  auto door = std::make_shared<gate>();
  std::atomic<int> alive{0};
  std::atomic<int> ran{0};
  scheduler loop(native_poller());
  offload pool(loop, {.workers_max = 1});
  outcome end;
  scope mine(loop.root(), "mine");
  begin(loop, in_scope(mine, run_at_gate(pool, door, alive, ran)), end);
  REQUIRE_FALSE(loop.poll_once(0));
  door->until_waiting(1);
  mine.cancel(error(errc::aborted, "gone"));
  until(loop, end);
  CHECK(end.why == errc::aborted);
  CHECK(pool.counters().abandoned == 1);
  CHECK(pool.counters().running == 1);
  CHECK(alive == 1);  // the worker's
  door->open();
  CHECK(pool.stop(10 * second_ns) == 0);
  CHECK(ran == 1);
  CHECK(alive == 0);
}

TEST_CASE("offload, threads: stop with a stuck worker is bounded, counts it, and all is freed") {
  auto door = std::make_shared<gate>();
  std::atomic<int> alive{0};
  std::atomic<int> ran{0};
  {
    scheduler loop(native_poller());
    outcome waiting;
    outcome queued;
    {
      offload pool(loop, {.workers_max = 1, .queue_max = 4});
      begin(loop, run_at_gate(pool, door, alive, ran), waiting);
      begin(loop, run_at_gate(pool, door, alive, ran), queued);
      REQUIRE_FALSE(loop.poll_once(0));
      door->until_waiting(1);
      const time_ns before_ns = system_clock().now_ns();
      CHECK(pool.stop(20 * millisecond_ns) == 1);
      CHECK(system_clock().now_ns() - before_ns >= 20 * millisecond_ns);
      CHECK(pool.stop(3'600 * second_ns) == 1);  // does not wait again
    }
    // Those who waited were told, and may go.
    until(loop, waiting);
    until(loop, queued);
    CHECK(where(waiting.why) == "offload stopped");
    CHECK(where(queued.why) == "offload stopped");
    CHECK(alive == 1);
  }
  // Pool and scheduler are gone; the worker ends with its job and touches neither.
  door->open();
  door->until_passed(1);
  while (alive != 0) {
  }
  CHECK(ran == 1);
}

TEST_CASE("offload, threads: stop without patience abandons who is stuck, and nobody who is idle") {
  auto door = std::make_shared<gate>();
  std::atomic<int> alive{0};
  std::atomic<int> ran{0};
  {
    scheduler loop(native_poller());
    offload pool(loop, {.workers_max = 3});
    scope mine(loop.root(), "mine");
    outcome stuck;
    begin(loop, in_scope(mine, run_at_gate(pool, door, alive, ran)), stuck);
    REQUIRE_FALSE(loop.poll_once(0));
    door->until_waiting(1);
    std::vector<outcome> ends(2);
    std::vector<int> got(2);
    for (std::size_t i = 0; i < 2; ++i) begin(loop, run_number(pool, 1, got[i]), ends[i]);
    for (const outcome& end : ends) until(loop, end);
    mine.cancel(error(errc::aborted, "gone"));
    until(loop, stuck);
    CHECK(pool.stop(0) == 1);
    door->open();
    door->until_passed(1);
    while (pool.counters().late == 0) {
    }
  }
  while (alive != 0) {
  }
  CHECK(ran == 1);
}

TEST_CASE(
    "offload, threads: a late result, and what its job captured, end outside the pool's lock") {
  // They are the user's, and their ends may call the pool.
  struct asks_on_end {
    asks_on_end(offload& p, std::atomic<int>& e) : pool(p), ends(e) {}
    asks_on_end(const asks_on_end&) = delete;
    asks_on_end& operator=(const asks_on_end&) = delete;
    ~asks_on_end() {
      static_cast<void>(pool.counters());
      ++ends;
    }
    offload& pool;
    std::atomic<int>& ends;
  };
  struct driver {
    static task<error> run(offload& pool, std::shared_ptr<gate> door, std::atomic<int>& ends) {
      auto job = [&pool, &ends, door = std::move(door),
                  captured = std::make_unique<asks_on_end>(pool, ends)] {
        door->pass();
        return std::make_unique<asks_on_end>(pool, ends);
      };
      auto call = pool.run(std::move(job));
      const result<std::unique_ptr<asks_on_end>> one = co_await call;
      co_return one.why();
    }
  };
  auto door = std::make_shared<gate>();
  std::atomic<int> ends{0};
  scheduler loop(native_poller());
  offload pool(loop, {.workers_max = 1});
  outcome end;
  scope mine(loop.root(), "mine");
  begin(loop, in_scope(mine, driver::run(pool, door, ends)), end);
  REQUIRE_FALSE(loop.poll_once(0));
  door->until_waiting(1);
  mine.cancel(error(errc::aborted, "gone"));
  until(loop, end);
  CHECK(ends == 0);
  door->open();
  CHECK(pool.stop(10 * second_ns) == 0);
  CHECK(ends == 2);
}

TEST_CASE(
    "offload, threads: what a job captured has ended on its worker when the result is there") {
  struct notes_thread {
    explicit notes_thread(std::thread::id& w) : where(w) {}
    notes_thread(const notes_thread&) = delete;
    notes_thread& operator=(const notes_thread&) = delete;
    ~notes_thread() { where = std::this_thread::get_id(); }
    std::thread::id& where;
  };
  struct driver {
    static task<error> run(offload& pool, std::thread::id& worked, std::thread::id& ended) {
      auto job = [&worked, captured = std::make_unique<notes_thread>(ended)] {
        worked = std::this_thread::get_id();
        return 1;
      };
      auto call = pool.run(std::move(job));
      const result<int> one = co_await call;
      co_return one.why();
    }
  };
  scheduler loop(native_poller());
  offload pool(loop, {.workers_max = 1});
  std::thread::id worked;
  std::thread::id ended;
  outcome end;
  begin(loop, driver::run(pool, worked, ended), end);
  until(loop, end);
  CHECK(worked != std::thread::id{});
  CHECK(worked != std::this_thread::get_id());
  CHECK(ended == worked);
}
