// After warm-up the runtime asks the system for no memory: operator new is counted.
#include <vector>

#include "support/allocation_count.hpp"
#include "virtual_loop.hpp"

using namespace weir;
using namespace weir::runtime;
using namespace weir::test;

namespace {

struct quiet_post : posted_job {
  quiet_post() : posted_job(&run_it) {}
  static void run_it(posted_job& job) noexcept { ++static_cast<quiet_post&>(job).runs; }
  int runs = 0;
};

task<error> leaf(semaphore& permits) {
  const error why = co_await permits.acquire();
  if (why) co_return why;
  const error slept = co_await sleep_for(0);
  permits.release();
  co_return slept;
}

task<error> nap(time_ns span_ns) {
  scope& here = co_await this_scope();
  const time_ns due_ns = here.owner().now_ns() + span_ns;
  const error why = co_await within(due_ns + second_ns, "nap", sleep_for(span_ns));
  co_return why;
}

// Parks and resumes in every way there is, with children and deadlines.
task<error> one_round(semaphore& permits, event& e) {
  scope& here = co_await this_scope();
  nursery children(here, "round", 8);
  error refused;
  for (int i = 0; i < 4 && !refused; ++i) refused = children.start(leaf(permits), "leaf");
  for (int i = 0; i < 3 && !refused; ++i) refused = children.start(nap(microsecond_ns), "nap");
  if (!refused) refused = children.start(wait_for(e), "event");
  const error slept = co_await sleep_for(10 * microsecond_ns);
  e.set();
  const error joined = co_await children.join();
  e.clear();
  co_await yield();
  if (refused) co_return refused;
  if (slept) co_return slept;
  co_return joined;
}

task<error> rounds(int count, semaphore& permits, event& e, std::size_t& news) {
  const std::size_t before = allocations();
  for (int i = 0; i < count; ++i) {
    const error why = co_await one_round(permits, e);
    if (why) co_return why;
  }
  news = allocations() - before;
  co_return error{};
}

}  // namespace

TEST_CASE("allocations: this binary counts them") {
  const std::size_t before = allocations();
  auto made = std::make_unique<int>(1);
  CHECK(allocations() - before >= 1);
  CHECK(*made == 1);
}

TEST_CASE("allocations: parking, resuming, timers and children take none after warm-up") {
  scheduler loop(native_poller());
  semaphore permits(2, 8);
  event e;
  std::size_t news = 0;
  REQUIRE_FALSE(loop.run(rounds(10, permits, e, news)));
  REQUIRE_FALSE(loop.run(rounds(200, permits, e, news)));
  CHECK(news == 0);
  CHECK(loop.frames().bytes_in_use() == 0);
}

TEST_CASE("allocations: posting takes none") {
  scheduler loop(native_poller());
  std::vector<quiet_post> jobs(100);
  REQUIRE_FALSE(loop.poll_once(0));
  const std::size_t before = allocations();
  for (quiet_post& job : jobs) loop.post(job);
  const error why = loop.poll_once(0);
  const std::size_t news = allocations() - before;
  REQUIRE_FALSE(why);
  CHECK(news == 0);
  CHECK(jobs.back().runs == 1);
}

TEST_CASE("allocations: a turn with nothing to do takes none, a deadline that moves takes none") {
  scheduler loop(native_poller());
  scope s(loop.root(), "s");
  REQUIRE_FALSE(loop.poll_once(0));
  const std::size_t before = allocations();
  bool fine = true;
  for (int i = 1; i <= 1'000; ++i) {
    s.set_deadline(loop.now_ns() + i * second_ns, "moved");
    s.set_deadline(loop.now_ns() + second_ns / i, "moved");
    fine = fine && !loop.poll_once(0);
  }
  CHECK(allocations() - before == 0);
  CHECK(fine);
}
