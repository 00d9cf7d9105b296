// support/raw_calls_posix.cpp - see the header.
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <vector>

#include "support/raw_calls.hpp"

namespace weir::test::raw {
namespace {

#ifdef MSG_NOSIGNAL
constexpr int send_flags = MSG_NOSIGNAL;
#else
constexpr int send_flags = 0;  // macOS: SO_NOSIGPIPE instead
#endif

const sockaddr* system_form(const address& a) {
  return reinterpret_cast<const sockaddr*>(a.data());
}

void set_option(int socket, int level, int name, int value) {
  ::setsockopt(socket, level, name, &value, sizeof value);
}

}  // namespace

int open(const address& family_of) {
  int family = AF_UNIX;
  if (family_of.family() == address_family::ipv4) family = AF_INET;
  if (family_of.family() == address_family::ipv6) family = AF_INET6;
  const int socket = ::socket(family, SOCK_STREAM, 0);
  if (socket >= 0) ::fcntl(socket, F_SETFD, FD_CLOEXEC);
  return socket;
}

void set_buffers(int socket, int receive_bytes, int send_bytes) {
  if (receive_bytes > 0) set_option(socket, SOL_SOCKET, SO_RCVBUF, receive_bytes);
  if (send_bytes > 0) set_option(socket, SOL_SOCKET, SO_SNDBUF, send_bytes);
}

bool connect(int socket, const address& to) {
  int failed = 0;
  do {
    failed = ::connect(socket, system_form(to), static_cast<socklen_t>(to.size()));
  } while (failed != 0 && errno == EINTR);
  return failed == 0;
}

result<address> listen(int socket, const address& at) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (::bind(socket, system_form(at), static_cast<socklen_t>(at.size())) != 0 ||
      ::listen(socket, 16) != 0 ||
      ::getsockname(socket, reinterpret_cast<sockaddr*>(&name), &size) != 0) {
    return error(errc::address_in_use, "raw listener");
  }
  return address::from_system({reinterpret_cast<const std::byte*>(&name), size});
}

int accept(int listener) {
  return ::accept(listener, nullptr, nullptr);
}

void make_prompt(int socket) {
  ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) | O_NONBLOCK);
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);  // Unix sockets refuse it, rightly
#ifdef SO_NOSIGPIPE
  set_option(socket, SOL_SOCKET, SO_NOSIGPIPE, 1);
#endif
}

raw_count send(int socket, std::string_view bytes) noexcept {
  for (;;) {
    const ssize_t n = ::send(socket, bytes.data(), bytes.size(), send_flags);
    if (n >= 0) return {raw_outcome::done, static_cast<std::size_t>(n)};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {raw_outcome::blocked, 0};
    if (errno == EPIPE || errno == ECONNRESET) return {raw_outcome::reset, 0};
    return {raw_outcome::failed, 0};
  }
}

raw_count receive(int socket, std::span<char> to) noexcept {
  for (;;) {
    const ssize_t n = ::recv(socket, to.data(), to.size(), 0);
    if (n > 0) return {raw_outcome::done, static_cast<std::size_t>(n)};
    if (n == 0) return {raw_outcome::eof, 0};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {raw_outcome::blocked, 0};
    if (errno == ECONNRESET || errno == EPIPE) return {raw_outcome::reset, 0};
    return {raw_outcome::failed, 0};
  }
}

void shut_write(int socket) noexcept {
  ::shutdown(socket, SHUT_WR);
}

void reset_on_close(int socket) noexcept {
  const linger at_once{1, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void close(int socket) noexcept {
  ::close(socket);
}

std::size_t bytes_unread(int socket) noexcept {
  int n = 0;
  return ::ioctl(socket, FIONREAD, &n) == 0 ? static_cast<std::size_t>(n) : 0;
}

void poll(std::span<readiness> set, int milliseconds_max) {
  std::vector<pollfd> asked;
  asked.reserve(set.size());
  for (const readiness& r : set) {
    const int events = (r.read ? POLLIN : 0) | (r.write ? POLLOUT : 0);
    asked.push_back({r.socket, static_cast<short>(events), 0});
  }
  if (::poll(asked.data(), static_cast<nfds_t>(asked.size()), milliseconds_max) <= 0) return;
  for (std::size_t i = 0; i < set.size(); ++i) {
    const bool over = (asked[i].revents & (POLLHUP | POLLERR)) != 0;
    set[i].readable = set[i].read && ((asked[i].revents & POLLIN) != 0 || over);
    set[i].writable = set[i].write && ((asked[i].revents & POLLOUT) != 0 || over);
  }
}

}  // namespace weir::test::raw
