// runtime/virtual_loop.hpp - a scheduler in virtual time, and tasks that many tests use.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <catch_amalgamated.hpp>

#include <weir/platform/sim.hpp>
#include <weir/runtime/byte_stream.hpp>
#include <weir/runtime/offload.hpp>
#include <weir/runtime/scheduler.hpp>
#include <weir/runtime/task.hpp>
#include <weir/runtime/task_tree.hpp>
#include <weir/runtime/waits.hpp>
#include <weir/runtime/within.hpp>

namespace weir::test {

// What the scheduler says to its sink.
struct heard {
  std::string text;
  static void listen(void* context, std::string_view said) noexcept {
    heard& self = *static_cast<heard*>(context);
    self.text += said;
    self.text += '\n';
  }
};

inline std::unique_ptr<platform::poller> sim_poller(platform::sim_network& net) {
  result<std::unique_ptr<platform::poller>> opened = net.open_poller({});
  REQUIRE(opened.ok());
  return std::move(opened).value();
}

inline std::unique_ptr<platform::poller> native_poller() {
  result<std::unique_ptr<platform::poller>> opened = platform::open_poller({});
  REQUIRE(opened.ok());
  return std::move(opened).value();
}

// Time stands still unless everything waits.
class virtual_loop {
 public:
  explicit virtual_loop(runtime::scheduler_options options = runtime::scheduler_options(),
                        const platform::sim_options& network = {})
      : net(network), loop(sim_poller(net), with_sink(options)) {}

  platform::sim_network net;
  heard said;
  runtime::scheduler loop;

 private:
  runtime::scheduler_options with_sink(runtime::scheduler_options options) {
    options.sink = &heard::listen;
    options.sink_context = &said;
    return options;
  }
};

inline std::string_view where(const error& why) {
  return why.where;
}

inline runtime::task<error> sleep_for(time_ns span_ns) {
  runtime::scope& here = co_await runtime::this_scope();
  const error why = co_await runtime::sleep_until(due_after(here.owner().now_ns(), span_ns));
  co_return why;
}

// How a task ended that runs beside the test.
struct outcome {
  bool done = false;
  error why{};
  time_ns at_ns = 0;
};

inline runtime::task<error> note_end(runtime::task<error> child, outcome& out) {
  runtime::scope& here = co_await runtime::this_scope();
  const error why = co_await child;
  out = {true, why, here.owner().now_ns()};
  co_return why;
}

// Starts `child` in the background and says how it ended.
inline void begin(runtime::scheduler& loop, runtime::task<error> child, outcome& out,
                  const char* name = "task") {
  const error refused = loop.spawn(note_end(std::move(child), out), name);
  REQUIRE_FALSE(refused);
}

// Runs what is ready now; time does not move.
inline void settle(runtime::scheduler& loop) {
  for (int i = 0; i < 4; ++i) REQUIRE_FALSE(loop.poll_once(0));
}

// Moves virtual time until `due_ns` from now.
inline void run_for(virtual_loop& v, time_ns span_ns) {
  const time_ns due_ns = v.net.now_ns() + span_ns;
  while (v.net.now_ns() < due_ns) REQUIRE_FALSE(v.loop.poll_once(due_ns));
  settle(v.loop);
}

inline runtime::task<error> wait_for(runtime::event& e) {
  const error why = co_await e.wait();
  co_return why;
}

// Goes to the end of the queue of this turn, as often as asked.
class [[nodiscard]] yield final : public runtime::wait_node {
 public:
  yield() noexcept : wait_node("yield") {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> waiter) noexcept {
    park(*waiter.promise().in, waiter);
    wake();
  }
  void await_resume() const noexcept {}
  void on_cancel(error) noexcept override {}
};

// A stream that does nothing until the test says so.
class puppet_stream final : public runtime::byte_stream {
 public:
  result<std::size_t> try_read(byte_span) noexcept override {
    return error(errc::would_block, "puppet");
  }
  result<std::size_t> try_write(std::span<const byte_view>) noexcept override {
    return error(errc::would_block, "puppet");
  }
  error shut_write() noexcept override { return {}; }
  bool writes_files() const noexcept override { return true; }
  platform::started start_wait_readable(runtime::io_wait& wait) noexcept override {
    return park(wait);
  }
  platform::started start_write(byte_view, runtime::io_wait& wait) noexcept override {
    return park(wait);
  }
  platform::started start_write_file(const file&, std::uint64_t, std::uint64_t,
                                     runtime::io_wait& wait) noexcept override {
    return park(wait);
  }
  void cancel(platform::operation_id) noexcept override { ++cancels; }

  runtime::io_wait* parked = nullptr;
  int starts = 0;
  int cancels = 0;

 private:
  platform::started park(runtime::io_wait& wait) noexcept {
    ++starts;
    parked = &wait;
    return {.id = {1, 1}};
  }
};

}  // namespace weir::test
