// support/raw_sockets.cpp - system calls of the tests.
#include "support/raw_sockets.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

namespace weir::test {
namespace {

constexpr int descriptors_looked_at = 4096;
constexpr int signals_looked_at = 65;

int option(int fd, int level, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, level, name, &value, &size) == 0 ? value : -1;
}

}  // namespace

std::vector<socket_facts> open_sockets() {
  std::vector<socket_facts> all;
  for (int fd = 0; fd < descriptors_looked_at; ++fd) {
    const int flags = ::fcntl(fd, F_GETFD);
    if (flags < 0 || option(fd, SOL_SOCKET, SO_TYPE) != SOCK_STREAM) continue;
    socket_facts facts;
    facts.descriptor = fd;
    facts.inherited = (flags & FD_CLOEXEC) == 0;
    facts.listens = option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1;
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    static_cast<void>(::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size));
    facts.is_ip = name.ss_family == AF_INET || name.ss_family == AF_INET6;
    facts.no_delay = option(fd, IPPROTO_TCP, TCP_NODELAY) > 0;
    facts.blocks = (::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
    all.push_back(facts);
  }
  return all;
}

std::vector<int> inheritable_descriptors() {
  std::vector<int> all;
  for (int fd = 3; fd < descriptors_looked_at; ++fd) {
    const int flags = ::fcntl(fd, F_GETFD);
    if (flags >= 0 && (flags & FD_CLOEXEC) == 0) all.push_back(fd);
  }
  return all;
}

int close_event_queues() {
  int closed = 0;
  for (int fd = 3; fd < descriptors_looked_at; ++fd) {
    char what[64] = {};
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    if (::readlink(link.c_str(), what, sizeof what - 1) < 0) continue;
    if (std::string_view(what) != "anon_inode:[eventpoll]") continue;
    ::close(fd);
    ++closed;
  }
  return closed;
}

bool send_urgent(int descriptor, std::string_view bytes) {
  return ::send(descriptor, bytes.data(), bytes.size(), MSG_OOB | MSG_NOSIGNAL) ==
         static_cast<ssize_t>(bytes.size());
}

std::string signal_state() {
  std::string text;
  sigset_t blocked;
  sigemptyset(&blocked);
  static_cast<void>(::pthread_sigmask(SIG_BLOCK, nullptr, &blocked));
  for (int number = 1; number < signals_looked_at; ++number) {
    struct sigaction now{};
    if (::sigaction(number, nullptr, &now) != 0) continue;
    text += std::to_string(number) + ":" +
            std::to_string(
                reinterpret_cast<unsigned long long>(reinterpret_cast<void*>(now.sa_handler))) +
            "/" + std::to_string(now.sa_flags) + (sigismember(&blocked, number) == 1 ? "b " : " ");
  }
  return text;
}

bool sigpipe_is_default() {
  struct sigaction now{};
  return ::sigaction(SIGPIPE, nullptr, &now) == 0 && now.sa_handler == SIG_DFL;
}

deadly_sigpipe::deadly_sigpipe() : former_(reinterpret_cast<void*>(::signal(SIGPIPE, SIG_DFL))) {}
deadly_sigpipe::~deadly_sigpipe() {
  ::signal(SIGPIPE, reinterpret_cast<void (*)(int)>(former_));
}

}  // namespace weir::test
