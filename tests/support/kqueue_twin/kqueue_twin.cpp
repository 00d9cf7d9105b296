// tests/support/kqueue_twin/kqueue_twin.cpp - kevent(2) over epoll, timerfd and eventfd.
//
// It exists so that the kqueue backend runs under the whole test suite on Linux. The descriptor of
// a queue is an outer epoll set; in it lie
//
//   - two inner epoll sets, one for each of EVFILT_READ and EVFILT_WRITE: a descriptor may sit in
//     both with different triggers, the kernel drops it from both when it is closed, and what a
//     short event list has no room for stays in the inner set's ready list;
//   - a timerfd for each timer and an eventfd for each user event.
//
// Whoever waits, waits on the outer set without a lock, so that changes of other threads wake it.
//
// What it is not: Apple's or FreeBSD's kernel. Not modelled are fflags beside EV_EOF (Linux gives a
// socket's error to the first who asks, and that has to be the program), low-water marks, urgent
// data, EV_EOF of the writing side after one's own shutdown, and any filter not named in event.h.
// close() of a queue is not seen: what it held is freed by the next call of kqueue().
#include <sys/event.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <utility>

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

class descriptor {
 public:
  explicit descriptor(int fd = -1) noexcept : fd_(fd) {}
  descriptor(descriptor&& from) noexcept : fd_(std::exchange(from.fd_, -1)) {}
  descriptor& operator=(descriptor&& from) noexcept {
    std::swap(fd_, from.fd_);
    return *this;
  }
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

int control(int set, int operation, int fd, std::uint32_t bits) noexcept {
  epoll_event event{};
  event.events = bits;
  event.data.fd = fd;
  return ::epoll_ctl(set, operation, fd, &event) == 0 ? 0 : errno;
}

std::int64_t now_ns() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * second_ns + now.tv_nsec;
}

// The one number an EVFILT_READ or EVFILT_WRITE event carries.
std::intptr_t bytes_to_read(int fd) noexcept {
  int listens = 0;
  socklen_t size = sizeof listens;
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0) return 1;
  int count = 0;
  return ::ioctl(fd, FIONREAD, &count) == 0 ? count : 0;
}
std::intptr_t room_to_write(int fd) noexcept {
  int room = 0;
  socklen_t size = sizeof room;
  if (::getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, &size) != 0) return 1;
  int queued = 0;
  if (::ioctl(fd, TIOCOUTQ, &queued) != 0) queued = 0;
  return room > queued ? room - queued : 0;
}

struct knote {
  std::uint16_t kept_flags = 0;  // EV_CLEAR, EV_ONESHOT, EV_DISPATCH
  bool enabled = true;
  void* udata = nullptr;
  descriptor source{};  // of a timer or a user event
};

using key = std::pair<std::int16_t, std::uintptr_t>;  // filter, ident

class twin_queue {
 public:
  // 0 or an errno value.
  int open() noexcept {
    outer_ = ::epoll_create1(EPOLL_CLOEXEC);
    if (outer_ < 0) return errno;
    for (descriptor* inner : {&reads_, &writes_}) {
      *inner = descriptor(::epoll_create1(EPOLL_CLOEXEC));
      if (inner->get() < 0) return errno;
      if (const int code = control(outer_, EPOLL_CTL_ADD, inner->get(), EPOLLIN)) return code;
    }
    return 0;
  }
  int number() const noexcept { return outer_; }

  // Whether the descriptor of that number is still this queue: only then does it hold our set.
  bool alive() const noexcept { return control(outer_, EPOLL_CTL_MOD, reads_.get(), EPOLLIN) == 0; }

  int change(const struct kevent& wanted) {
    const std::lock_guard lock(mutex_);
    const auto found = knotes_.find({wanted.filter, wanted.ident});
    switch (wanted.filter) {
      case EVFILT_READ:
      case EVFILT_WRITE: return change_descriptor(wanted, found);
      case EVFILT_TIMER:
      case EVFILT_USER: return change_source(wanted, found);
      default: return EINVAL;
    }
  }

  // Events that are there now, at most out.size(); -1 and errno. Waits up to `timeout_ms` for the
  // first sign of one: 0 events is an answer then, and the caller knows the time.
  int collect(std::span<struct kevent> out, int timeout_ms) {
    std::array<epoll_event, 64> signs{};
    // No more signs than there is room: the kernel moves those it gave to the end of its list, so
    // that with a short list every set and source gets its turn.
    const int signs_max = static_cast<int>(std::min(signs.size(), out.size()));
    const int got = ::epoll_wait(outer_, signs.data(), signs_max, timeout_ms);
    if (got < 0) return -1;
    const std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (const epoll_event& sign : std::span(signs).first(static_cast<std::size_t>(got))) {
      const std::span<struct kevent> room = out.subspan(count);
      if (room.empty()) break;
      if (sign.data.fd == reads_.get()) {
        count += from_descriptors(EVFILT_READ, room);
      } else if (sign.data.fd == writes_.get()) {
        count += from_descriptors(EVFILT_WRITE, room);
      } else {
        count += from_source(sign.data.fd, room.front());
      }
    }
    return static_cast<int>(count);
  }

 private:
  using place = std::map<key, knote>::iterator;

  int inner(std::int16_t filter) const noexcept {
    return filter == EVFILT_READ ? reads_.get() : writes_.get();
  }

  static bool takes(const struct kevent& wanted, std::uint16_t flag) noexcept {
    return (wanted.flags & flag) != 0;
  }
  static void note(knote& to, const struct kevent& wanted) noexcept {
    to.udata = wanted.udata;
    if (takes(wanted, EV_ADD)) to.kept_flags = wanted.flags & (EV_CLEAR | EV_ONESHOT | EV_DISPATCH);
    if (takes(wanted, EV_ADD) || takes(wanted, EV_ENABLE)) to.enabled = true;
    if (takes(wanted, EV_DISABLE)) to.enabled = false;
  }

  // What an inner set is to look for. Edge-triggered without a bit is a disabled knote: the kernel
  // reports errors whatever is asked, but only once, and that once is dropped.
  static std::uint32_t bits_of(std::int16_t filter, const knote& of) noexcept {
    if (!of.enabled) return EPOLLET;
    const std::uint32_t bits = filter == EVFILT_READ ? EPOLLIN | EPOLLRDHUP : EPOLLOUT;
    return (of.kept_flags & EV_CLEAR) != 0 ? bits | EPOLLET : bits;
  }

  int change_descriptor(const struct kevent& wanted, place found) {
    const int set = inner(wanted.filter);
    const int fd = static_cast<int>(wanted.ident);
    if (found != knotes_.end()) {
      if (takes(wanted, EV_DELETE)) {
        knotes_.erase(found);
        return control(set, EPOLL_CTL_DEL, fd, 0);
      }
      note(found->second, wanted);
      const int code = control(set, EPOLL_CTL_MOD, fd, bits_of(wanted.filter, found->second));
      if (code == 0) return 0;
      knotes_.erase(found);  // the descriptor was closed since, and took its knote along
      if (code != ENOENT) return code;
    }
    if (!takes(wanted, EV_ADD)) return ::fcntl(fd, F_GETFD) >= 0 ? ENOENT : EBADF;
    knote fresh;
    note(fresh, wanted);
    if (const int code = control(set, EPOLL_CTL_ADD, fd, bits_of(wanted.filter, fresh))) {
      return code == EPERM ? EINVAL : code;
    }
    knotes_.insert_or_assign(key{wanted.filter, wanted.ident}, std::move(fresh));
    return 0;
  }

  int change_source(const struct kevent& wanted, place found) {
    if (found == knotes_.end()) {
      if (!takes(wanted, EV_ADD)) return ENOENT;
      knote fresh;
      fresh.source = descriptor(wanted.filter == EVFILT_TIMER
                                    ? ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)
                                    : ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
      const int fd = fresh.source.get();
      if (fd < 0) return errno;
      if (const int code = control(outer_, EPOLL_CTL_ADD, fd, 0)) return code;
      found = knotes_.emplace(key{wanted.filter, wanted.ident}, std::move(fresh)).first;
      sources_[fd] = found->first;
    } else if (takes(wanted, EV_DELETE)) {
      remove_source(found);
      return 0;
    }
    knote& here = found->second;
    note(here, wanted);
    const int fd = here.source.get();
    if (wanted.filter == EVFILT_USER && (wanted.fflags & NOTE_TRIGGER) != 0) {
      const std::uint64_t one = 1;
      if (::write(fd, &one, sizeof one) < 0) return errno;
    }
    if (wanted.filter == EVFILT_TIMER && takes(wanted, EV_ADD)) {
      if (const int code = arm(fd, wanted)) return code;
    }
    return control(outer_, EPOLL_CTL_MOD, fd, here.enabled ? std::uint32_t{EPOLLIN} : 0);
  }

  static int arm(int fd, const struct kevent& wanted) noexcept {
    const std::int64_t unit_ns = (wanted.fflags & NOTE_SECONDS) != 0    ? second_ns
                                 : (wanted.fflags & NOTE_USECONDS) != 0 ? 1'000
                                 : (wanted.fflags & NOTE_NSECONDS) != 0 ? 1
                                                                        : 1'000'000;
    // Zero would disarm a timerfd; to BSD it is "at once".
    const std::int64_t span_ns = std::max<std::int64_t>(wanted.data * unit_ns, 1);
    itimerspec spec{};
    spec.it_value = {span_ns / second_ns, span_ns % second_ns};
    if ((wanted.flags & EV_ONESHOT) == 0) spec.it_interval = spec.it_value;
    return ::timerfd_settime(fd, 0, &spec, nullptr) == 0 ? 0 : errno;
  }

  void remove_source(place which) {
    sources_.erase(which->second.source.get());
    knotes_.erase(which);  // closing the descriptor takes it out of the outer set
  }

  std::size_t from_descriptors(std::int16_t filter, std::span<struct kevent> room) {
    std::array<epoll_event, 64> ready{};
    const std::size_t most = std::min(ready.size(), room.size());
    const int got = ::epoll_wait(inner(filter), ready.data(), static_cast<int>(most), 0);
    std::size_t count = 0;
    for (int i = 0; i < got; ++i) {
      const epoll_event& event = ready[static_cast<std::size_t>(i)];
      const int fd = event.data.fd;
      const auto found = knotes_.find({filter, static_cast<std::uintptr_t>(fd)});
      if (found == knotes_.end() || !found->second.enabled) continue;
      const std::uint32_t ends =
          filter == EVFILT_READ ? EPOLLRDHUP | EPOLLHUP | EPOLLERR : EPOLLHUP | EPOLLERR;
      struct kevent& out = room[count++];
      out = as_event(found);
      if ((event.events & ends) != 0) out.flags |= EV_EOF;
      out.data = filter == EVFILT_READ ? bytes_to_read(fd) : room_to_write(fd);
      after_delivery(found);
    }
    return count;
  }

  std::size_t from_source(int fd, struct kevent& out) {
    const auto source = sources_.find(fd);
    if (source == sources_.end()) return 0;
    const auto found = knotes_.find(source->second);
    const knote& here = found->second;
    if (!here.enabled) return 0;
    out = as_event(found);
    const bool timer = found->first.first == EVFILT_TIMER;
    if (timer || (here.kept_flags & EV_CLEAR) != 0) {
      std::uint64_t times = 0;
      if (::read(fd, &times, sizeof times) < 0) return 0;  // another thread was quicker
      if (timer) out.data = static_cast<std::intptr_t>(times);
    }
    after_delivery(found);
    return 1;
  }

  static struct kevent as_event(place which) noexcept {
    struct kevent out{};
    EV_SET(&out, which->first.second, which->first.first, which->second.kept_flags, 0, 0,
           which->second.udata);
    return out;
  }

  void after_delivery(place which) {
    const auto& [filter, ident] = which->first;
    const bool on_descriptor = filter == EVFILT_READ || filter == EVFILT_WRITE;
    const int fd = on_descriptor ? static_cast<int>(ident) : which->second.source.get();
    if ((which->second.kept_flags & EV_ONESHOT) != 0) {
      if (!on_descriptor) return remove_source(which);
      static_cast<void>(control(inner(filter), EPOLL_CTL_DEL, fd, 0));
      knotes_.erase(which);
    } else if ((which->second.kept_flags & EV_DISPATCH) != 0) {
      which->second.enabled = false;
      const int set = on_descriptor ? inner(filter) : outer_;
      const std::uint32_t nothing = on_descriptor ? EPOLLET : 0u;
      static_cast<void>(control(set, EPOLL_CTL_MOD, fd, nothing));
    }
  }

  int outer_ = -1;  // the program's: it closes it, not we
  descriptor reads_{};
  descriptor writes_{};
  std::mutex mutex_;
  std::map<key, knote> knotes_;
  std::map<int, key> sources_;
};

class queue_list {
 public:
  int open() {
    const std::lock_guard lock(mutex_);
    std::erase_if(queues_, [](const auto& entry) { return !entry.second->alive(); });
    auto fresh = std::make_shared<twin_queue>();
    if (const int code = fresh->open()) {
      if (fresh->number() >= 0) ::close(fresh->number());
      errno = code;
      return -1;
    }
    queues_.insert_or_assign(fresh->number(), fresh);
    return fresh->number();
  }
  // Shared: a thread may wait in a queue that another thread's kqueue() finds closed.
  std::shared_ptr<twin_queue> find(int number) {
    const std::lock_guard lock(mutex_);
    const auto found = queues_.find(number);
    if (found == queues_.end() || !found->second->alive()) return nullptr;
    return found->second;
  }

 private:
  std::mutex mutex_;
  std::map<int, std::shared_ptr<twin_queue>> queues_;
};

queue_list& queues() {
  static queue_list& all = *new queue_list;  // never destroyed: threads may outlive main()
  return all;
}

// Rounded up, as a wait may never end early.
int timeout_ms(std::int64_t due_ns) noexcept {
  const std::int64_t left_ns = due_ns - now_ns();
  if (left_ns <= 0) return 0;
  return static_cast<int>(std::min<std::int64_t>((left_ns + 999'999) / 1'000'000, 3'600'000));
}

}  // namespace

int kqueue() {
  return queues().open();
}

int kevent(int number, const struct kevent* changes, int changes_count, struct kevent* events,
           int events_max, const struct timespec* timeout) {
  const std::shared_ptr<twin_queue> queue = queues().find(number);
  if (queue == nullptr) {
    errno = EBADF;
    return -1;
  }
  int receipts = 0;
  for (int i = 0; i < changes_count; ++i) {
    const struct kevent wanted = changes[i];  // a copy: the lists may be one array
    const int code = queue->change(wanted);
    if (code == 0 && (wanted.flags & EV_RECEIPT) == 0) continue;
    if (receipts == events_max) {
      if (code == 0) break;
      errno = code;
      return -1;
    }
    events[receipts] = wanted;
    events[receipts].flags = EV_ERROR;
    events[receipts].data = code;
    ++receipts;
  }
  if (receipts > 0 || events_max == 0) return receipts;

  const std::int64_t due_ns =
      timeout == nullptr ? 0
                         : now_ns() + std::int64_t{timeout->tv_sec} * second_ns + timeout->tv_nsec;
  for (;;) {
    const int wait_ms = timeout == nullptr ? -1 : timeout_ms(due_ns);
    const int got = queue->collect({events, static_cast<std::size_t>(events_max)}, wait_ms);
    if (got != 0 || wait_ms == 0) return got;
  }
}
