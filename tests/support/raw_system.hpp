// support/raw_system.hpp - what tests do to the system behind weir's back: odd files, signals,
// limits, and children that are not root. POSIX; nothing here exists on Windows.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <thread>

namespace weir::test {

bool make_fifo(const std::string& path);
// The name of a Unix socket that nobody listens on any more.
bool make_socket_file(const std::string& path);

// Runs `body` in a child process that has given root up, if it had it, and returns what the body
// returned (0 to 100), or -1 when the child could not be made or died.
int run_without_root(const std::function<int()>& body);

// A duplicate of standard error, for tests that count descriptors.
int open_descriptor();
void close_descriptor(int descriptor);

struct descriptor_limits {
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};
descriptor_limits read_descriptor_limits();
bool set_soft_descriptor_limit(std::uint64_t soft);
// Of this user, all processes together (Linux: elsewhere threads are not counted). Nobody bounds
// root: see run_without_root().
bool set_thread_limit(std::uint64_t threads);

// Standard output is a pipe that does not block its writers, while this lives; what is written to
// it is read all the same, by a thread of its own that begins once the pipe is full.
class non_blocking_output {
 public:
  non_blocking_output();
  ~non_blocking_output();
  non_blocking_output(const non_blocking_output&) = delete;
  non_blocking_output& operator=(const non_blocking_output&) = delete;
  // Puts the former output back and returns all that was written.
  std::string take();

 private:
  int former_ = -1;
  std::thread reader_;
  std::string read_;
};

enum class signal_kind { terminate, interrupt, hang_up };
void raise_signal(signal_kind kind);

// Ignores a signal while it lives, and puts back what was there.
class ignored_signal {
 public:
  explicit ignored_signal(signal_kind kind);
  ~ignored_signal();
  ignored_signal(const ignored_signal&) = delete;
  ignored_signal& operator=(const ignored_signal&) = delete;
  // Whether it is still ignored, as far as the system knows.
  bool holds() const;

 private:
  signal_kind kind_;
  void* former_;
};

}  // namespace weir::test
