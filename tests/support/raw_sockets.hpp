// support/raw_sockets.hpp - what the system says of the sockets and signals of this process, asked
// behind weir's back. POSIX; nothing here exists on Windows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::test {

struct socket_facts {
  int descriptor = -1;
  bool inherited = false;  // a child process would have it
  bool listens = false;
  bool is_ip = false;
  bool no_delay = false;
  bool blocks = false;
};
// Every socket this process has open.
std::vector<socket_facts> open_sockets();

// Every descriptor of this process, from 3 on, that a child process would have.
std::vector<int> inheritable_descriptors();

// Closes the queue of every epoll of this process under whoever waits on it; how many there were.
int close_event_queues();

// Sends bytes of which the last is urgent (TCP's out-of-band mark).
bool send_urgent(int descriptor, std::string_view bytes);

// How the process handles every signal, and which of them this thread blocks, as text: equal texts
// are equal dispositions.
std::string signal_state();

// Whether a write to a broken stream ends this process, as it does unless somebody asked otherwise.
bool sigpipe_is_default();

// SIGPIPE kills the process while this lives, as it does by default.
class deadly_sigpipe {
 public:
  deadly_sigpipe();
  ~deadly_sigpipe();
  deadly_sigpipe(const deadly_sigpipe&) = delete;
  deadly_sigpipe& operator=(const deadly_sigpipe&) = delete;

 private:
  void* former_;
};

}  // namespace weir::test
