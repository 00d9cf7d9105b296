// support/raw_client.hpp - a peer over a real socket that does exactly what it is told.
//
// What a well-behaved library hides is what a test needs: where a send is cut, a byte a second, a
// half-closed stream, a real RST, a receive buffer that is small from the first SYN on. Every call
// that waits has a deadline (`raw_options::patience_ns`), and nothing here raises SIGPIPE.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <weir/platform/address.hpp>
#include <weir/platform/time.hpp>

namespace weir::test {

enum class raw_outcome : std::uint8_t {
  done,
  blocked,    // try_ calls only: not now
  eof,        // the other side ended the stream in order
  reset,      // the other side broke it off
  timed_out,  // patience ran out
  failed,     // no socket, or an error that has no place in these tests
};
const char* to_string(raw_outcome outcome) noexcept;

struct raw_options {
  // SO_RCVBUF before connect, so that the window is small from the start; 0: the system's.
  int receive_buffer_bytes = 0;
  int send_buffer_bytes = 0;
  time_ns patience_ns = 20 * second_ns;  // of each call that waits
};

struct raw_count {
  raw_outcome outcome = raw_outcome::failed;
  std::size_t bytes = 0;
};

// Owns one connected socket. Move-only. One thread.
class raw_client {
 public:
  raw_client() = default;
  // TCP over IPv4 and IPv6, and Unix. connected() says whether it worked.
  static raw_client connect(const address& to, const raw_options& options = {});
  // Takes over a connected descriptor.
  raw_client(int descriptor, const raw_options& options);
  raw_client(raw_client&& other) noexcept { swap(other); }
  raw_client& operator=(raw_client&& other) noexcept {
    swap(other);
    return *this;
  }
  ~raw_client() { close(); }

  bool connected() const noexcept { return descriptor_ >= 0; }

  // At once.
  raw_count try_send(std::string_view bytes) noexcept;
  // Appends at most `bytes_max` bytes to received(). Says how the stream ended, again and again.
  raw_count try_read(std::size_t bytes_max);

  // Until it is done. While they wait these read what comes, unless stall_reading() was called: a
  // peer that only sends would block a server that answers.
  raw_outcome send(std::string_view bytes);
  // Cut before each of `offsets` (ascending), with a pause at each cut.
  raw_outcome send_split(std::string_view bytes, std::span<const std::size_t> offsets,
                         time_ns pause_ns);
  // A byte every `interval_ns`, until all are sent or the other side has ended the stream.
  raw_outcome drip(std::string_view bytes, time_ns interval_ns);
  void stall_reading(bool stalls = true) noexcept { stalls_ = stalls; }
  // Reads until `enough(received())`. Anything but done: the stream ended first, or patience did.
  raw_outcome read_until(const std::function<bool(std::string_view)>& enough);
  // eof or reset, unless patience ran out.
  raw_outcome read_to_end();

  void half_close() noexcept;
  // SO_LINGER 0: the other side sees a real RST. (A Unix socket has none: it sees the end, or a
  // reset when something was unread.)
  void reset() noexcept;
  void close() noexcept;

  const std::string& received() const noexcept { return received_; }
  // For streams of which nobody wants to keep all.
  void forget_received() noexcept { received_.clear(); }
  // open is `done`; else eof, reset or failed, once try_read() has seen it.
  raw_outcome end() const noexcept { return end_; }
  // Whether any bytes wait in the receive buffer now.
  std::size_t bytes_unread() const noexcept;
  int descriptor() const noexcept { return descriptor_; }

 private:
  void swap(raw_client& other) noexcept;
  // Waits for the socket or the instant; reads what is there. False: nothing came before `due_ns`.
  bool turn(bool wants_write, time_ns due_ns);
  raw_outcome rest_until(time_ns due_ns);

  int descriptor_ = -1;
  raw_options options_;
  bool stalls_ = false;
  raw_outcome end_ = raw_outcome::done;
  std::string received_;
};

// A listener for scripted servers in tests.
class raw_listener {
 public:
  // Port 0 takes a free one: where() says which.
  explicit raw_listener(const address& at);
  raw_listener(const raw_listener&) = delete;
  raw_listener& operator=(const raw_listener&) = delete;
  ~raw_listener();

  const address& where() const noexcept { return where_; }
  raw_client accept(const raw_options& options = {});

 private:
  int descriptor_ = -1;
  address where_;
};

// Which of many sockets can go on.
struct raw_interest {
  const raw_client* of = nullptr;
  bool read = false;
  bool write = false;
  bool readable = false;  // out: there are bytes, or an end
  bool writable = false;  // out
};
// Waits until one can, or `due_ns` on system_clock().
void raw_wait(std::span<raw_interest> interests, time_ns due_ns);

}  // namespace weir::test
