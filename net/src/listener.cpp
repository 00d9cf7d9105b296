// net/listener.cpp - see the header.
#include <weir/net/listener.hpp>

#include <weir/runtime/waits.hpp>

namespace weir::net {

namespace {

class accept_one final : public runtime::io_wait {
 public:
  accept_one(platform::poller& poller, platform::socket_id listener) noexcept
      : io_wait("accept"), poller_(poller), listener_(listener) {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) noexcept {
    runtime::scope& in = *waiter.promise().in;
    if (refused_by(in)) return false;
    return settle(in, waiter, poller_.accept(listener_, &peer_, static_cast<io_wait*>(this)));
  }
  result<accepted> await_resume() const noexcept {
    if (why_) return why_;
    return accepted{static_cast<platform::native_socket>(value_), peer_};
  }
  void on_cancel(error why) noexcept override {
    asked_to_end(why);
    poller_.cancel(operation_);
  }

 private:
  platform::poller& poller_;
  platform::socket_id listener_;
  address peer_;
};

enum class accept_trouble : std::uint8_t { passing, no_room, fatal };

// accept(2): errors of the connection that was waiting are the connection's, not the listener's.
accept_trouble judge(errc code) noexcept {
  switch (code) {
    case errc::aborted:
    case errc::reset:
    case errc::refused:
    case errc::protocol:
    case errc::unreachable:
    case errc::network_down:
    case errc::not_supported:
    case errc::permission:  // a firewall said no
    case errc::would_block:
    case errc::interrupted: return accept_trouble::passing;
    case errc::handles_exhausted:
    case errc::memory_exhausted: return accept_trouble::no_room;
    default: return accept_trouble::fatal;
  }
}

constexpr time_ns pause_min_ns = 10 * millisecond_ns;
constexpr time_ns pause_max_ns = second_ns;
constexpr std::uint64_t passing_burst = 64;

}  // namespace

result<platform::socket_id> listener::open(runtime::scheduler& owner, const address& at,
                                           const platform::listen_options& options,
                                           port_use use) noexcept {
  platform::poller& poller = owner.poller();
  platform::listen_options wanted = options;
  if (use == port_use::shared && at.port() != 0) {
    wanted.share_port = false;
    result<platform::socket_id> proof = poller.listen(at, wanted);
    if (!proof.ok()) return proof;
    poller.close(proof.value());
  }
  wanted.share_port = use != port_use::alone;
  return poller.listen(at, wanted);
}

runtime::task<result<accepted>> listener::accept() {
  time_ns pause_ns = pause_min_ns;
  for (;;) {
    result<accepted> next = co_await accept_one(owner_.poller(), socket_);
    if (next.ok()) {
      ++counters_.accepted;
      co_return next;
    }
    const accept_trouble trouble = judge(next.why().code);
    if (trouble == accept_trouble::fatal) co_return next;
    if (trouble == accept_trouble::passing) {
      // Each such error takes a dead connection off the queue; one that does not, and comes again
      // and again, may not hold the loop.
      if (++counters_.aborted % passing_burst != 0) continue;
      const error why = co_await runtime::sleep_until(due_after(owner_.now_ns(), pause_min_ns));
      if (why) co_return why;
      continue;
    }
    const error why = co_await make_room(pause_ns);
    if (why) co_return why;
    pause_ns = pause_ns * 2 < pause_max_ns ? pause_ns * 2 : pause_max_ns;
  }
}

runtime::task<error> listener::make_room(time_ns pause_ns) {
  ++counters_.pauses;
  reserve_.release();
  result<accepted> turned_away = try_accept();
  if (turned_away.ok()) {
    ++counters_.turned_away;
    --counters_.accepted;
    owner_.poller().discard(turned_away.value().socket);
  }
  static_cast<void>(reserve_.hold());
  const error why = co_await runtime::sleep_until(due_after(owner_.now_ns(), pause_ns));
  co_return why;
}

result<accepted> listener::try_accept() noexcept {
  address peer;
  for (std::uint64_t tries = 0;; ++tries) {
    result<platform::native_socket> next = owner_.poller().try_accept(socket_, &peer);
    if (next.ok()) {
      ++counters_.accepted;
      return accepted{next.value(), peer};
    }
    const errc code = next.why().code;
    if (code == errc::would_block || judge(code) != accept_trouble::passing) return next.why();
    ++counters_.aborted;
    // One that takes nothing off the queue would come for ever.
    if (tries == passing_burst) return error(errc::would_block, "accept");
  }
}

result<address> listener::local_address() const noexcept {
  return owner_.poller().local_address(socket_);
}

void listener::close() noexcept {
  if (!socket_.valid()) return;
  owner_.poller().close(socket_);
  socket_ = {};
}

}  // namespace weir::net
