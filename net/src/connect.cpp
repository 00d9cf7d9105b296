// net/connect.cpp - see the header.
#include <weir/net/connect.hpp>

#include <weir/runtime/byte_stream.hpp>
#include <weir/runtime/waits.hpp>
#include <weir/runtime/within.hpp>

namespace weir::net {

namespace {

constexpr std::uint32_t addresses_max = 64;

class connect_one final : public runtime::io_wait {
 public:
  connect_one(platform::poller& poller, platform::socket_id socket, const address& to) noexcept
      : io_wait("connect"), poller_(poller), socket_(socket), to_(to) {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) noexcept {
    runtime::scope& in = *waiter.promise().in;
    if (refused_by(in)) return false;
    return settle(in, waiter, poller_.connect(socket_, to_, static_cast<io_wait*>(this)));
  }
  error await_resume() const noexcept { return why_; }
  void on_cancel(error why) noexcept override {
    asked_to_end(why);
    poller_.cancel(operation_);
  }

 private:
  platform::poller& poller_;
  platform::socket_id socket_;
  const address& to_;
};

// What the attempts of one race share. Lives in the race's frame.
struct race {
  runtime::scheduler& owner;
  platform::socket_id winner{};
  error first_failure{};
  std::uint32_t under_way = 0;  // attempts that have not said how they ended
  runtime::event attempt_ended{};
};

runtime::task<error> attempt(race& of, const address& to) {
  platform::poller& poller = of.owner.poller();
  result<platform::socket_id> socket = poller.open_stream(to);
  error why = socket.why();
  if (socket.ok()) {
    why = co_await connect_one(poller, socket.value(), to);
    // A connection that won in the instant of the cancel is still one too many.
    if (!why && !of.winner.valid()) {
      of.winner = socket.value();
    } else {
      poller.close(socket.value());
    }
  }
  if (why && !of.first_failure) of.first_failure = why;
  --of.under_way;
  of.attempt_ended.set();
  co_return error{};
}

runtime::task<error> wait_for(runtime::event& ended) {
  const error why = co_await ended.wait();
  co_return why;
}

runtime::task<error> run_race(race& of, std::span<const address> to, time_ns attempt_delay_ns) {
  runtime::scope& here = co_await runtime::this_scope();
  runtime::nursery attempts(here, "connect attempts", addresses_max,
                            runtime::nursery::on_failure::carry_on);
  for (std::size_t next = 0; next < to.size() && !of.winner.valid() && !here.why(); ++next) {
    of.attempt_ended.clear();
    if (error why = attempts.start(attempt(of, to[next]), "connect attempt")) {
      if (!of.first_failure) of.first_failure = why;
      break;
    }
    ++of.under_way;
    const time_ns due_ns = due_after(of.owner.now_ns(), attempt_delay_ns);
    const error paused =
        co_await runtime::within(due_ns, "attempt_delay", wait_for(of.attempt_ended));
    if (paused && paused.code != errc::timed_out) break;
  }
  while (!of.winner.valid() && of.under_way > 0 && !here.why()) {
    of.attempt_ended.clear();
    const error waited = co_await of.attempt_ended.wait();
    if (waited) break;
  }
  attempts.cancel(error(errc::cancelled, "another address answered"));
  static_cast<void>(co_await attempts.join());  // attempts put their failures into the race
  co_return here.why();
}

}  // namespace

runtime::task<result<platform::socket_id>> connect(runtime::scheduler& owner,
                                                   std::span<const address> to,
                                                   connect_options options) {
  if (to.empty()) co_return error(errc::invalid, "no address to connect to");
  if (to.size() > addresses_max) to = to.first(addresses_max);
  race run{owner};
  const error ended = co_await runtime::within(options.due_ns, "connect deadline",
                                               run_race(run, to, options.attempt_delay_ns));
  if (run.winner.valid()) co_return run.winner;
  if (ended) co_return ended;  // the deadline, or the scope around us
  WEIR_ASSERT(run.first_failure);
  co_return run.first_failure;
}

}  // namespace weir::net
