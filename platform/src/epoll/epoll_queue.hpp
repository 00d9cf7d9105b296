// platform/epoll/epoll_queue.hpp - what the readiness reactor needs from a kernel, by epoll.
//
// Streams are watched edge-triggered, for reading from the first wait on and for writing from the
// first blocked send on: a connection costs one epoll_ctl call in its ordinary life. Listeners are
// level-triggered, so that one accept a turn is enough and nothing is missed.
#pragma once

#include <cstdint>
#include <span>

#include <weir/platform/error.hpp>
#include <weir/platform/time.hpp>

#include "readiness_queue.hpp"

namespace weir::platform {

class epoll_queue {
 public:
  static constexpr const char* name = "epoll";

  epoll_queue() = default;
  epoll_queue(const epoll_queue&) = delete;
  epoll_queue& operator=(const epoll_queue&) = delete;
  ~epoll_queue();

  error open() noexcept;

  error watch_stream(int fd, std::uint64_t token, bool with_writes) noexcept;
  error add_writes(int fd, std::uint64_t token) noexcept;
  error watch_listener(int fd, std::uint64_t token) noexcept;
  error pause_listener(int fd, std::uint64_t token) noexcept;
  error resume_listener(int fd, std::uint64_t token) noexcept;

  result<std::size_t> wait(std::span<ready_event> out, time_ns span_ns, bool& woken) noexcept;
  void wake() noexcept;

 private:
  error control(int operation, int fd, std::uint64_t token, std::uint32_t events) noexcept;

  int queue_ = -1;
  int wake_ = -1;
  wake_flag flag_;
};

}  // namespace weir::platform
