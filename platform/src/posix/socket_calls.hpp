// platform/posix/socket_calls.hpp - socket calls of the POSIX systems as values: a number or an
// error, never errno. What differs between Linux and the BSDs stays in the .cpp beside this file.
#pragma once

#include <cstdint>
#include <span>

#include <weir/platform/address.hpp>
#include <weir/platform/bytes.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/poller.hpp>

namespace weir::platform::posix {

// The most parts one gathered send looks at.
inline constexpr std::size_t parts_max = 64;
// A slice a call, so that one large file cannot hold the loop while the client reads fast.
inline constexpr std::uint64_t send_file_bytes_max = 1'048'576;

// Every socket made here is non-blocking, closed on exec, and never raises SIGPIPE.
result<int> listen(const address& at, const listen_options& options) noexcept;
result<int> open_stream(const address& to) noexcept;
result<int> accept(int listener, address* peer) noexcept;

// errc::in_progress: wait until the socket is writable, then ask connect_outcome().
error connect(int fd, const address& to) noexcept;
error connect_outcome(int fd) noexcept;

result<std::size_t> receive(int fd, byte_span into) noexcept;  // errc::eof at the end
// With more_follows::yes the system may keep the bytes until the next call, where it knows how.
enum class more_follows : bool { no, yes };
result<std::size_t> send(int fd, std::span<const byte_view> parts,
                         more_follows more = more_follows::no) noexcept;
// In <system>/send_file.cpp: three systems, three calls of one name.
result<std::size_t> send_file(int fd, const file& source, std::uint64_t offset,
                              std::uint64_t count) noexcept;

result<address> local_address(int fd) noexcept;
result<address> peer_address(int fd) noexcept;
error shut_send(int fd) noexcept;
void close(int fd) noexcept;
void reset(int fd) noexcept;

// Removes the path of a Unix-domain listener, if it is still a socket. For others does nothing.
void remove_listener_path(int fd) noexcept;

}  // namespace weir::platform::posix
