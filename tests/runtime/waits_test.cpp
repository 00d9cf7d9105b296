// Events and semaphores: in order, and nothing is lost between a grant and a cancel.
#include <vector>

#include "virtual_loop.hpp"

using namespace weir;
using namespace weir::runtime;
using namespace weir::test;

namespace {

task<error> log_when_set(event& e, int number, std::vector<int>& log) {
  const error why = co_await e.wait();
  if (!why) log.push_back(number);
  co_return why;
}

task<error> log_when_granted(semaphore& s, int number, std::vector<int>& log) {
  const error why = co_await s.acquire();
  if (!why) log.push_back(number);
  co_return why;
}

task<error> within_scope(scope& in, task<error> child) {
  const error why = co_await run_in(in, std::move(child));
  co_return why;
}

task<error> worker(semaphore& s, int& inside, int& most, int& served) {
  for (int i = 0; i < 50; ++i) {
    const error why = co_await s.acquire();
    if (why) co_return why;
    ++inside;
    if (inside > most) most = inside;
    const error slept = co_await sleep_for(millisecond_ns);
    --inside;
    ++served;
    s.release();
    if (slept) co_return slept;
  }
  co_return error{};
}

}  // namespace

TEST_CASE("event: all who wait go on in the order they came, and later ones do not wait") {
  virtual_loop v;
  event e;
  std::vector<int> log;
  std::vector<outcome> ends(6);
  for (int i = 0; i < 5; ++i) {
    begin(v.loop, log_when_set(e, i, log), ends[static_cast<std::size_t>(i)]);
  }
  settle(v.loop);
  CHECK(log.empty());
  e.set();
  CHECK(log.empty());  // never resumed from inside the call
  settle(v.loop);
  CHECK(log == std::vector<int>{0, 1, 2, 3, 4});
  begin(v.loop, log_when_set(e, 5, log), ends[5]);
  settle(v.loop);
  CHECK(ends[5].done);
  e.clear();
  outcome waits;
  begin(v.loop, log_when_set(e, 6, log), waits);
  settle(v.loop);
  CHECK_FALSE(waits.done);
  e.set();
  settle(v.loop);
  CHECK(log.back() == 6);
}

TEST_CASE("event: who leaves the middle of the queue leaves it whole") {
  virtual_loop v;
  event e;
  std::vector<int> log;
  std::vector<outcome> ends(5);
  scope leavers(v.loop.root(), "leavers");
  for (int i = 0; i < 5; ++i) {
    task<error> waits = log_when_set(e, i, log);
    outcome& end = ends[static_cast<std::size_t>(i)];
    if (i == 0 || i == 2 || i == 4) {
      begin(v.loop, within_scope(leavers, std::move(waits)), end);
    } else {
      begin(v.loop, std::move(waits), end);
    }
  }
  settle(v.loop);
  leavers.cancel(error(errc::cancelled, "left"));
  e.set();
  settle(v.loop);
  CHECK(log == std::vector<int>{1, 3});
  CHECK(where(ends[2].why) == "left");
}

TEST_CASE("semaphore: permits are handed over in order, nobody passes") {
  virtual_loop v;
  semaphore s(1, 10);
  std::vector<int> log;
  std::vector<outcome> ends(4);
  for (int i = 0; i < 4; ++i) {
    begin(v.loop, log_when_granted(s, i, log), ends[static_cast<std::size_t>(i)]);
  }
  settle(v.loop);
  CHECK(log == std::vector<int>{0});
  CHECK_FALSE(s.try_acquire());
  s.release();
  // Granted to number 1 already, though it has not run: who comes now may not have it.
  CHECK_FALSE(s.try_acquire());
  s.release();
  settle(v.loop);
  CHECK(log == std::vector<int>{0, 1, 2});
  s.release();
  s.release();
  settle(v.loop);
  CHECK(log == std::vector<int>{0, 1, 2, 3});
  CHECK(s.permits() == 1);
}

TEST_CASE("semaphore: a permit granted in the instant of a cancel is delivered, not lost") {
  virtual_loop v;
  semaphore s(0, 10);
  std::vector<int> log;
  outcome first;
  outcome second;
  scope mine(v.loop.root(), "mine");
  begin(v.loop, within_scope(mine, log_when_granted(s, 1, log)), first);
  begin(v.loop, log_when_granted(s, 2, log), second);
  settle(v.loop);
  SECTION("granted, then cancelled: has it") {
    s.release();
    mine.cancel(error(errc::cancelled, "late"));
    settle(v.loop);
    CHECK_FALSE(first.why);
    CHECK_FALSE(second.done);
    s.release();  // as who got no error must
  }
  SECTION("cancelled, then released: the next one has it") {
    mine.cancel(error(errc::cancelled, "early"));
    s.release();
    settle(v.loop);
    CHECK(where(first.why) == "early");
  }
  settle(v.loop);
  CHECK(second.done);
  CHECK_FALSE(second.why);
  CHECK(s.permits() == 0);
}

TEST_CASE("semaphore: one waiter too many is refused by name at once") {
  virtual_loop v;
  semaphore s(0, 2);
  std::vector<int> log;
  std::vector<outcome> ends(3);
  for (int i = 0; i < 3; ++i) {
    begin(v.loop, log_when_granted(s, i, log), ends[static_cast<std::size_t>(i)]);
  }
  settle(v.loop);
  CHECK(ends[2].why == errc::limit);
  CHECK(where(ends[2].why) == "waiters_max");
  // A cancelled waiter makes room.
  s.release();
  s.release();
  settle(v.loop);
  CHECK(log == std::vector<int>{0, 1});
}

TEST_CASE("semaphore: ten workers and three permits, never more than three inside") {
  virtual_loop v;
  semaphore s(3, 10);
  int inside = 0;
  int most = 0;
  int served = 0;
  std::vector<outcome> ends(10);
  const time_ns start_ns = v.net.now_ns();
  for (outcome& end : ends) begin(v.loop, worker(s, inside, most, served), end);
  run_for(v, 10 * second_ns);
  CHECK(most == 3);
  CHECK(served == 500);
  for (const outcome& end : ends) CHECK(end.done);
  // 500 milliseconds of work, three at a time: nobody idled while there was some.
  time_ns last_ns = 0;
  for (const outcome& end : ends) last_ns = end.at_ns > last_ns ? end.at_ns : last_ns;
  CHECK(last_ns - start_ns == 167 * millisecond_ns);
}
