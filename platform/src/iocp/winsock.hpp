// platform/iocp/winsock.hpp - Winsock calls as values: a socket or an error, never a last error.
//
// Every socket made or taken in here is overlapped, and no child process inherits it. Whether it
// is tied to a completion port is the poller's business.
#pragma once

#include <span>

#include <weir/platform/address.hpp>
#include <weir/platform/bytes.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/poller.hpp>

#include "windows/headers.hpp"

namespace weir::platform::iocp {

// The most parts one gathered send looks at.
inline constexpr std::size_t parts_max = 64;

// Where AcceptEx leaves the two addresses of a connection; the 16 bytes are asked for by the call.
inline constexpr DWORD accept_address_bytes = sizeof(sockaddr_storage) + 16;
struct accept_area {
  alignas(8) std::byte bytes[2 * accept_address_bytes];
};

// The calls that Winsock hands out by pointer.
struct extensions {
  LPFN_ACCEPTEX accept = nullptr;
  LPFN_GETACCEPTEXSOCKADDRS accept_addresses = nullptr;
  LPFN_CONNECTEX connect = nullptr;
  LPFN_TRANSMITFILE transmit_file = nullptr;
};
result<extensions> find_extensions() noexcept;

result<SOCKET> make_socket(int family) noexcept;
result<SOCKET> listen(const address& at, const listen_options& options) noexcept;
// ConnectEx takes bound sockets only.
error bind_any(SOCKET socket, int family) noexcept;
// Non-blocking for the calls that finish at once (overlapped ones take no notice), no Nagle delay.
error make_prompt(SOCKET socket) noexcept;

result<std::size_t> receive(SOCKET socket, byte_span into) noexcept;  // errc::eof at the end
// What a receive of no bytes means: the end of the stream, or a reset. Windows says a reset itself.
// Wine reads the error of a socket while nobody else does, after which its receive says the end;
// that there was an error can still be seen. One call at the end of each stream.
error end_of_stream(SOCKET socket) noexcept;
result<std::size_t> send(SOCKET socket, std::span<const byte_view> parts) noexcept;
result<SOCKET> accept(SOCKET listener, address* peer) noexcept;
error connect_now(SOCKET socket, const address& to) noexcept;

result<address> local_address(SOCKET socket) noexcept;
result<address> peer_address(SOCKET socket) noexcept;
address address_of(const sockaddr* from, int length) noexcept;
int family_of(const address& a) noexcept;

void close(SOCKET socket) noexcept;
void reset(SOCKET socket) noexcept;

// Removes the path of a Unix-domain listener. For others does nothing.
void remove_listener_path(SOCKET listener) noexcept;

// An accept that failed because its connection died says so, whatever number the system chose.
error accept_error(error why) noexcept;

}  // namespace weir::platform::iocp
