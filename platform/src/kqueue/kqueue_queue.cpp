// platform/kqueue/kqueue_queue.cpp - see the header.
#include "kqueue/kqueue_queue.hpp"

#include <cerrno>
#include <cstddef>

#include <fcntl.h>
#include <sys/types.h>

#include <sys/event.h>
#include <time.h>
#include <unistd.h>

#include <weir/platform/error_map.hpp>

namespace weir::platform {

namespace {

// User events have their own numbers: this one is in no descriptor's way.
constexpr std::uintptr_t wake_ident = 1;

error last_error(const char* where) noexcept {
  return error_from_system(where, errno);
}

struct kevent change_of(std::uintptr_t ident, short filter, unsigned short flags,
                        std::uint64_t token) noexcept {
  struct kevent change{};
  // The members' types differ between the systems; the macro knows.
  // A kevent carries a number of ours as a pointer: NOLINTNEXTLINE(performance-no-int-to-ptr)
  EV_SET(&change, ident, filter, flags, 0, 0, reinterpret_cast<void*>(token));
  return change;
}

// Applies changes and looks at each one's receipt: without EV_RECEIPT the kernel would fill the
// list with events instead, and stop at the first change that fails.
error apply(int queue, std::span<struct kevent> changes) noexcept {
  for (struct kevent& change : changes) change.flags |= EV_RECEIPT;
  const int count = static_cast<int>(changes.size());
  int got = -1;
  do {  // again after a signal: to make a change twice is to make it once
    got = ::kevent(queue, changes.data(), count, changes.data(), count, nullptr);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return last_error("kevent");
  for (const struct kevent& receipt : changes.first(static_cast<std::size_t>(got))) {
    if ((receipt.flags & EV_ERROR) == 0 || receipt.data == 0) continue;
    return error_from_system("kevent", static_cast<int>(receipt.data));
  }
  return {};
}

error apply(int queue, std::uintptr_t ident, short filter, unsigned short flags,
            std::uint64_t token) noexcept {
  struct kevent change = change_of(ident, filter, flags, token);
  return apply(queue, {&change, 1});
}

constexpr unsigned short add_edge = EV_ADD | EV_CLEAR;

std::uintptr_t ident_of(int fd) noexcept {
  return static_cast<std::uintptr_t>(fd);
}

}  // namespace

kqueue_queue::~kqueue_queue() {
  if (queue_ >= 0) ::close(queue_);
}

error kqueue_queue::open() noexcept {
  queue_ = ::kqueue();
  if (queue_ < 0) return last_error("kqueue");
  // A fork does not inherit the queue, but on FreeBSD a program that is executed in our place does.
  if (::fcntl(queue_, F_SETFD, FD_CLOEXEC) != 0) return last_error("fcntl");
  return apply(queue_, wake_ident, EVFILT_USER, add_edge, wake_token);
}

error kqueue_queue::watch_stream(int fd, std::uint64_t token, bool with_writes) noexcept {
  struct kevent changes[] = {change_of(ident_of(fd), EVFILT_READ, add_edge, token),
                             change_of(ident_of(fd), EVFILT_WRITE, add_edge, token)};
  return apply(queue_, {changes, with_writes ? std::size_t{2} : std::size_t{1}});
}
error kqueue_queue::add_writes(int fd, std::uint64_t token) noexcept {
  return apply(queue_, ident_of(fd), EVFILT_WRITE, add_edge, token);
}
error kqueue_queue::watch_listener(int fd, std::uint64_t token) noexcept {
  return apply(queue_, ident_of(fd), EVFILT_READ, EV_ADD, token);
}
error kqueue_queue::pause_listener(int fd, std::uint64_t token) noexcept {
  return apply(queue_, ident_of(fd), EVFILT_READ, EV_DISABLE, token);
}
error kqueue_queue::resume_listener(int fd, std::uint64_t token) noexcept {
  return apply(queue_, ident_of(fd), EVFILT_READ, EV_ENABLE, token);
}

result<std::size_t> kqueue_queue::wait(std::span<ready_event> out, time_ns span_ns,
                                       bool& woken) noexcept {
  struct kevent events[ready_events_max];
  const std::size_t room = out.size() < ready_events_max ? out.size() : ready_events_max;
  timespec span{};
  if (span_ns > 0) {
    if (span_ns > longest_wait_ns) span_ns = longest_wait_ns;
    span.tv_sec = static_cast<time_t>(span_ns / second_ns);
    span.tv_nsec = static_cast<long>(span_ns % second_ns);
  }
  const int got = ::kevent(queue_, nullptr, 0, events, static_cast<int>(room), &span);
  if (got < 0) return last_error("kevent");
  std::size_t count = 0;
  for (const struct kevent& event : std::span(events).first(static_cast<std::size_t>(got))) {
    const auto token = reinterpret_cast<std::uint64_t>(event.udata);
    if (event.filter == EVFILT_USER) {
      flag_.lower();
      woken = true;
      continue;
    }
    ready_event& ready = out[count++];
    ready = {};
    ready.token = token;
    if (event.filter == EVFILT_WRITE) {
      // Its EV_EOF says that nothing more can be sent, by our own shutdown too: that a peer has
      // ended is for the reading filter to say.
      ready.writable = true;
      continue;
    }
    ready.readable = true;
    ready.hangup = (event.flags & EV_EOF) != 0 || event.fflags != 0;
    // Always: these kernels stop a receive at the urgent mark, and only macOS has a flag for it.
    // One more receive a wait is the price of never taking a mark for the end of the bytes.
    ready.stops_short = true;
  }
  return count;
}

void kqueue_queue::wake() noexcept {
  if (!flag_.raise()) return;
  struct kevent trigger{};
  // NOLINTNEXTLINE(performance-no-int-to-ptr): as above
  EV_SET(&trigger, wake_ident, EVFILT_USER, 0, NOTE_TRIGGER, 0,
         reinterpret_cast<void*>(wake_token));
  static_cast<void>(::kevent(queue_, &trigger, 1, nullptr, 0, nullptr));
}

}  // namespace weir::platform
