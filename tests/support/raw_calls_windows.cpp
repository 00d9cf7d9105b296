// support/raw_calls_windows.cpp - see the header.
#include <winsock2.h>

#include <ws2tcpip.h>

#include <windows.h>

#include <algorithm>
#include <climits>
#include <vector>

#include "support/raw_calls.hpp"

namespace weir::test::raw {
namespace {

SOCKET handle(int socket) {
  return static_cast<SOCKET>(socket);
}
int number(SOCKET socket) {
  return socket == INVALID_SOCKET ? -1 : static_cast<int>(socket);
}

const sockaddr* system_form(const address& a) {
  return reinterpret_cast<const sockaddr*>(a.data());
}

void set_option(int socket, int level, int name, int value) {
  ::setsockopt(handle(socket), level, name, reinterpret_cast<const char*>(&value), sizeof value);
}

int count(std::size_t bytes) {
  return static_cast<int>(std::min<std::size_t>(bytes, INT_MAX));
}

raw_outcome why_not() {
  switch (::WSAGetLastError()) {
    case WSAEWOULDBLOCK: return raw_outcome::blocked;
    case WSAECONNRESET:
    case WSAECONNABORTED:
    case WSAESHUTDOWN: return raw_outcome::reset;
    default: return raw_outcome::failed;
  }
}

}  // namespace

int open(const address& family_of) {
  static const int started = [] {
    WSADATA about;
    return ::WSAStartup(MAKEWORD(2, 2), &about);
  }();
  if (started != 0) return -1;
  int family = AF_UNIX;
  if (family_of.family() == address_family::ipv4) family = AF_INET;
  if (family_of.family() == address_family::ipv6) family = AF_INET6;
  return number(::WSASocketW(family, SOCK_STREAM, 0, nullptr, 0,
                             WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT));
}

void set_buffers(int socket, int receive_bytes, int send_bytes) {
  if (receive_bytes > 0) set_option(socket, SOL_SOCKET, SO_RCVBUF, receive_bytes);
  if (send_bytes > 0) set_option(socket, SOL_SOCKET, SO_SNDBUF, send_bytes);
}

bool connect(int socket, const address& to) {
  return ::connect(handle(socket), system_form(to), static_cast<int>(to.size())) == 0;
}

result<address> listen(int socket, const address& at) {
  sockaddr_storage name{};
  int size = sizeof name;
  if (::bind(handle(socket), system_form(at), static_cast<int>(at.size())) != 0 ||
      ::listen(handle(socket), 16) != 0 ||
      ::getsockname(handle(socket), reinterpret_cast<sockaddr*>(&name), &size) != 0) {
    return error(errc::address_in_use, "raw listener");
  }
  return address::from_system(
      {reinterpret_cast<const std::byte*>(&name), static_cast<std::size_t>(size)});
}

int accept(int listener) {
  return number(::accept(handle(listener), nullptr, nullptr));
}

void make_prompt(int socket) {
  u_long yes = 1;
  ::ioctlsocket(handle(socket), static_cast<long>(FIONBIO), &yes);
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
}

raw_count send(int socket, std::string_view bytes) noexcept {
  const int n = ::send(handle(socket), bytes.data(), count(bytes.size()), 0);
  if (n >= 0) return {raw_outcome::done, static_cast<std::size_t>(n)};
  return {why_not(), 0};
}

raw_count receive(int socket, std::span<char> to) noexcept {
  const int n = ::recv(handle(socket), to.data(), count(to.size()), 0);
  if (n > 0) return {raw_outcome::done, static_cast<std::size_t>(n)};
  if (n < 0) return {why_not(), 0};
  // Under wine the first who asks takes the error away, and that may have been a poll: the receive
  // finds an end where a reset was.
  WSAPOLLFD ended{handle(socket), POLLIN, 0};
  ::WSAPoll(&ended, 1, 0);
  return {(ended.revents & POLLERR) != 0 ? raw_outcome::reset : raw_outcome::eof, 0};
}

void shut_write(int socket) noexcept {
  ::shutdown(handle(socket), SD_SEND);
}

void reset_on_close(int socket) noexcept {
  const linger at_once{1, 0};
  ::setsockopt(handle(socket), SOL_SOCKET, SO_LINGER, reinterpret_cast<const char*>(&at_once),
               sizeof at_once);
}

void close(int socket) noexcept {
  ::closesocket(handle(socket));
}

std::size_t bytes_unread(int socket) noexcept {
  u_long n = 0;
  return ::ioctlsocket(handle(socket), static_cast<long>(FIONREAD), &n) == 0 ? n : 0;
}

void poll(std::span<readiness> set, int milliseconds_max) {
  // WSAPoll takes no empty set.
  if (set.empty()) return ::Sleep(static_cast<DWORD>(milliseconds_max));
  std::vector<WSAPOLLFD> asked;
  asked.reserve(set.size());
  for (const readiness& r : set) {
    const int events = (r.read ? POLLIN : 0) | (r.write ? POLLOUT : 0);
    asked.push_back({handle(r.socket), static_cast<short>(events), 0});
  }
  if (::WSAPoll(asked.data(), static_cast<ULONG>(asked.size()), milliseconds_max) <= 0) return;
  for (std::size_t i = 0; i < set.size(); ++i) {
    const bool over = (asked[i].revents & (POLLHUP | POLLERR)) != 0;
    set[i].readable = set[i].read && ((asked[i].revents & POLLIN) != 0 || over);
    set[i].writable = set[i].write && ((asked[i].revents & POLLOUT) != 0 || over);
  }
}

}  // namespace weir::test::raw
