// The loop: turns, budgets, posts, deadlock, shutdown, and a host that drives it.
#include <atomic>
#include <thread>
#include <vector>

#include <weir/platform/clock.hpp>

#include "virtual_loop.hpp"

using namespace weir;
using namespace weir::runtime;
using namespace weir::test;

namespace {

task<error> await_readable(byte_stream& stream) {
  const error why = co_await readable(stream);
  co_return why;
}

task<error> await_permit(semaphore& s) {
  const error why = co_await s.acquire();
  co_return why;
}

task<error> await_stuck(offload& pool) {
  const result<int> one = co_await pool.run([] { return 1; });
  co_return one.why();
}

// Everything a task can wait for, in one tree.
task<error> server_like(event& e, semaphore& s, offload& pool) {
  scope& here = co_await this_scope();
  nursery children(here, "server", 8);
  const error a = children.start(sleep_for(3'600 * second_ns), "timer");
  const error b = children.start(wait_for(e), "listener");
  const error c = children.start(await_permit(s), "queue");
  const error d = children.start(await_stuck(pool), "worker");
  const error joined = co_await children.join();
  if (a || b || c || d) co_return error(errc::other, "not started");
  co_return joined;
}

task<error> in_connection(time_ns due_ns, event& e) {
  const error why = co_await within(due_ns, "idle_deadline", wait_for(e));
  co_return why;
}

}  // namespace

TEST_CASE("task tree: says who waits for what, since when and until when") {
  virtual_loop v;
  event e;
  outcome end;
  outcome second;
  run_for(v, 2 * second_ns);
  begin(v.loop, in_connection(v.net.now_ns() + 10 * second_ns, e), end, "connection");
  settle(v.loop);
  run_for(v, 3 * second_ns + 310 * millisecond_ns);
  begin(v.loop, sleep_for(second_ns), second, "clock");
  settle(v.loop);
  CHECK(task_tree(v.loop) ==
        "root 5.310s\n"
        "  background 5.310s\n"
        "    clock 0.000s\n"
        "      sleep 0.000s\n"
        "    connection 3.310s\n"
        "      idle_deadline 3.310s, due in 6.690s\n"
        "        event 3.310s\n");
  CHECK(task_tree(v.loop, 3) ==
        "root 5.310s\n"
        "  background 5.310s\n"
        "    clock 0.000s\n"
        "... and 4 lines more\n");
  v.loop.root().cancel(error(errc::cancelled, "drain"));
  CHECK(task_tree(v.loop, 1) == "root 5.310s, cancelled: cancelled drain\n... and 4 lines more\n");
  CHECK(v.loop.shutdown(second_ns) == 0);
}

TEST_CASE("deadlock: waiting for what can never come ends, with the tree told") {
  virtual_loop v;
  event never_set;
  const error why = v.loop.run(wait_for(never_set));
  CHECK(why == errc::deadlock);
  CHECK(v.said.text.starts_with("deadlock\nroot "));
  CHECK(v.said.text.find("  event 0.000s\n") != std::string::npos);
}

TEST_CASE("deadlock: everything in the background is ended too") {
  virtual_loop v;
  event e;
  semaphore s(0, 1);
  offload pool(v.loop, {.virtual_job_ns = never_ns});
  outcome end;
  // A timer an hour away is something that can come: first that, then the deadlock.
  begin(v.loop, server_like(e, s, pool), end);
  const time_ns start_ns = v.net.now_ns();
  CHECK(v.loop.run(wait_for(e)) == errc::deadlock);
  CHECK(v.net.now_ns() == start_ns + 3'600 * second_ns);
  CHECK(v.loop.shutdown(second_ns) == 0);
  CHECK(end.why == errc::deadlock);
}

TEST_CASE("shutdown: with everything parked it ends at once, twice, and refuses what comes after") {
  virtual_loop v;
  event e;
  semaphore s(0, 1);
  offload pool(v.loop, {.virtual_job_ns = never_ns});
  outcome end;
  begin(v.loop, server_like(e, s, pool), end);
  settle(v.loop);
  const time_ns start_ns = v.net.now_ns();
  CHECK(v.loop.shutdown(second_ns) == 0);
  CHECK(end.done);
  CHECK(end.why == errc::cancelled);
  CHECK(v.net.now_ns() == start_ns);
  CHECK(v.loop.shutdown(second_ns) == 0);
  const error refused = v.loop.spawn(sleep_for(0), "late");
  CHECK(refused == errc::cancelled);
  CHECK(v.loop.timers().count() == 0);
}

TEST_CASE("shutdown: what does not answer in time is counted and named") {
  virtual_loop v;
  puppet_stream stream;
  outcome end;
  begin(v.loop, await_readable(stream), end, "held by a kernel");
  settle(v.loop);
  const time_ns start_ns = v.net.now_ns();
  CHECK(v.loop.shutdown(2 * second_ns) == 1);
  CHECK(v.net.now_ns() == start_ns + 2 * second_ns);
  CHECK(v.said.text.find("shutdown left tasks behind") != std::string::npos);
  CHECK(v.said.text.find("held by a kernel 2.000s") != std::string::npos);
  CHECK(v.said.text.find("readable 2.000s") != std::string::npos);
  stream.parked->complete(0, error(errc::cancelled, "kernel"));
  CHECK(v.loop.shutdown(second_ns) == 0);
  CHECK(where(end.why) == "shutdown");
}

// Turns. ------------------------------------------------------------------------------------------

namespace {

task<error> busy(int rounds, int& count, int& other, int& worst_lead) {
  for (int i = 0; i < rounds; ++i) {
    ++count;
    if (count - other > worst_lead) worst_lead = count - other;
    co_await yield();
  }
  co_return error{};
}

task<error> hold_the_loop(time_ns span_ns) {
  const error first = co_await sleep_for(0);
  if (first) co_return first;
  const time_ns until_ns = system_clock().now_ns() + span_ns;
  while (system_clock().now_ns() < until_ns) {
  }
  co_return error{};
}

}  // namespace

TEST_CASE("budget: two busy tasks take turns, and a timer is not starved by them") {
  scheduler_options options;
  options.turn_budget = 16;
  virtual_loop v(options);
  int a = 0;
  int b = 0;
  int a_leads = 0;
  int b_leads = 0;
  outcome first;
  outcome second;
  outcome timer;
  begin(v.loop, busy(1'000, a, b, a_leads), first);
  begin(v.loop, busy(1'000, b, a, b_leads), second);
  begin(v.loop, sleep_for(0), timer);
  REQUIRE_FALSE(v.loop.poll_once(never_ns));
  CHECK(timer.done);
  CHECK(a + b <= 16);
  while (!first.done || !second.done) REQUIRE_FALSE(v.loop.poll_once(never_ns));
  CHECK(a_leads <= 1);
  CHECK(b_leads <= 1);
  CHECK(v.loop.counters().budget_exhausted >= 2'000 / 16 - 2);
  CHECK(v.loop.counters().turns >= 2'000 / 16);
}

TEST_CASE("long turns: a handler that holds the loop is counted and measured") {
  scheduler_options options;
  options.long_turn_ns = 5 * millisecond_ns;
  scheduler loop(native_poller(), options);
  outcome end;
  begin(loop, hold_the_loop(20 * millisecond_ns), end);
  while (!end.done) REQUIRE_FALSE(loop.poll_once(never_ns));
  CHECK(loop.counters().long_turns == 1);
  CHECK(loop.counters().longest_turn_ns >= 20 * millisecond_ns);
}

TEST_CASE("timers: on the system's clock none fires early, and those taken back never") {
  scheduler loop(native_poller());
  struct alarm : timer {
    alarm() : timer(&rings) {}
    static void rings(timer& t) noexcept {
      alarm& self = static_cast<alarm&>(t);
      self.early = self.early || system_clock().now_ns() < self.due_ns;
      ++self.rang;
    }
    int rang = 0;
    bool early = false;
  };
  std::vector<alarm> all(100'000);
  const time_ns start_ns = system_clock().now_ns();
  for (std::size_t i = 0; i < all.size(); ++i) {
    loop.timers().arm(all[i], start_ns + static_cast<time_ns>(i * 7'919 % 20'000'011));
  }
  for (std::size_t i = 0; i < all.size(); i += 2) loop.timers().disarm(all[i]);
  const time_ns until_ns = start_ns + 21 * millisecond_ns;
  while (system_clock().now_ns() < until_ns || loop.timers().count() > 0) {
    REQUIRE_FALSE(loop.poll_once(until_ns));
  }
  bool right = true;
  for (std::size_t i = 0; i < all.size(); ++i) {
    right = right && !all[i].early && all[i].rang == static_cast<int>(i % 2);
  }
  CHECK(right);
  CHECK(loop.counters().timers_fired == all.size() / 2);
}

TEST_CASE("clock: a deadline given after a long pause between turns counts from now") {
  // A host that makes a scheduler, works for a while and then runs it.
  virtual_loop v;
  v.net.advance(3'600 * second_ns);
  struct driver {
    static task<error> twice(time_ns span_ns) {
      const error first = co_await sleep_for(span_ns);
      if (first) co_return first;
      const error second = co_await sleep_for(span_ns);
      co_return second;
    }
    static task<error> run() {
      scope& here = co_await this_scope();
      const time_ns due_ns = here.owner().now_ns() + second_ns;
      const error why = co_await within(due_ns, "short", twice(second_ns / 4));
      co_return why;
    }
  };
  CHECK_FALSE(v.loop.run(driver::run()));
}

TEST_CASE("poll_once: a host drives it from its own loop, waiting or not") {
  virtual_loop v;
  outcome end;
  const time_ns start_ns = v.net.now_ns();
  // Nothing to do: the past does not wait, a due time is kept to the nanosecond.
  CHECK_FALSE(v.loop.poll_once(0));
  CHECK(v.net.now_ns() == start_ns);
  CHECK_FALSE(v.loop.poll_once(start_ns + 17));
  CHECK(v.net.now_ns() == start_ns + 17);
  begin(v.loop, sleep_for(second_ns), end);
  // What is ready comes before the waiting; then a timer of ours before the host's due time.
  CHECK_FALSE(v.loop.poll_once(never_ns));
  CHECK(v.net.now_ns() == start_ns + 17);
  CHECK_FALSE(v.loop.poll_once(start_ns + second_ns));
  CHECK_FALSE(end.done);
  CHECK_FALSE(v.loop.poll_once(start_ns + 3'600 * second_ns));
  CHECK(end.done);
  CHECK(end.at_ns == start_ns + 17 + second_ns);
  CHECK(v.net.now_ns() == end.at_ns);
  CHECK(v.loop.poll_once(never_ns) == errc::deadlock);
}

// Posting. ----------------------------------------------------------------------------------------

namespace {

struct counted_post : posted_job {
  counted_post() : posted_job(&run_it) {}
  static void run_it(posted_job& job) noexcept {
    counted_post& self = static_cast<counted_post&>(job);
    ++self.runs;
    if (self.total != nullptr) ++*self.total;
  }
  int runs = 0;
  int* total = nullptr;
};

}  // namespace

TEST_CASE("post: 100,000 posts from four threads all run once, and the loop sleeps afterwards") {
  constexpr std::size_t threads = 4;
  constexpr std::size_t each = 25'000;
  scheduler loop(native_poller());
  std::vector<std::vector<counted_post>> jobs(threads);
  int total = 0;
  for (auto& some : jobs) some = std::vector<counted_post>(each);
  for (auto& some : jobs) {
    for (counted_post& job : some) job.total = &total;
  }
  std::vector<std::thread> posters;
  for (auto& some : jobs) {
    posters.emplace_back([&some, &loop] {
      for (counted_post& job : some) loop.post(job);
    });
  }
  const time_ns due_ns = system_clock().now_ns() + 60 * second_ns;
  while (total < static_cast<int>(threads * each) && system_clock().now_ns() < due_ns) {
    REQUIRE_FALSE(loop.poll_once(due_ns));
  }
  for (std::thread& t : posters) t.join();
  CHECK(total == static_cast<int>(threads * each));
  CHECK(loop.counters().posted == threads * each);
  bool once = true;
  for (const auto& some : jobs) {
    for (const counted_post& job : some) once = once && job.runs == 1;
  }
  CHECK(once);
  // At most one wake is left over; then a turn lasts as long as it may.
  REQUIRE_FALSE(loop.poll_once(system_clock().now_ns()));
  const std::uint64_t turns = loop.counters().turns;
  const time_ns until_ns = system_clock().now_ns() + 50 * millisecond_ns;
  while (system_clock().now_ns() < until_ns) REQUIRE_FALSE(loop.poll_once(until_ns));
  CHECK(loop.counters().turns - turns <= 2);
}

TEST_CASE("post: a ping-pong between two loops loses no wake") {
  struct ping : posted_job {
    ping() : posted_job(&run_it) {}
    static void run_it(posted_job& job) noexcept {
      ping& self = static_cast<ping&>(job);
      if (++self.count == 20'000) {
        self.over.store(true);
        // Both loops may be waiting: each is told.
        self.loops[0]->poller().wake();
        self.loops[1]->poller().wake();
        return;
      }
      self.loops[self.count % 2]->post(self);
    }
    scheduler* loops[2] = {};
    int count = 0;
    std::atomic<bool> over{false};
  };
  scheduler here(native_poller());
  scheduler there(native_poller());
  ping ball;
  ball.loops[0] = &here;
  ball.loops[1] = &there;
  here.post(ball);
  const time_ns due_ns = system_clock().now_ns() + 60 * second_ns;
  std::thread other([&] {
    while (!ball.over.load() && system_clock().now_ns() < due_ns) {
      static_cast<void>(there.poll_once(due_ns));
    }
  });
  while (!ball.over.load() && system_clock().now_ns() < due_ns) {
    static_cast<void>(here.poll_once(due_ns));
  }
  other.join();
  CHECK(ball.over.load());
  CHECK(ball.count == 20'000);
}

TEST_CASE("post: what was posted before the end is run before the end") {
  counted_post job;
  {
    virtual_loop v;
    v.loop.post(job);
  }
  CHECK(job.runs == 1);
}

TEST_CASE("post: wakes a loop that waits without end, from a thread") {
  scheduler loop(native_poller());
  counted_post job;
  std::thread other([&loop, &job] { loop.post(job); });
  while (job.runs == 0) REQUIRE_FALSE(loop.poll_once(never_ns));
  other.join();
  CHECK(job.runs == 1);
}

// A poller that breaks. ---------------------------------------------------------------------------

namespace {

// Forwards to the system's, and fails every wait once it is told to.
class breaking_poller final : public platform::poller {
 public:
  explicit breaking_poller(bool& broken) : inner_(native_poller()), broken_(broken) {}

  const char* name() const noexcept override { return "breaking"; }
  time_ns now_ns() const noexcept override { return inner_->now_ns(); }
  std::int64_t unix_seconds() const noexcept override { return inner_->unix_seconds(); }
  const platform::poller_counters& counters() const noexcept override { return inner_->counters(); }
  result<platform::socket_id> listen(const address& at,
                                     const platform::listen_options& o) noexcept override {
    return inner_->listen(at, o);
  }
  result<platform::socket_id> open_stream(const address& to) noexcept override {
    return inner_->open_stream(to);
  }
  result<platform::socket_id> adopt(platform::native_socket s) noexcept override {
    return inner_->adopt(s);
  }
  void discard(platform::native_socket s) noexcept override { inner_->discard(s); }
  result<address> local_address(platform::socket_id s) const noexcept override {
    return inner_->local_address(s);
  }
  result<address> peer_address(platform::socket_id s) const noexcept override {
    return inner_->peer_address(s);
  }
  error shut_send(platform::socket_id s) noexcept override { return inner_->shut_send(s); }
  void close(platform::socket_id s) noexcept override { inner_->close(s); }
  void reset(platform::socket_id s) noexcept override { inner_->reset(s); }
  result<std::size_t> try_receive(platform::socket_id s, byte_span into) noexcept override {
    return inner_->try_receive(s, into);
  }
  result<std::size_t> try_send(platform::socket_id s,
                               std::span<const byte_view> parts) noexcept override {
    return inner_->try_send(s, parts);
  }
  result<platform::native_socket> try_accept(platform::socket_id s,
                                             address* peer) noexcept override {
    return inner_->try_accept(s, peer);
  }
  platform::started accept(platform::socket_id s, address* peer, void* c) noexcept override {
    return inner_->accept(s, peer, c);
  }
  platform::started connect(platform::socket_id s, const address& to, void* c) noexcept override {
    return inner_->connect(s, to, c);
  }
  platform::started wait_readable(platform::socket_id s, void* c) noexcept override {
    return inner_->wait_readable(s, c);
  }
  platform::started receive(platform::socket_id s, byte_span into, void* c) noexcept override {
    return inner_->receive(s, into, c);
  }
  platform::started send(platform::socket_id s, byte_view bytes, void* c) noexcept override {
    return inner_->send(s, bytes, c);
  }
  platform::started send_file(platform::socket_id s, const file& source, std::uint64_t offset,
                              std::uint64_t count, void* c) noexcept override {
    return inner_->send_file(s, source, offset, count, c);
  }
  void cancel(platform::operation_id id) noexcept override { inner_->cancel(id); }
  result<std::size_t> wait(std::span<platform::completion> out, time_ns due_ns) noexcept override {
    if (!broken_) return inner_->wait(out, due_ns);
    ++failures;
    return error(errc::bad_handle, "epoll_wait", 9);
  }
  void wake() noexcept override { inner_->wake(); }
  std::uint32_t close_all(time_ns bound_ns) noexcept override {
    return inner_->close_all(bound_ns);
  }

  int failures = 0;

 private:
  std::unique_ptr<platform::poller> inner_;
  bool& broken_;
};

task<error> wait_for_ever() {
  const error why = co_await sleep_until(never_ns);
  co_return why;
}

task<error> cleanup_in(time_ns span_ns) {
  const error cut = co_await sleep_until(never_ns);
  scope& here = co_await this_scope();
  const time_ns due_ns = here.owner().now_ns() + span_ns;
  const error cleaned = co_await shielded(due_ns, "cleanup", wait_for_ever());
  if (cleaned.code != errc::timed_out) co_return error(errc::other, "not shielded");
  co_return cut;
}

}  // namespace

TEST_CASE("broken poller: run() ends with its error, and soon") {
  bool broken = true;
  auto made = std::make_unique<breaking_poller>(broken);
  breaking_poller& poller = *made;
  heard said;
  scheduler_options options;
  options.sink = &heard::listen;
  options.sink_context = &said;
  scheduler loop(std::move(made), options);
  SECTION("a task that waits") {
    event e;
    CHECK(loop.run(wait_for(e)) == errc::bad_handle);
    CHECK(poller.failures <= 5);
  }
  SECTION("a task that cleans up under a shield ends at the shield's deadline, without spinning") {
    CHECK(loop.run(cleanup_in(50 * millisecond_ns)) == errc::bad_handle);
    CHECK(poller.failures <= 50);
  }
  CHECK(said.text.starts_with("bad_handle\nroot "));
}
