// platform/posix/socket_calls.cpp - see the header.
#include "posix/socket_calls.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <weir/platform/error_map.hpp>

namespace weir::platform::posix {

namespace {

error last_error(const char* where) noexcept {
  return error_from_system(where, errno);
}

// MSG_NOSIGNAL is in current Darwin headers while older Darwin kernels do not know it: there
// SO_NOSIGPIPE, set on every socket, does the work (spec: never the host's disposition).
#if defined(__APPLE__)
constexpr int send_flags = 0;
#else
constexpr int send_flags = MSG_NOSIGNAL;
#endif

error set_option(int fd, int level, int name, int value, const char* where) noexcept {
  if (setsockopt(fd, level, name, &value, sizeof value) == 0) return {};
  return last_error(where);
}

// What the calls that make a socket cannot say: no SIGPIPE (macOS, FreeBSD), nor on macOS the two
// flags. Said for accepted sockets too: which options those inherit is nobody's promise.
error prepare([[maybe_unused]] int fd) noexcept {
#if !defined(SOCK_NONBLOCK)
  const int status = fcntl(fd, F_GETFL);
  if (status < 0 || fcntl(fd, F_SETFL, status | O_NONBLOCK) < 0) return last_error("fcntl");
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) return last_error("fcntl");
#endif
#if defined(SO_NOSIGPIPE)
  return set_option(fd, SOL_SOCKET, SO_NOSIGPIPE, 1, "SO_NOSIGPIPE");
#else
  return {};
#endif
}

result<int> open_socket(int family) noexcept {
#if defined(SOCK_NONBLOCK)
  const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
#else
  const int fd = ::socket(family, SOCK_STREAM, 0);
#endif
  if (fd < 0) return last_error("socket");
  if (error why = prepare(fd)) {
    ::close(fd);
    return why;
  }
  return fd;
}

const sockaddr* system_address(const address& a) noexcept {
  return reinterpret_cast<const sockaddr*>(a.data());
}

// A socket file whose server died is in the way of the next one. It is taken over only when it is
// a socket and nobody listens: anything else at that path belongs to somebody.
error clear_stale_path(const address& at) noexcept {
  const char* path = reinterpret_cast<const sockaddr_un*>(at.data())->sun_path;
  struct stat status{};
  if (::lstat(path, &status) != 0) return errno == ENOENT ? error{} : last_error("lstat");
  if (!S_ISSOCK(status.st_mode)) return error(errc::exists, "the path is not a socket");
  result<int> probe = open_socket(AF_UNIX);
  if (!probe.ok()) return probe.why();
  const bool refused = ::connect(probe.value(), system_address(at), socklen_t(at.size())) != 0 &&
                       errno == ECONNREFUSED;
  ::close(probe.value());
  if (!refused) return error(errc::address_in_use, "bind", EADDRINUSE);
  return ::unlink(path) == 0 ? error{} : last_error("unlink");
}

error bind_and_listen(int fd, const address& at, const listen_options& options) noexcept {
  const bool internet = at.family() != address_family::unix_path;
  if (internet) {
    if (error why = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR")) return why;
  }
  if (at.family() == address_family::ipv6) {
    // Said every time: the default is a system setting, and BSDs differ.
    const int only = options.v6_only ? 1 : 0;
    if (error why = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, only, "IPV6_V6ONLY")) return why;
  }
  if (options.share_port) {
#if defined(__linux__)
    if (error why = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT")) return why;
#else
    return error(errc::not_supported, "share_port");
#endif
  }
  if (!internet) {
    if (error why = clear_stale_path(at)) return why;
  }
  if (::bind(fd, system_address(at), socklen_t(at.size())) != 0) return last_error("bind");
  if (internet) {
    // Linux and the BSDs hand this option to accepted sockets: no call for each connection.
    if (error why = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY")) return why;
  }
  if (::listen(fd, options.backlog) != 0) return last_error("listen");
  return {};
}

}  // namespace

result<int> listen(const address& at, const listen_options& options) noexcept {
  result<int> fd = open_socket(system_address(at)->sa_family);
  if (!fd.ok()) return fd;
  if (error why = bind_and_listen(fd.value(), at, options)) {
    ::close(fd.value());
    return why;
  }
  return fd;
}

result<int> open_stream(const address& to) noexcept {
  result<int> fd = open_socket(system_address(to)->sa_family);
  if (!fd.ok() || to.family() == address_family::unix_path) return fd;
  if (error why = set_option(fd.value(), IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY")) {
    ::close(fd.value());
    return why;
  }
  return fd;
}

result<int> accept(int listener, address* peer) noexcept {
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  auto* const raw = peer == nullptr ? nullptr : reinterpret_cast<sockaddr*>(&from);
  socklen_t* const raw_size = peer == nullptr ? nullptr : &size;
  int fd = -1;
  do {
#if defined(SOCK_NONBLOCK)
    fd = ::accept4(listener, raw, raw_size, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
    fd = ::accept(listener, raw, raw_size);
#endif
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return last_error("accept");
  if (error why = prepare(fd)) {
    ::close(fd);
    // macOS refuses options on a connection that its peer has reset meanwhile.
    return why.os_code == EINVAL ? error(errc::aborted, "accept", EINVAL) : why;
  }
  if (peer != nullptr) {
    result<address> named = address::from_system({reinterpret_cast<std::byte*>(&from), size});
    *peer = named.ok() ? named.value() : address{};
  }
  return fd;
}

error connect(int fd, const address& to) noexcept {
  if (::connect(fd, system_address(to), socklen_t(to.size())) == 0) return {};
  // A connect that a signal interrupted goes on by itself, as if it were in progress.
  if (errno == EINTR || errno == EINPROGRESS) return error(errc::in_progress, "connect", errno);
  return last_error("connect");
}

error connect_outcome(int fd) noexcept {
  int code = 0;
  socklen_t size = sizeof code;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) != 0) return last_error("connect");
  return code == 0 ? error{} : error_from_system("connect", code);
}

result<std::size_t> receive(int fd, byte_span into) noexcept {
  if (into.empty()) return error(errc::invalid, "recv");
  ssize_t got = 0;
  do {
    got = ::recv(fd, into.data(), into.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return last_error("recv");
  if (got == 0) return error(errc::eof, "recv");
  return static_cast<std::size_t>(got);
}

result<std::size_t> send(int fd, std::span<const byte_view> parts, more_follows more) noexcept {
  iovec vectors[parts_max];
  const std::size_t count = parts.size() < parts_max ? parts.size() : parts_max;
  if (count == 0) return std::size_t{0};
  for (std::size_t i = 0; i < count; ++i) {
    vectors[i].iov_base = const_cast<std::byte*>(parts[i].data());
    vectors[i].iov_len = parts[i].size();
  }
  msghdr message{};
  message.msg_iov = vectors;
  message.msg_iovlen = static_cast<decltype(message.msg_iovlen)>(count);
#if defined(MSG_MORE)
  const int flags = more == more_follows::yes ? send_flags | MSG_MORE : send_flags;
#else
  static_cast<void>(more);
  const int flags = send_flags;
#endif
  ssize_t sent = 0;
  do {
    // One part takes the shorter way: it is what every small answer uses.
    sent = count == 1 ? ::send(fd, vectors[0].iov_base, vectors[0].iov_len, flags)
                      : ::sendmsg(fd, &message, flags);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return last_error("send");
  return static_cast<std::size_t>(sent);
}

result<address> local_address(int fd) noexcept {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) {
    return last_error("getsockname");
  }
  return address::from_system({reinterpret_cast<std::byte*>(&name), size});
}

result<address> peer_address(int fd) noexcept {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) {
    return last_error("getpeername");
  }
  return address::from_system({reinterpret_cast<std::byte*>(&name), size});
}

error shut_send(int fd) noexcept {
  return ::shutdown(fd, SHUT_WR) == 0 ? error{} : last_error("shutdown");
}

void close(int fd) noexcept {
  ::close(fd);
}

void reset(int fd) noexcept {
  const linger hard{1, 0};
  // Unix-domain sockets have no reset; closing with unread bytes is the nearest they come.
  static_cast<void>(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard));
  ::close(fd);
}

void remove_listener_path(int fd) noexcept {
  sockaddr_un name{};
  socklen_t size = sizeof name;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) return;
  if (name.sun_family != AF_UNIX || size <= offsetof(sockaddr_un, sun_path)) return;
  struct stat status{};
  if (::lstat(name.sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) return;
  ::unlink(name.sun_path);
}

}  // namespace weir::platform::posix
