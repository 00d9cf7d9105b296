// platform/epoll/epoll_queue.hpp - what the readiness reactor needs from a kernel, by epoll.
//
// Streams are watched edge-triggered, for reading from the first wait on and for writing from the
// first blocked send on: a connection costs one epoll_ctl call in its ordinary life. Listeners are
// level-triggered, so that one accept a turn is enough and nothing is missed.
#pragma once

#include <atomic>
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
  bool stops_short = false;  // reading stops at a mark (urgent bytes) although there is more
};

class epoll_queue {
 public:
  static constexpr const char* name = "epoll";
  static constexpr std::size_t events_max = 256;  // of one wait

  epoll_queue() = default;
  epoll_queue(const epoll_queue&) = delete;
  epoll_queue& operator=(const epoll_queue&) = delete;
  ~epoll_queue();

  error open() noexcept;

  // A closed descriptor leaves the queue by itself.
  error watch_stream(int fd, std::uint64_t token, bool with_writes) noexcept;
  error add_writes(int fd, std::uint64_t token) noexcept;
  error watch_listener(int fd, std::uint64_t token) noexcept;
  error pause_listener(int fd, std::uint64_t token) noexcept;
  error resume_listener(int fd, std::uint64_t token) noexcept;

  // Waits at most `span_ns` (never_ns: without end). Sets `woken` when wake() ended the wait.
  // errc::interrupted when a signal did.
  result<std::size_t> wait(std::span<ready_event> out, time_ns span_ns, bool& woken) noexcept;
  void wake() noexcept;

 private:
  error control(int operation, int fd, std::uint64_t token, std::uint32_t events) noexcept;

  int queue_ = -1;
  int wake_ = -1;
  std::atomic<bool> wake_pending_{false};  // spares the second of two wakes its system call
};

}  // namespace weir::platform
