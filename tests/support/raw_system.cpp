// support/raw_system.cpp - system calls of the tests.
#include "support/raw_system.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

namespace weir::test {
namespace {

int number(signal_kind kind) {
  switch (kind) {
    case signal_kind::terminate: return SIGTERM;
    case signal_kind::interrupt: return SIGINT;
    case signal_kind::hang_up: return SIGHUP;
  }
  return 0;
}

using signal_action = struct sigaction;  // `sigaction` alone is the function

constexpr int gave_up = 127;
constexpr unsigned nobody = 65'534;

}  // namespace

bool make_fifo(const std::string& path) {
  return ::mkfifo(path.c_str(), 0600) == 0;
}

bool make_socket_file(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.size() >= sizeof(name.sun_path)) return false;
  path.copy(name.sun_path, path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) return false;
  const int failed = ::bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name));
  ::close(fd);
  return failed == 0;
}

int run_without_root(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child < 0) return -1;
  if (child == 0) {
    if (::geteuid() == 0 && (::setgid(nobody) != 0 || ::setuid(nobody) != 0)) ::_exit(gave_up);
    ::_exit(body());
  }
  int status = 0;
  if (::waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) && WEXITSTATUS(status) != gave_up ? WEXITSTATUS(status) : -1;
}

int open_descriptor() {
  return ::dup(2);
}
void close_descriptor(int descriptor) {
  ::close(descriptor);
}

descriptor_limits read_descriptor_limits() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
  return {static_cast<std::uint64_t>(limit.rlim_cur), static_cast<std::uint64_t>(limit.rlim_max)};
}

bool set_thread_limit(std::uint64_t threads) {
#if defined(RLIMIT_NPROC)
  const auto most = static_cast<rlim_t>(threads);
  const rlimit bound{most, most};
  return ::setrlimit(RLIMIT_NPROC, &bound) == 0;
#else
  return threads == 0;
#endif
}

bool set_soft_descriptor_limit(std::uint64_t soft) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  limit.rlim_cur = static_cast<rlim_t>(soft);
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

non_blocking_output::non_blocking_output() {
  std::fflush(stdout);
  int ends[2] = {-1, -1};
  if (::pipe(ends) != 0) return;
  ::fcntl(ends[1], F_SETFL, O_NONBLOCK);
  former_ = ::dup(STDOUT_FILENO);
  ::dup2(ends[1], STDOUT_FILENO);
  reader_ = std::thread([this, from = ends[0], full = ends[1]] {
    pollfd room{full, POLLOUT, 0};
    while (::poll(&room, 1, 0) == 1) ::sched_yield();
    ::close(full);
    char piece[4'096];
    ssize_t bytes = 0;
    while ((bytes = ::read(from, piece, sizeof piece)) > 0) {
      read_.append(piece, static_cast<std::size_t>(bytes));
    }
    ::close(from);
  });
}

std::string non_blocking_output::take() {
  if (reader_.joinable()) {
    ::dup2(former_, STDOUT_FILENO);  // and with it the last writer is gone
    ::close(former_);
    reader_.join();
  }
  return std::move(read_);
}

non_blocking_output::~non_blocking_output() {
  take();
}

void raise_signal(signal_kind kind) {
  ::raise(number(kind));
}

ignored_signal::ignored_signal(signal_kind kind) : kind_(kind), former_(new signal_action{}) {
  signal_action ignore{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(number(kind_), &ignore, static_cast<signal_action*>(former_));
}

ignored_signal::~ignored_signal() {
  auto* const former = static_cast<signal_action*>(former_);
  ::sigaction(number(kind_), former, nullptr);
  delete former;
}

bool ignored_signal::holds() const {
  signal_action now{};
  ::sigaction(number(kind_), nullptr, &now);
  return now.sa_handler == SIG_IGN;
}

}  // namespace weir::test
