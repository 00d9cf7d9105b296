// platform/epoll/epoll_queue.cpp - see the header.
#include "epoll/epoll_queue.hpp"

#include <cerrno>
#include <cstddef>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <weir/platform/error_map.hpp>

namespace weir::platform {

namespace {

constexpr std::uint32_t reads = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET;
constexpr std::uint32_t reads_and_writes = reads | EPOLLOUT;

error last_error(const char* where) noexcept {
  return error_from_system(where, errno);
}

// epoll counts in milliseconds. Rounded up: to return before the due time would make the caller
// spin through the last fraction.
int timeout_ms(time_ns span_ns) noexcept {
  if (span_ns <= 0) return 0;
  if (span_ns == never_ns) return -1;
  if (span_ns > longest_wait_ns) span_ns = longest_wait_ns;
  return static_cast<int>((span_ns + millisecond_ns - 1) / millisecond_ns);
}

}  // namespace

epoll_queue::~epoll_queue() {
  if (wake_ >= 0) ::close(wake_);
  if (queue_ >= 0) ::close(queue_);
}

error epoll_queue::open() noexcept {
  queue_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (queue_ < 0) return last_error("epoll_create1");
  wake_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wake_ < 0) return last_error("eventfd");
  // By edges: each write is one, and nobody has to read what the last ones have added up to.
  return control(EPOLL_CTL_ADD, wake_, wake_token, EPOLLIN | EPOLLET);
}

error epoll_queue::control(int operation, int fd, std::uint64_t token,
                           std::uint32_t events) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  if (::epoll_ctl(queue_, operation, fd, &event) != 0) return last_error("epoll_ctl");
  return {};
}

error epoll_queue::watch_stream(int fd, std::uint64_t token, bool with_writes) noexcept {
  return control(EPOLL_CTL_ADD, fd, token, with_writes ? reads_and_writes : reads);
}
error epoll_queue::add_writes(int fd, std::uint64_t token) noexcept {
  return control(EPOLL_CTL_MOD, fd, token, reads_and_writes);
}
error epoll_queue::watch_listener(int fd, std::uint64_t token) noexcept {
  return control(EPOLL_CTL_ADD, fd, token, EPOLLIN);
}
error epoll_queue::pause_listener(int fd, std::uint64_t token) noexcept {
  return control(EPOLL_CTL_MOD, fd, token, 0);
}
error epoll_queue::resume_listener(int fd, std::uint64_t token) noexcept {
  return control(EPOLL_CTL_MOD, fd, token, EPOLLIN);
}

result<std::size_t> epoll_queue::wait(std::span<ready_event> out, time_ns span_ns,
                                      bool& woken) noexcept {
  epoll_event events[ready_events_max];
  const std::size_t room = out.size() < ready_events_max ? out.size() : ready_events_max;
  const int got = ::epoll_wait(queue_, events, static_cast<int>(room), timeout_ms(span_ns));
  if (got < 0) return last_error("epoll_wait");
  std::size_t count = 0;
  for (int i = 0; i < got; ++i) {
    const std::uint32_t bits = events[i].events;
    const std::uint64_t token = events[i].data.u64;
    if (token == wake_token) {
      flag_.lower();
      woken = true;
      continue;
    }
    const bool ended = (bits & (EPOLLHUP | EPOLLERR)) != 0;
    const bool peer_ended = ended || (bits & EPOLLRDHUP) != 0;
    out[count++] = {token, peer_ended || (bits & (EPOLLIN | EPOLLPRI)) != 0,
                    ended || (bits & EPOLLOUT) != 0, peer_ended, (bits & EPOLLPRI) != 0};
  }
  return count;
}

void epoll_queue::wake() noexcept {
  if (!flag_.raise()) return;
  const std::uint64_t one = 1;
  static_cast<void>(::write(wake_, &one, sizeof one));
}

}  // namespace weir::platform
