// platform/iocp/winsock.cpp - see the header.
#include "iocp/winsock.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "windows/last_error.hpp"

namespace weir::platform::iocp {

namespace {

// afunix.h is missing from older SDKs; the figure is public and stable.
constexpr DWORD unix_socket_tag = 0x8000'0023;  // IO_REPARSE_TAG_AF_UNIX

error set_option(SOCKET s, int level, int name, int value, const char* where) noexcept {
  const int failed =
      setsockopt(s, level, name, reinterpret_cast<const char*>(&value), sizeof value);
  return failed == 0 ? error{} : last_socket_error(where);
}

const sockaddr* system_address(const address& a) noexcept {
  return reinterpret_cast<const sockaddr*>(a.data());
}
int system_size(const address& a) noexcept {
  return static_cast<int>(a.size());
}

template <class Function>
bool find_extension(SOCKET s, GUID name, Function& into) noexcept {
  DWORD bytes = 0;
  return WSAIoctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &name, sizeof name, &into, sizeof into,
                  &bytes, nullptr, nullptr) == 0;
}

// A path of a Unix socket as the file calls want it; empty when it is no UTF-8.
struct wide_path {
  wchar_t text[2 * address::unix_path_bytes_max + 2] = {};

  explicit wide_path(std::string_view path) noexcept {
    const int room = static_cast<int>(std::size(text)) - 1;
    MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path.data(), static_cast<int>(path.size()),
                        text, room);
  }
  bool is_socket() const noexcept {
    WIN32_FIND_DATAW found{};
    const HANDLE search = FindFirstFileW(text, &found);
    if (search == INVALID_HANDLE_VALUE) return false;
    FindClose(search);
    return (found.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0 &&
           found.dwReserved0 == unix_socket_tag;
  }
  bool exists() const noexcept { return GetFileAttributesW(text) != INVALID_FILE_ATTRIBUTES; }
};

// A socket file whose server died is in the way of the next one. It is taken over only when it is
// a socket and nobody listens: anything else at that path belongs to somebody.
error clear_stale_path(const address& at) noexcept {
  const wide_path path(at.path());
  if (!path.exists()) return {};
  if (!path.is_socket()) return error(errc::exists, "the path is not a socket");
  result<SOCKET> probe = make_socket(AF_UNIX);
  if (!probe.ok()) return probe.why();
  const error answer = connect_now(probe.value(), at);
  close(probe.value());
  if (!(answer == errc::refused)) return error(errc::address_in_use, "bind", answer.os_code);
  return DeleteFileW(path.text) != 0 ? error{} : last_error("unlink");
}

error bind_and_listen(SOCKET s, const address& at, const listen_options& options) noexcept {
  if (at.family() == address_family::unix_path) {
    if (error why = clear_stale_path(at)) return why;
  } else {
    // Without it any program may bind the same port and steal connections; SO_REUSEADDR, harmless
    // elsewhere, is that theft here.
    if (error why = set_option(s, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, 1, "SO_EXCLUSIVEADDRUSE")) {
      return why;
    }
  }
  if (at.family() == address_family::ipv6) {
    const int only = options.v6_only ? 1 : 0;  // the system's default is 1, the BSDs' differ
    if (error why = set_option(s, IPPROTO_IPV6, IPV6_V6ONLY, only, "IPV6_V6ONLY")) return why;
  }
  if (::bind(s, system_address(at), system_size(at)) != 0) return last_socket_error("bind");
  // A plain backlog is cut to 200. A negative one is SOMAXCONN_HINT: as many as are meant.
  constexpr int plain_backlog_max = 200;
  const int backlog = options.backlog > plain_backlog_max ? -options.backlog : options.backlog;
  if (::listen(s, backlog) != 0) return last_socket_error("listen");
  u_long yes = 1;
  if (ioctlsocket(s, static_cast<long>(FIONBIO), &yes) != 0) return last_socket_error("FIONBIO");
  return {};
}

}  // namespace

result<extensions> find_extensions() noexcept {
  result<SOCKET> s = make_socket(AF_INET);
  if (!s.ok()) s = make_socket(AF_INET6);
  if (!s.ok()) return s.why();
  extensions found;
  const bool all = find_extension(s.value(), WSAID_ACCEPTEX, found.accept) &&
                   find_extension(s.value(), WSAID_GETACCEPTEXSOCKADDRS, found.accept_addresses) &&
                   find_extension(s.value(), WSAID_CONNECTEX, found.connect) &&
                   find_extension(s.value(), WSAID_TRANSMITFILE, found.transmit_file);
  const error why = all ? error{} : last_socket_error("WSAIoctl");
  close(s.value());
  if (why) return why;
  return found;
}

result<SOCKET> make_socket(int family) noexcept {
  const int protocol = family == AF_UNIX ? 0 : IPPROTO_TCP;
  const SOCKET s = WSASocketW(family, SOCK_STREAM, protocol, nullptr, 0,
                              WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
  if (s == INVALID_SOCKET) return last_socket_error("socket");
  return s;
}

result<SOCKET> listen(const address& at, const listen_options& options) noexcept {
  if (options.share_port) return error(errc::not_supported, "share_port");
  result<SOCKET> s = make_socket(family_of(at));
  if (!s.ok()) return s;
  if (error why = bind_and_listen(s.value(), at, options)) {
    close(s.value());
    return why;
  }
  return s;
}

error bind_any(SOCKET socket, int family) noexcept {
  const address any = family == AF_INET6 ? address::any_ipv6(0) : address::any_ipv4(0);
  return ::bind(socket, system_address(any), system_size(any)) == 0 ? error{}
                                                                    : last_socket_error("bind");
}

error make_prompt(SOCKET socket) noexcept {
  u_long yes = 1;
  if (ioctlsocket(socket, static_cast<long>(FIONBIO), &yes) != 0)
    return last_socket_error("FIONBIO");
  error why = set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
  // Unix-domain sockets have neither the option nor the delay.
  if (why == errc::not_supported || why.os_code == WSAENOPROTOOPT) return {};
  return why;
}

result<std::size_t> receive(SOCKET socket, byte_span into) noexcept {
  if (into.empty()) return error(errc::invalid, "recv");
  constexpr std::size_t most = 1 << 30;  // the call counts in int
  const int room = static_cast<int>(std::min(into.size(), most));
  const int got = ::recv(socket, reinterpret_cast<char*>(into.data()), room, 0);
  if (got < 0) return last_socket_error("recv");
  if (got == 0) return end_of_stream(socket);
  return static_cast<std::size_t>(got);
}

error end_of_stream(SOCKET socket) noexcept {
  WSAPOLLFD look{socket, POLLRDNORM, 0};
  if (WSAPoll(&look, 1, 0) == 1 && (look.revents & POLLERR) != 0) {
    return error(errc::reset, "recv", WSAECONNRESET);
  }
  return error(errc::eof, "recv");
}

result<std::size_t> send(SOCKET socket, std::span<const byte_view> parts) noexcept {
  constexpr std::size_t most = 1 << 30;  // a WSABUF counts in 32 bits
  WSABUF buffers[parts_max];
  DWORD count = 0;
  std::size_t total = 0;
  for (const byte_view part : parts.first(std::min(parts.size(), parts_max))) {
    const std::size_t size = std::min(part.size(), most - total);
    if (size == 0) continue;
    buffers[count].buf = const_cast<char*>(reinterpret_cast<const char*>(part.data()));
    buffers[count].len = static_cast<ULONG>(size);
    total += size;
    ++count;
  }
  if (count == 0) return std::size_t{0};
  DWORD sent = 0;
  if (WSASend(socket, buffers, count, &sent, 0, nullptr, nullptr) != 0)
    return last_socket_error("send");
  return std::size_t{sent};
}

result<SOCKET> accept(SOCKET listener, address* peer) noexcept {
  sockaddr_storage from{};
  int size = sizeof from;
  auto* const raw = reinterpret_cast<sockaddr*>(&from);
  const SOCKET s = ::accept(listener, raw, &size);
  if (s == INVALID_SOCKET) return accept_error(last_socket_error("accept"));
  SetHandleInformation(reinterpret_cast<HANDLE>(s), HANDLE_FLAG_INHERIT, 0);
  if (peer != nullptr) *peer = address_of(raw, size);
  return s;
}

error connect_now(SOCKET socket, const address& to) noexcept {
  return ::connect(socket, system_address(to), system_size(to)) == 0 ? error{}
                                                                     : last_socket_error("connect");
}

result<address> local_address(SOCKET socket) noexcept {
  sockaddr_storage name{};
  int size = sizeof name;
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&name), &size) != 0) {
    return last_socket_error("getsockname");
  }
  return address_of(reinterpret_cast<sockaddr*>(&name), size);
}

result<address> peer_address(SOCKET socket) noexcept {
  sockaddr_storage name{};
  int size = sizeof name;
  if (getpeername(socket, reinterpret_cast<sockaddr*>(&name), &size) != 0) {
    return last_socket_error("getpeername");
  }
  return address_of(reinterpret_cast<sockaddr*>(&name), size);
}

address address_of(const sockaddr* from, int length) noexcept {
  if (from == nullptr || length <= 0) return {};
  // Calls report the room they were given as often as the length of what they wrote.
  std::size_t size = static_cast<std::size_t>(length);
  if (from->sa_family == AF_INET && size > sizeof(sockaddr_in)) size = sizeof(sockaddr_in);
  if (from->sa_family == AF_INET6 && size > sizeof(sockaddr_in6)) size = sizeof(sockaddr_in6);
  result<address> named = address::from_system({reinterpret_cast<const std::byte*>(from), size});
  return named.ok() ? named.value() : address{};
}

int family_of(const address& a) noexcept {
  return a.size() == 0 ? AF_UNSPEC : system_address(a)->sa_family;
}

void close(SOCKET socket) noexcept {
  closesocket(socket);
}

void reset(SOCKET socket) noexcept {
  const linger hard{1, 0};
  static_cast<void>(
      setsockopt(socket, SOL_SOCKET, SO_LINGER, reinterpret_cast<const char*>(&hard), sizeof hard));
  closesocket(socket);
}

void remove_listener_path(SOCKET listener) noexcept {
  result<address> at = local_address(listener);
  if (!at.ok() || at.value().family() != address_family::unix_path) return;
  if (at.value().path().empty()) return;
  const wide_path path(at.value().path());
  if (path.is_socket()) DeleteFileW(path.text);
}

error accept_error(error why) noexcept {
  // `other`: AcceptEx has many numbers for it (59 under wine), and what is wrong with the listener
  // itself has names of its own. A listener that took one for its own end would serve nobody again.
  if (why == errc::reset || why == errc::not_connected || why == errc::other) {
    why.code = errc::aborted;
  }
  return why;
}

}  // namespace weir::platform::iocp
