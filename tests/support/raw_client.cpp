// support/raw_client.cpp - sockets of the tests.
#include "support/raw_client.hpp"

#if !defined(_WIN32)

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include <weir/platform/clock.hpp>

namespace weir::test {
namespace {

#ifdef MSG_NOSIGNAL
constexpr int send_flags = MSG_NOSIGNAL;
#else
constexpr int send_flags = 0;  // macOS: SO_NOSIGPIPE instead
#endif

time_ns now_ns() {
  return system_clock().now_ns();
}

int family_of(const address& a) {
  switch (a.family()) {
    case address_family::ipv4: return AF_INET;
    case address_family::ipv6: return AF_INET6;
    default: return AF_UNIX;
  }
}

int open_socket(const address& a) {
  const int fd = ::socket(family_of(a), SOCK_STREAM, 0);
  if (fd >= 0) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fd;
}

void set_option(int fd, int level, int name, int value) {
  ::setsockopt(fd, level, name, &value, sizeof value);
}

// poll() counts milliseconds: rounded up, so that it never returns before the instant.
int milliseconds_until(time_ns due_ns) {
  const time_ns left_ns = due_ns - now_ns();
  if (left_ns <= 0) return 0;
  return static_cast<int>(
      std::min<time_ns>((left_ns + millisecond_ns - 1) / millisecond_ns, 60'000));
}

}  // namespace

const char* to_string(raw_outcome outcome) noexcept {
  switch (outcome) {
    case raw_outcome::done: return "done";
    case raw_outcome::blocked: return "blocked";
    case raw_outcome::eof: return "eof";
    case raw_outcome::reset: return "reset";
    case raw_outcome::timed_out: return "timed_out";
    case raw_outcome::failed: return "failed";
  }
  return "?";
}

raw_client raw_client::connect(const address& to, const raw_options& options) {
  const int fd = open_socket(to);
  if (fd < 0) return {};
  if (options.receive_buffer_bytes > 0) {
    set_option(fd, SOL_SOCKET, SO_RCVBUF, options.receive_buffer_bytes);
  }
  if (options.send_buffer_bytes > 0) {
    set_option(fd, SOL_SOCKET, SO_SNDBUF, options.send_buffer_bytes);
  }
  int failed = 0;
  do {
    failed = ::connect(fd, reinterpret_cast<const sockaddr*>(to.data()),
                       static_cast<socklen_t>(to.size()));
  } while (failed != 0 && errno == EINTR);
  if (failed != 0) {
    ::close(fd);
    return {};
  }
  return {fd, options};
}

raw_client::raw_client(int descriptor, const raw_options& options)
    : descriptor_(descriptor), options_(options) {
  ::fcntl(descriptor_, F_SETFL, ::fcntl(descriptor_, F_GETFL) | O_NONBLOCK);
  set_option(descriptor_, IPPROTO_TCP, TCP_NODELAY, 1);  // Unix sockets refuse it, rightly
#ifdef SO_NOSIGPIPE
  set_option(descriptor_, SOL_SOCKET, SO_NOSIGPIPE, 1);
#endif
}

void raw_client::swap(raw_client& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(options_, other.options_);
  std::swap(stalls_, other.stalls_);
  std::swap(end_, other.end_);
  std::swap(received_, other.received_);
}

raw_count raw_client::try_send(std::string_view bytes) noexcept {
  if (descriptor_ < 0) return {raw_outcome::failed, 0};
  for (;;) {
    const ssize_t n = ::send(descriptor_, bytes.data(), bytes.size(), send_flags);
    if (n >= 0) return {raw_outcome::done, static_cast<std::size_t>(n)};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {raw_outcome::blocked, 0};
    if (errno == EPIPE || errno == ECONNRESET) return {raw_outcome::reset, 0};
    return {raw_outcome::failed, 0};
  }
}

raw_count raw_client::try_read(std::size_t bytes_max) {
  if (descriptor_ < 0) return {raw_outcome::failed, 0};
  if (end_ != raw_outcome::done) return {end_, 0};
  const std::size_t before = received_.size();
  received_.resize(before + bytes_max);
  ssize_t n = 0;
  do {
    n = ::recv(descriptor_, received_.data() + before, bytes_max, 0);
  } while (n < 0 && errno == EINTR);
  const int why = errno;
  received_.resize(before + (n > 0 ? static_cast<std::size_t>(n) : 0));
  if (n > 0) return {raw_outcome::done, static_cast<std::size_t>(n)};
  if (n == 0) {
    end_ = raw_outcome::eof;
  } else if (why == EAGAIN || why == EWOULDBLOCK) {
    return {raw_outcome::blocked, 0};
  } else {
    end_ = why == ECONNRESET || why == EPIPE ? raw_outcome::reset : raw_outcome::failed;
  }
  return {end_, 0};
}

bool raw_client::turn(bool wants_write, time_ns due_ns) {
  raw_interest one{.of = this, .read = !stalls_ && end_ == raw_outcome::done, .write = wants_write};
  raw_wait({&one, 1}, due_ns);
  if (one.readable) static_cast<void>(try_read(64 * 1024));
  return one.readable || one.writable;
}

raw_outcome raw_client::rest_until(time_ns due_ns) {
  while (now_ns() < due_ns) {
    if (end_ != raw_outcome::done) return end_;
    turn(false, due_ns);
  }
  return end_;
}

raw_outcome raw_client::send(std::string_view bytes) {
  const time_ns due_ns = due_after(now_ns(), options_.patience_ns);
  while (!bytes.empty()) {
    const raw_count n = try_send(bytes);
    if (n.outcome == raw_outcome::done) {
      bytes.remove_prefix(n.bytes);
    } else if (n.outcome != raw_outcome::blocked) {
      return n.outcome;
    } else if (now_ns() >= due_ns) {
      return raw_outcome::timed_out;
    } else {
      turn(true, due_ns);
    }
  }
  return raw_outcome::done;
}

raw_outcome raw_client::send_split(std::string_view bytes, std::span<const std::size_t> offsets,
                                   time_ns pause_ns) {
  std::size_t sent = 0;
  for (const std::size_t offset : offsets) {
    const std::size_t until = std::min(offset, bytes.size());
    const raw_outcome out = send(bytes.substr(sent, until - sent));
    if (out != raw_outcome::done) return out;
    sent = until;
    // An end of the stream is no reason to stop: what follows may be what is tested.
    static_cast<void>(rest_until(now_ns() + pause_ns));
  }
  return send(bytes.substr(sent));
}

raw_outcome raw_client::drip(std::string_view bytes, time_ns interval_ns) {
  time_ns due_ns = now_ns();
  for (const char& byte : bytes) {
    const raw_outcome rested = rest_until(due_ns);
    if (rested != raw_outcome::done) return rested;
    const raw_outcome sent = send({&byte, 1});
    if (sent != raw_outcome::done) return sent;
    due_ns += interval_ns;
  }
  return raw_outcome::done;
}

raw_outcome raw_client::read_until(const std::function<bool(std::string_view)>& enough) {
  const time_ns due_ns = due_after(now_ns(), options_.patience_ns);
  while (!enough(received_)) {
    const raw_count n = try_read(64 * 1024);
    if (n.outcome == raw_outcome::done) continue;
    if (n.outcome != raw_outcome::blocked) return n.outcome;
    if (now_ns() >= due_ns) return raw_outcome::timed_out;
    raw_interest one{.of = this, .read = true};
    raw_wait({&one, 1}, due_ns);
  }
  return raw_outcome::done;
}

raw_outcome raw_client::read_to_end() {
  return read_until([](std::string_view) { return false; });
}

void raw_client::half_close() noexcept {
  if (descriptor_ >= 0) ::shutdown(descriptor_, SHUT_WR);
}

void raw_client::reset() noexcept {
  if (descriptor_ < 0) return;
  const linger at_once{1, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

void raw_client::close() noexcept {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

std::size_t raw_client::bytes_unread() const noexcept {
  int n = 0;
  if (descriptor_ < 0 || ::ioctl(descriptor_, FIONREAD, &n) != 0) return 0;
  return static_cast<std::size_t>(n);
}

raw_listener::raw_listener(const address& at) {
  const int fd = open_socket(at);
  if (fd < 0) return;
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (::bind(fd, reinterpret_cast<const sockaddr*>(at.data()), static_cast<socklen_t>(at.size())) ==
          0 &&
      ::listen(fd, 16) == 0 && ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) == 0) {
    const result<address> bound =
        address::from_system({reinterpret_cast<const std::byte*>(&name), size});
    if (bound.ok()) {
      descriptor_ = fd;
      where_ = bound.value();
      return;
    }
  }
  ::close(fd);
}

raw_listener::~raw_listener() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (where_.family() == address_family::unix_path) ::unlink(std::string(where_.path()).c_str());
}

raw_client raw_listener::accept(const raw_options& options) {
  pollfd one{descriptor_, POLLIN, 0};
  if (descriptor_ < 0) return {};
  if (::poll(&one, 1, milliseconds_until(now_ns() + options.patience_ns)) != 1) return {};
  const int fd = ::accept(descriptor_, nullptr, nullptr);
  if (fd < 0) return {};
  return {fd, options};
}

void raw_wait(std::span<raw_interest> interests, time_ns due_ns) {
  std::vector<pollfd> set;
  set.reserve(interests.size());
  for (raw_interest& i : interests) {
    i.readable = i.writable = false;
    const int events = (i.read ? POLLIN : 0) | (i.write ? POLLOUT : 0);
    // A negative descriptor is passed over: POLLHUP would wake us for those who ask for nothing.
    set.push_back({events != 0 ? i.of->descriptor() : -1, static_cast<short>(events), 0});
  }
  const int n = ::poll(set.data(), static_cast<nfds_t>(set.size()), milliseconds_until(due_ns));
  if (n <= 0) return;
  for (std::size_t k = 0; k < set.size(); ++k) {
    const bool over = (set[k].revents & (POLLHUP | POLLERR)) != 0;
    interests[k].readable = interests[k].read && ((set[k].revents & POLLIN) != 0 || over);
    interests[k].writable = interests[k].write && ((set[k].revents & POLLOUT) != 0 || over);
  }
}

bool sigpipe_is_default() {
  struct sigaction now{};
  return ::sigaction(SIGPIPE, nullptr, &now) == 0 && now.sa_handler == SIG_DFL;
}

}  // namespace weir::test

#endif
