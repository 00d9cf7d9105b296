// Children run side by side, are bounded, and end before their nursery does.
#include <vector>

#include "virtual_loop.hpp"

using namespace weir;
using namespace weir::runtime;
using namespace weir::test;

namespace {

task<error> fail_after(time_ns span_ns, error why) {
  const error cut = co_await sleep_for(span_ns);
  if (cut) co_return cut;
  co_return why;
}

task<error> inline_child(int& runs) {
  ++runs;
  co_return error{};
}

struct family_end {
  error joined{};
  time_ns at_ns = 0;
  std::vector<outcome> ends = std::vector<outcome>(3);
};

task<error> family(nursery::on_failure policy, family_end& out) {
  scope& here = co_await this_scope();
  nursery children(here, "family", 3, policy);
  const error a = children.start(note_end(sleep_for(3 * second_ns), out.ends[0]), "long");
  const error b = children.start(
      note_end(fail_after(second_ns, error(errc::reset, "first")), out.ends[1]), "fails");
  const error c =
      children.start(note_end(fail_after(2 * second_ns, error(errc::limit, "second")), out.ends[2]),
                     "fails later");
  const error joined = co_await children.join();
  out.joined = joined;
  out.at_ns = here.owner().now_ns();
  if (a || b || c) co_return error(errc::other, "a child was not started");
  co_return error{};
}

task<error> one_at_a_time(int rounds, int& runs, int& refused) {
  scope& here = co_await this_scope();
  nursery children(here, "one", 1);
  for (int i = 0; i < rounds; ++i) {
    const error first = children.start(inline_child(runs), "child");
    const error second = children.start(inline_child(runs), "one too many");
    if (first) co_return first;
    if (second == errc::limit && where(second) == "children_max") ++refused;
    const error joined = co_await children.join();
    if (joined) co_return joined;
  }
  co_return error{};
}

task<error> shielded_child(time_ns cleanup_ns) {
  const error cut = co_await sleep_until(never_ns);
  scope& here = co_await this_scope();
  const time_ns due_ns = here.owner().now_ns() + 60 * second_ns;
  const error cleaned = co_await shielded(due_ns, "cleanup", sleep_for(cleanup_ns));
  if (cleaned) co_return cleaned;
  co_return cut;
}

task<error> join_after_cancel(error& joined) {
  scope& here = co_await this_scope();
  nursery children(here, "slow to end", 2);
  const error a = children.start(shielded_child(second_ns), "cleans up");
  const error b = children.start(shielded_child(2 * second_ns), "cleans up");
  if (a || b) co_return error(errc::other, "not started");
  const error settled = co_await sleep_for(millisecond_ns);
  children.cancel(error(errc::aborted, "enough"));
  const error refused = children.start(sleep_for(0), "too late");
  joined = co_await children.join();
  if (settled) co_return settled;
  co_return refused;
}

task<error> many(std::uint32_t count, int& runs) {
  scope& here = co_await this_scope();
  nursery children(here, "many", count);
  error refused;
  for (std::uint32_t i = 0; i < count && !refused; ++i) {
    refused = children.start(inline_child(runs), "child");
  }
  const error joined = co_await children.join();
  if (joined) co_return joined;
  co_return refused;
}

}  // namespace

TEST_CASE("nursery: the first child that fails cancels its siblings, and is what join reports") {
  virtual_loop v;
  family_end end;
  const time_ns start_ns = v.net.now_ns();
  CHECK_FALSE(v.loop.run(family(nursery::on_failure::cancel_siblings, end)));
  CHECK(end.joined == errc::reset);
  CHECK(where(end.joined) == "first");
  CHECK(end.at_ns == start_ns + second_ns);
  CHECK(end.ends[0].why == errc::cancelled);
  CHECK(where(end.ends[0].why) == "a sibling failed");
  CHECK(end.ends[2].why == errc::cancelled);
}

TEST_CASE("nursery: with carry_on each failure is the child's own, and the first is reported") {
  virtual_loop v;
  family_end end;
  const time_ns start_ns = v.net.now_ns();
  CHECK_FALSE(v.loop.run(family(nursery::on_failure::carry_on, end)));
  CHECK(end.joined == errc::reset);
  CHECK(end.at_ns == start_ns + 3 * second_ns);
  CHECK_FALSE(end.ends[0].why);
  CHECK(end.ends[1].why == errc::reset);
  CHECK(end.ends[2].why == errc::limit);
}

TEST_CASE("nursery: children_max refuses by name, and a place that is free again is free") {
  virtual_loop v;
  int runs = 0;
  int refused = 0;
  CHECK_FALSE(v.loop.run(one_at_a_time(1'000, runs, refused)));
  CHECK(runs == 1'000);
  CHECK(refused == 1'000);
  CHECK(v.loop.frames().bytes_in_use() == 0);
}

TEST_CASE("nursery: join waits for cancelled children that still clean up") {
  virtual_loop v;
  const time_ns start_ns = v.net.now_ns();
  error joined;
  const error refused = v.loop.run(join_after_cancel(joined));
  CHECK(refused == errc::aborted);
  CHECK(joined == errc::aborted);
  CHECK(v.net.now_ns() == start_ns + millisecond_ns + 2 * second_ns);
}

TEST_CASE("nursery: a hundred thousand children that finish inline are all run") {
  virtual_loop v;
  int runs = 0;
  CHECK_FALSE(v.loop.run(many(100'000, runs)));
  CHECK(runs == 100'000);
  CHECK(v.loop.frames().bytes_in_use() == 0);
}

TEST_CASE("frames: beyond the cap a child is refused as a value, and memory that ends is free") {
  scheduler_options small;
  small.frame_bytes_max = 16'384;
  virtual_loop v(small);
  int runs = 0;
  SECTION("in a nursery") {
    // The children live at one time: some do not fit.
    CHECK(v.loop.run(many(1'000, runs)) == errc::limit);
    CHECK(runs > 0);
    CHECK(runs < 1'000);
  }
  SECTION("awaited, one inside the other") {
    struct deep {
      static task<error> down(int levels) {
        if (levels == 0) co_return error{};
        const error why = co_await down(levels - 1);
        co_return why;
      }
      static task<error> start() {
        const error yielded = co_await sleep_for(1);  // from here on frames are the scheduler's
        if (yielded) co_return yielded;
        const error why = co_await down(10'000);
        co_return why;
      }
    };
    const error why = v.loop.run(deep::start());
    CHECK(why == errc::limit);
    CHECK(where(why) == "frame_bytes_max");
  }
  CHECK(v.loop.frames().refused() > 0);
  CHECK(v.loop.frames().bytes_in_use() == 0);
  int again = 0;
  CHECK_FALSE(v.loop.run(many(5, again)));
  CHECK(again == 5);
}
