// platform/readiness_queue.hpp - what the readiness reactor asks of a kernel's queue.
//
// A queue is thin: it watches descriptors, waits, and wakes. epoll and kqueue each have one; what
// both need stands here. The promises a queue makes the reactor:
//
//   - A stream is watched edge-triggered: for reading from watch_stream() on, for writing once
//     with_writes or add_writes() asked for it. An edge is never lost, however few events a wait
//     has room for, and what is ready already when watching begins counts as one.
//   - A listener is watched level-triggered, and says nothing between pause and resume.
//   - Every event carries the token of the call that watched last; a closed descriptor leaves the
//     queue by itself, though an event of it may already be on its way.
//   - An error means that nothing was watched as asked: the reactor asks again at its next try.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include <weir/platform/error.hpp>
#include <weir/platform/time.hpp>

namespace weir::platform {

// What became possible on the socket of that token.
struct ready_event {
  std::uint64_t token = 0;
  bool readable = false;
  bool writable = false;
  bool hangup = false;       // the end of the stream or an error is queued behind what can be read
  bool stops_short = false;  // reading may stop at a mark (urgent bytes) although there is more
};

inline constexpr std::size_t ready_events_max = 256;            // of one wait
inline constexpr std::uint64_t wake_token = ~std::uint64_t{0};  // no socket has the last index
// The longest a queue waits at once, whatever it was asked: the reactor asks again.
inline constexpr time_ns longest_wait_ns = 3'600 * second_ns;

// Spares the second of two wakes its system call.
class wake_flag {
 public:
  // True when this wake has to be told to the kernel.
  bool raise() noexcept { return !raised_.exchange(true, std::memory_order_acq_rel); }
  // Before the caller looks at what it was woken for: a wake from now on tells the kernel again.
  // An exchange, not a store: it takes part in the order of the wakes, so that what a thread did
  // before a wake that found the flag set is seen by what runs after this line.
  void lower() noexcept { static_cast<void>(raised_.exchange(false, std::memory_order_acq_rel)); }

 private:
  std::atomic<bool> raised_{false};
};

template <class Queue>
concept readiness_queue =
    requires(Queue queue, int fd, std::uint64_t token, std::span<ready_event> out, bool& woken) {
      { Queue::name } -> std::convertible_to<const char*>;
      { queue.open() } noexcept -> std::same_as<error>;
      { queue.watch_stream(fd, token, true) } noexcept -> std::same_as<error>;
      { queue.add_writes(fd, token) } noexcept -> std::same_as<error>;
      { queue.watch_listener(fd, token) } noexcept -> std::same_as<error>;
      { queue.pause_listener(fd, token) } noexcept -> std::same_as<error>;
      { queue.resume_listener(fd, token) } noexcept -> std::same_as<error>;
      // Waits at most that long (never_ns: without end, or errc::interrupted after a signal) and
      // sets `woken` when wake() ended the wait.
      { queue.wait(out, time_ns{}, woken) } noexcept -> std::same_as<result<std::size_t>>;
      { queue.wake() } noexcept;  // legal from any thread, and from a signal handler
    };

}  // namespace weir::platform
