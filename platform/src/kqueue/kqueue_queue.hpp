// platform/kqueue/kqueue_queue.hpp - what the readiness reactor needs from a kernel, by kqueue.
//
// Reading and writing are two filters, added with EV_CLEAR (edge-triggered): the first when a
// stream is first waited on, the second with its first blocked send. A listener's filter is
// level-triggered and is disabled while nobody accepts. Wakes are a user event.
#pragma once

#include <cstdint>
#include <span>

#include <weir/platform/error.hpp>
#include <weir/platform/time.hpp>

#include "readiness_queue.hpp"

namespace weir::platform {

class kqueue_queue {
 public:
  static constexpr const char* name = "kqueue";

  kqueue_queue() = default;
  kqueue_queue(const kqueue_queue&) = delete;
  kqueue_queue& operator=(const kqueue_queue&) = delete;
  ~kqueue_queue();

  error open() noexcept;

  error watch_stream(int fd, std::uint64_t token, bool with_writes) noexcept;
  error add_writes(int fd, std::uint64_t token) noexcept;
  error watch_listener(int fd, std::uint64_t token) noexcept;
  error pause_listener(int fd, std::uint64_t token) noexcept;
  error resume_listener(int fd, std::uint64_t token) noexcept;

  result<std::size_t> wait(std::span<ready_event> out, time_ns span_ns, bool& woken) noexcept;
  void wake() noexcept;

 private:
  int queue_ = -1;
  wake_flag flag_;
};

}  // namespace weir::platform
