// Cancelling: it asks once, the first reason wins, and what happened before it is delivered.
#include <vector>

#include <weir/platform/file.hpp>

#include "virtual_loop.hpp"

using namespace weir;
using namespace weir::runtime;
using namespace weir::test;

namespace {

constexpr error because(errc::aborted, "because");

task<error> await_readable(byte_stream& stream) {
  const error why = co_await readable(stream);
  co_return why;
}
task<error> await_write(byte_stream& stream) {
  const result<std::size_t> taken = co_await write_some(stream, as_bytes("x"));
  co_return taken.why();
}
task<error> await_file(byte_stream& stream, const file& source) {
  const result<std::size_t> taken = co_await write_file_some(stream, source, 0, 1);
  co_return taken.why();
}
task<error> await_permit(semaphore& s) {
  const error why = co_await s.acquire();
  co_return why;
}
task<error> await_job(offload& pool, bool& ran) {
  auto call = pool.run([&ran] {
    ran = true;
    return 1;
  });
  const result<int> one = co_await call;
  co_return one.why();
}
task<error> start_a_child() {
  scope& here = co_await this_scope();
  nursery children(here, "children", 1);
  const error refused = children.start(sleep_for(0), "child");
  const error joined = co_await children.join();
  if (joined) co_return error(errc::other, "a child ran");
  co_return refused;
}

// Runs `child` in a scope that was cancelled before.
task<error> in_cancelled_scope(task<error> child) {
  scope& here = co_await this_scope();
  scope gone(here, "gone");
  gone.cancel(because);
  const error why = co_await run_in(gone, std::move(child));
  co_return why;
}

// Waits in a scope that can be cancelled from outside.
task<error> in_scope(scope*& out, task<error> child) {
  scope& here = co_await this_scope();
  scope mine(here, "mine");
  out = &mine;
  const error why = co_await run_in(mine, std::move(child));
  out = nullptr;
  co_return why;
}

}  // namespace

TEST_CASE("cancel: every operation begun in a cancelled scope fails at once with its reason") {
  virtual_loop v;
  puppet_stream stream;
  file source;
  event never_set;
  semaphore permits(1, 4);
  offload pool(v.loop, {});
  bool ran = false;
  std::vector<task<error>> all;
  SECTION("sleep") {
    all.push_back(sleep_for(second_ns));
  }
  SECTION("sleep until an instant that is past") {
    all.push_back(sleep_for(0));
  }
  SECTION("event") {
    all.push_back(wait_for(never_set));
  }
  SECTION("semaphore with a permit") {
    all.push_back(await_permit(permits));
  }
  SECTION("readable") {
    all.push_back(await_readable(stream));
  }
  SECTION("write") {
    all.push_back(await_write(stream));
  }
  SECTION("write file") {
    all.push_back(await_file(stream, source));
  }
  SECTION("offload") {
    all.push_back(await_job(pool, ran));
  }
  SECTION("nursery") {
    all.push_back(start_a_child());
  }
  const time_ns before_ns = v.net.now_ns();
  const error why = v.loop.run(in_cancelled_scope(std::move(all.front())));
  CHECK(why == errc::aborted);
  CHECK(where(why) == "because");
  CHECK(v.net.now_ns() == before_ns);
  CHECK(stream.starts == 0);
  CHECK(permits.permits() == 1);
  CHECK_FALSE(ran);
  CHECK(v.loop.counters().timers_fired == 0);
}

TEST_CASE("cancel: an event that was set first is delivered, although its turn comes after") {
  virtual_loop v;
  event e;
  scope* inner = nullptr;
  outcome end;
  begin(v.loop, in_scope(inner, wait_for(e)), end);
  settle(v.loop);
  REQUIRE(inner != nullptr);
  SECTION("set, then cancel: delivered") {
    e.set();
    inner->cancel(because);
    settle(v.loop);
    CHECK(end.done);
    CHECK_FALSE(end.why);
  }
  SECTION("cancel, then set: the reason of the scope") {
    inner->cancel(because);
    e.set();
    settle(v.loop);
    CHECK(end.done);
    CHECK(end.why == errc::aborted);
  }
}

TEST_CASE("cancel: a completion that came first is delivered, one that came after is told why") {
  virtual_loop v;
  puppet_stream stream;
  scope* inner = nullptr;
  outcome end;
  begin(v.loop, in_scope(inner, await_readable(stream)), end);
  settle(v.loop);
  REQUIRE(stream.parked != nullptr);
  SECTION("completion, then cancel") {
    stream.parked->complete(0, {});
    inner->cancel(because);
    CHECK(stream.cancels == 0);
    settle(v.loop);
    CHECK(end.done);
    CHECK_FALSE(end.why);
  }
  SECTION("cancel, and the operation is still the kernel's until it answers") {
    inner->cancel(because);
    CHECK(stream.cancels == 1);
    settle(v.loop);
    CHECK_FALSE(end.done);
    stream.parked->complete(0, error(errc::cancelled, "kernel"));
    settle(v.loop);
    CHECK(end.done);
    CHECK(end.why == errc::aborted);
    CHECK(where(end.why) == "because");
  }
  SECTION("cancel, but it succeeded: delivered") {
    inner->cancel(because);
    stream.parked->complete(0, {});
    settle(v.loop);
    CHECK(end.done);
    CHECK_FALSE(end.why);
  }
  SECTION("cancel, but it failed otherwise: that is what is told") {
    inner->cancel(because);
    stream.parked->complete(0, error(errc::reset, "kernel"));
    settle(v.loop);
    CHECK(end.why == errc::reset);
  }
  SECTION("interrupted, then cancelled for another reason: the first reason is told") {
    stream.parked->interrupt(error(errc::limit, "first"));
    inner->cancel(because);
    stream.parked->complete(0, error(errc::cancelled, "kernel"));
    settle(v.loop);
    CHECK(end.why == errc::limit);
    CHECK(where(end.why) == "first");
  }
}

TEST_CASE("cancel: bytes that come in the instant of a deadline are delivered") {
  // Completions are looked at before timers: what happened is not undone by when it is looked at.
  virtual_loop v;
  puppet_stream stream;
  outcome end;
  const time_ns due_ns = v.net.now_ns() + second_ns;
  begin(v.loop, in_cancelled_scope(sleep_for(0)), end);
  settle(v.loop);
  outcome read;
  struct driver {
    static task<error> run(byte_stream& s, time_ns at_ns) {
      const error why = co_await within(at_ns, "late", await_readable(s));
      co_return why;
    }
  };
  begin(v.loop, driver::run(stream, due_ns), read);
  settle(v.loop);
  SECTION("a nanosecond before") {
    run_for(v, second_ns - 1);
    CHECK_FALSE(read.done);
    stream.parked->complete(0, {});
    settle(v.loop);
    CHECK(read.done);
    CHECK_FALSE(read.why);
  }
  SECTION("at it the deadline has asked; the answer says timed_out with its name") {
    run_for(v, second_ns);
    CHECK(stream.cancels == 1);
    CHECK_FALSE(read.done);
    stream.parked->complete(0, error(errc::cancelled, "kernel"));
    settle(v.loop);
    CHECK(read.why == errc::timed_out);
    CHECK(where(read.why) == "late");
  }
}

TEST_CASE("cancel: the first reason wins, and goes to the children that have none") {
  virtual_loop v;
  scope outer(v.loop.root(), "outer");
  scope first(outer, "first");
  scope second(outer, "second");
  first.cancel(error(errc::limit, "mine"));
  outer.cancel(because);
  outer.cancel(error(errc::other, "too late"));
  CHECK(outer.why() == errc::aborted);
  CHECK(first.why() == errc::limit);
  CHECK(second.why() == errc::aborted);
  scope born(second, "born");
  CHECK(born.why() == errc::aborted);
  scope kept(second, "kept", scope::kind::shielded);
  CHECK_FALSE(kept.why());
  scope in_kept(kept, "in kept");
  CHECK_FALSE(in_kept.why());
}

TEST_CASE("cancel: a hundred parked operations of one scope are each told once") {
  virtual_loop v;
  scope group(v.loop.root(), "group");
  event e;
  semaphore none(0, 200);
  std::vector<outcome> ends(150);
  struct driver {
    static task<error> run(scope& in, task<error> child) {
      const error why = co_await run_in(in, std::move(child));
      co_return why;
    }
  };
  for (std::size_t i = 0; i < ends.size(); i += 3) {
    begin(v.loop, driver::run(group, wait_for(e)), ends[i]);
    begin(v.loop, driver::run(group, await_permit(none)), ends[i + 1]);
    begin(v.loop, driver::run(group, sleep_for(second_ns)), ends[i + 2]);
  }
  settle(v.loop);
  group.cancel(because);
  settle(v.loop);
  for (const outcome& end : ends) {
    CHECK(end.done);
    CHECK(end.why == errc::aborted);
  }
  CHECK(v.loop.timers().count() == 0);
}

TEST_CASE("interrupt: ends one operation and leaves its scope open") {
  virtual_loop v;
  event e;
  outcome end;
  struct driver {
    static task<error> run(event& on, event::waiter*& out) {
      event::waiter waiting = on.wait();
      out = &waiting;
      const error why = co_await waiting;
      const error after = co_await sleep_until(0);
      if (after) co_return error(errc::other, "the scope was cancelled");
      co_return why;
    }
  };
  event::waiter* waiting = nullptr;
  begin(v.loop, driver::run(e, waiting), end);
  settle(v.loop);
  REQUIRE(waiting->parked());
  waiting->interrupt(because);
  waiting->interrupt(error(errc::other, "not parked any more"));
  settle(v.loop);
  CHECK(end.done);
  CHECK(end.why == errc::aborted);
}

// Deadlines. --------------------------------------------------------------------------------------

namespace {

task<error> two_deadlines(time_ns outer_ns, time_ns inner_ns) {
  struct inside {
    static task<error> run(time_ns due_ns) {
      const error why = co_await within(due_ns, "inner", sleep_for(3'600 * second_ns));
      co_return why;
    }
  };
  scope& here = co_await this_scope();
  const time_ns now_ns = here.owner().now_ns();
  const error why = co_await within(now_ns + outer_ns, "outer", inside::run(now_ns + inner_ns));
  co_return why;
}

task<error> moved_deadline(time_ns first_ns, time_ns then_ns, time_ns after_ns) {
  struct inside {
    static task<error> run(scope& in, time_ns due_ns, time_ns pause_ns) {
      const error early = co_await sleep_for(pause_ns);
      if (early) co_return early;
      in.set_deadline(due_ns, "moved");
      const error why = co_await sleep_for(3'600 * second_ns);
      co_return why;
    }
  };
  scope& here = co_await this_scope();
  scope mine(here, "mine");
  const time_ns now_ns = here.owner().now_ns();
  mine.set_deadline(now_ns + first_ns, "first");
  const time_ns due_ns = then_ns == never_ns ? never_ns : now_ns + then_ns;
  const error why = co_await run_in(mine, inside::run(mine, due_ns, after_ns));
  co_return why;
}

}  // namespace

TEST_CASE("deadline: inside a deadline the earliest wins, and says its name") {
  virtual_loop v;
  const time_ns start_ns = v.net.now_ns();
  SECTION("the inner one is sooner") {
    const error why = v.loop.run(two_deadlines(10 * second_ns, 2 * second_ns));
    CHECK(where(why) == "inner");
    CHECK(v.net.now_ns() == start_ns + 2 * second_ns);
  }
  SECTION("the outer one is sooner") {
    const error why = v.loop.run(two_deadlines(2 * second_ns, 10 * second_ns));
    CHECK(where(why) == "outer");
    CHECK(v.net.now_ns() == start_ns + 2 * second_ns);
  }
  CHECK(v.loop.timers().count() == 0);
}

TEST_CASE("deadline: moved later it bites later, moved sooner sooner, lifted never") {
  virtual_loop v;
  const time_ns start_ns = v.net.now_ns();
  SECTION("later, at no cost but a store") {
    const error why = v.loop.run(moved_deadline(second_ns, 5 * second_ns, millisecond_ns));
    CHECK(where(why) == "moved");
    CHECK(v.net.now_ns() == start_ns + 5 * second_ns);
  }
  SECTION("sooner") {
    const error why = v.loop.run(moved_deadline(10 * second_ns, 5 * second_ns, millisecond_ns));
    CHECK(where(why) == "moved");
    CHECK(v.net.now_ns() == start_ns + 5 * second_ns);
  }
  SECTION("lifted") {
    const error why = v.loop.run(moved_deadline(10 * second_ns, never_ns, millisecond_ns));
    CHECK_FALSE(why);
    CHECK(v.net.now_ns() == start_ns + 3'600 * second_ns + millisecond_ns);
  }
  SECTION("too late to move") {
    const error why = v.loop.run(moved_deadline(second_ns, 5 * second_ns, 2 * second_ns));
    CHECK(where(why) == "first");
  }
}

TEST_CASE("deadline: one that is past ends the first thing that has to wait") {
  virtual_loop v;
  struct driver {
    static task<error> run() {
      const error why = co_await within(1, "long ago", sleep_for(second_ns));
      co_return why;
    }
  };
  const time_ns start_ns = v.net.now_ns();
  const error why = v.loop.run(driver::run());
  CHECK(where(why) == "long ago");
  CHECK(v.net.now_ns() == start_ns);
}

// Shielded. ---------------------------------------------------------------------------------------

namespace {

struct cleanup_end {
  error cleanup{};
  error after{};
};

task<error> with_cleanup(time_ns shield_ns, time_ns cleanup_ns, cleanup_end& out) {
  scope& here = co_await this_scope();
  const time_ns due_ns = here.owner().now_ns() + shield_ns;
  const error cleaned = co_await shielded(due_ns, "cleanup", sleep_for(cleanup_ns));
  const error after = co_await sleep_until(never_ns);
  out.cleanup = cleaned;
  out.after = after;
  co_return after;
}

}  // namespace

TEST_CASE("shielded: a cancel around it waits outside, its own deadline does not") {
  virtual_loop v;
  scope* inner = nullptr;
  outcome end;
  cleanup_end ends;
  const time_ns start_ns = v.net.now_ns();
  SECTION("cancelled before, cleanup runs to its end") {
    begin(v.loop, in_scope(inner, with_cleanup(10 * second_ns, 2 * second_ns, ends)), end);
    settle(v.loop);
    inner->cancel(because);
    run_for(v, 5 * second_ns);
    CHECK_FALSE(ends.cleanup);
    CHECK(end.at_ns == start_ns + 2 * second_ns);
  }
  SECTION("and is bounded") {
    begin(v.loop, in_scope(inner, with_cleanup(second_ns, 2 * second_ns, ends)), end);
    settle(v.loop);
    inner->cancel(because);
    run_for(v, 5 * second_ns);
    CHECK(ends.cleanup == errc::timed_out);
    CHECK(where(ends.cleanup) == "cleanup");
    CHECK(end.at_ns == start_ns + second_ns);
  }
  CHECK(end.done);
  CHECK(ends.after == errc::aborted);
}
