// support/raw_calls.hpp - the socket calls under raw_client: raw_calls_posix.cpp or
// raw_calls_windows.cpp, and nothing of the library.
//
// A socket is an int on Windows too: a SOCKET is a handle, and handles fit 32 bits.
#pragma once

#include <span>
#include <string_view>

#include "support/raw_client.hpp"

namespace weir::test::raw {

// A stream socket of this family that no child inherits, or -1.
int open(const address& family_of);
// 0: the system's.
void set_buffers(int socket, int receive_bytes, int send_bytes);
// Waits.
bool connect(int socket, const address& to);
// Says where, port 0 being a wish.
result<address> listen(int socket, const address& at);
// -1: nobody there.
int accept(int listener);
// Never blocks, sends without delay, and a broken stream raises no signal.
void make_prompt(int socket);

raw_count send(int socket, std::string_view bytes) noexcept;
raw_count receive(int socket, std::span<char> to) noexcept;
void shut_write(int socket) noexcept;
void reset_on_close(int socket) noexcept;
void close(int socket) noexcept;
std::size_t bytes_unread(int socket) noexcept;

struct readiness {
  int socket = -1;
  bool read = false;
  bool write = false;
  bool readable = false;  // out: there are bytes, or an end
  bool writable = false;  // out
};
void poll(std::span<readiness> set, int milliseconds_max);

}  // namespace weir::test::raw
