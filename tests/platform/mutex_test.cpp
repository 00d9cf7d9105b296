// platform/mutex.hpp - exclusion, hand-over between threads, and waits that end on time.
#include <deque>
#include <thread>
#include <type_traits>
#include <vector>

#include <catch_amalgamated.hpp>

#include <weir/platform/clock.hpp>
#include <weir/platform/mutex.hpp>

static_assert(!std::is_copy_constructible_v<weir::mutex> &&
              !std::is_move_constructible_v<weir::mutex>);
static_assert(sizeof(weir::mutex) == weir::platform::abi::mutex_storage.bytes);
static_assert(alignof(weir::condition) == weir::platform::abi::condition_storage.align);

TEST_CASE("mutex: four threads lose no increment", "[platform]") {
  weir::mutex m;
  int counted = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) {
        const weir::lock held(m);
        ++counted;
      }
    });
  }
  for (std::thread& t : threads) t.join();
  CHECK(counted == 80'000);
}

TEST_CASE("mutex: try_lock says no while another thread holds it, and yes afterwards",
          "[platform]") {
  weir::mutex m;
  bool while_held = true;
  bool afterwards = false;
  m.lock();
  std::thread([&] { while_held = m.try_lock(); }).join();
  m.unlock();
  std::thread([&] {
    afterwards = m.try_lock();
    if (afterwards) m.unlock();
  }).join();
  CHECK_FALSE(while_held);
  CHECK(afterwards);
}

TEST_CASE("condition: ten thousand jobs pass from one thread to another", "[platform]") {
  weir::mutex m;
  weir::condition changed;
  std::deque<int> queue;
  long long sum = 0;
  std::thread consumer([&] {
    for (int taken = 0; taken < 10'000; ++taken) {
      const weir::lock held(m);
      while (queue.empty()) changed.wait(m);
      sum += queue.front();
      queue.pop_front();
      changed.wake_one();
    }
  });
  for (int i = 0; i < 10'000; ++i) {
    const weir::lock held(m);
    while (queue.size() >= 4) changed.wait(m);
    queue.push_back(i);
    changed.wake_one();
  }
  consumer.join();
  CHECK(sum == 49'995'000);
}

TEST_CASE("condition: wake_all wakes everybody", "[platform]") {
  weir::mutex m;
  weir::condition changed;
  bool open = false;
  int through = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      const weir::lock held(m);
      while (!open) changed.wait(m);
      ++through;
    });
  }
  {
    const weir::lock held(m);
    open = true;
    changed.wake_all();
  }
  for (std::thread& t : threads) t.join();
  CHECK(through == 8);
}

TEST_CASE("condition: a wait whose instant has passed returns at once, with the mutex held",
          "[platform]") {
  weir::mutex m;
  weir::condition never_woken;
  m.lock();
  CHECK_FALSE(never_woken.wait_until(m, weir::system_clock().now_ns()));
  CHECK_FALSE(never_woken.wait_until(m, 0));
  CHECK_FALSE(never_woken.wait_until(m, -5));
  bool other = true;
  std::thread([&] { other = m.try_lock(); }).join();
  CHECK_FALSE(other);
  m.unlock();
}

TEST_CASE("condition: a wait that nobody ends is over at its deadline, never before",
          "[platform]") {
  weir::mutex m;
  weir::condition never_woken;
  const weir::time_ns start_ns = weir::system_clock().now_ns();
  const weir::time_ns due_ns = start_ns + 15 * weir::millisecond_ns + 1;
  m.lock();
  int spurious = 0;
  while (never_woken.wait_until(m, due_ns)) {
    // Allowed: the promise is that false comes only when the instant has passed.
    ++spurious;
    REQUIRE(weir::system_clock().now_ns() < due_ns + 10 * weir::second_ns);
  }
  const weir::time_ns over_ns = weir::system_clock().now_ns();
  bool other = true;
  std::thread([&] { other = m.try_lock(); }).join();
  m.unlock();
  CHECK(over_ns >= due_ns);
  CHECK(over_ns < due_ns + 10 * weir::second_ns);
  CHECK(spurious < 100);  // a wait on the wrong clock ends at once, again and again
  CHECK_FALSE(other);
}

TEST_CASE("condition: a wake ends a wait whose deadline is far away or never", "[platform]") {
  const weir::time_ns dues[] = {weir::never_ns, weir::never_ns - 1,
                                weir::system_clock().now_ns() + 3600 * weir::second_ns};
  for (const weir::time_ns due_ns : dues) {
    weir::mutex m;
    weir::condition changed;
    bool done = false;
    std::thread waker([&] {
      const weir::lock held(m);
      done = true;
      changed.wake_one();
    });
    m.lock();
    bool in_time = true;
    while (!done && in_time) in_time = changed.wait_until(m, due_ns);
    m.unlock();
    waker.join();
    CHECK(in_time);
    CHECK(done);
  }
}
