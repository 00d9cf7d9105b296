// bench/raw_epoll.cpp - what the socket costs: a loop over epoll that parses nothing.
//
// It looks for the empty line that ends a head and sends bytes prepared at its start, as many as
// weir sends. Every other server of the comparison is measured in multiples of it, so it makes the
// fewest system calls that do the work: one receive and one send a batch, nothing set per socket.
//
//   weir_raw_epoll [--close] [--body BYTES] [--file PATH]      prints its port
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

constexpr std::size_t answers_at_once = 128;
constexpr std::size_t receive_bytes = std::size_t{256} * 1024;

struct settings {
  bool close = false;          // one answer for each connection
  std::size_t body_bytes = 0;  // behind each head
  int file = -1;               // what is sent behind each answer's head
  off_t file_bytes = 0;
};

struct connection {
  int fd = -1;
  std::size_t skip = 0;    // of a body that is still to come
  unsigned matched = 0;    // bytes of the empty line that ended the last receive
  std::uint64_t owed = 0;  // bytes of answers, in whole ones and the rest of one
  off_t file_at = 0;       // of the file behind the head that was sent
  bool in_file = false;
  bool writes_watched = false;
};

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

class server {
 public:
  explicit server(const settings& chosen) : set_(chosen), received_(receive_bytes) {
    const std::string answer = make_answer();
    answer_bytes_ = answer.size();
    for (std::size_t i = 0; i < answers_at_once; ++i) answers_ += answer;
  }

  void open();
  [[noreturn]] void run();

 private:
  std::string make_answer() const;
  void accept_one();
  bool wait_writable(connection& one);
  void read_from(connection& from);
  std::uint64_t count_requests(connection& from, std::string_view bytes) const;
  bool write_to(connection& to);
  bool write_file(connection& to);
  void end(connection& one);

  settings set_;
  std::vector<char> received_;
  std::string answers_;
  std::size_t answer_bytes_ = 0;
  int listener_ = -1;
  int queue_ = -1;
  std::vector<std::unique_ptr<connection>> by_fd_;
};

std::string server::make_answer() const {
  const bool file = set_.file >= 0;
  // What weir sends, byte for byte as long; the clock does not run here.
  std::string text = "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: weir\r\n";
  if (file) {
    text +=
        "Content-Type: application/octet-stream\r\n"
        "Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        "Content-Length: " +
        std::to_string(set_.file_bytes) + "\r\n";
  } else {
    text += "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 13\r\n";
  }
  if (set_.close) text += "Connection: close\r\n";
  text += "\r\n";
  if (!file) text += "Hello, World!";
  return text;
}

void server::open() {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener_ < 0) fail("socket");
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&at), size) != 0) fail("bind");
  if (::listen(listener_, 1024) != 0) fail("listen");
  if (::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size) != 0) fail("getsockname");
  queue_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (queue_ < 0) fail("epoll_create1");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = listener_;
  if (::epoll_ctl(queue_, EPOLL_CTL_ADD, listener_, &event) != 0) fail("epoll_ctl");
  std::printf("%u\n", static_cast<unsigned>(ntohs(at.sin_port)));
  std::fflush(stdout);
}

void server::accept_one() {
  const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  const auto index = static_cast<std::size_t>(fd);
  if (by_fd_.size() <= index) by_fd_.resize(index + 1);
  if (by_fd_[index] == nullptr) by_fd_[index] = std::make_unique<connection>();
  *by_fd_[index] = connection{};
  by_fd_[index]->fd = fd;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
  event.data.fd = fd;
  if (::epoll_ctl(queue_, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

// Events of both kinds from now on: asked for by the first connection that needs it, once.
bool server::wait_writable(connection& one) {
  if (one.writes_watched) return true;
  one.writes_watched = true;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.fd = one.fd;
  return ::epoll_ctl(queue_, EPOLL_CTL_MOD, one.fd, &event) == 0;
}

// How many heads end in these bytes; bodies behind them are stepped over.
std::uint64_t server::count_requests(connection& from, std::string_view bytes) const {
  constexpr std::string_view empty_line = "\r\n\r\n";
  std::uint64_t count = 0;
  const auto ended = [&] {
    ++count;
    from.matched = 0;
    from.skip = set_.body_bytes;
  };
  while (!bytes.empty()) {
    const std::size_t skipped = std::min(from.skip, bytes.size());
    from.skip -= skipped;
    bytes.remove_prefix(skipped);
    // An empty line that began in the receive before.
    while (from.matched > 0 && !bytes.empty()) {
      from.matched = bytes.front() == empty_line[from.matched] ? from.matched + 1
                     : bytes.front() == '\r'                   ? 1
                                                               : 0;
      bytes.remove_prefix(1);
      if (from.matched == empty_line.size()) ended();
    }
    if (from.skip > 0 || bytes.empty()) continue;
    const void* const found =
        ::memmem(bytes.data(), bytes.size(), empty_line.data(), empty_line.size());
    if (found == nullptr) {
      for (std::size_t n = std::min<std::size_t>(3, bytes.size()); n > 0; --n) {
        if (!bytes.ends_with(empty_line.substr(0, n))) continue;
        from.matched = static_cast<unsigned>(n);
        break;
      }
      break;
    }
    bytes.remove_prefix(static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data()) +
                        empty_line.size());
    ended();
  }
  return count;
}

void server::read_from(connection& from) {
  for (;;) {
    const ssize_t got = ::recv(from.fd, received_.data(), received_.size(), 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return end(from);
    const auto bytes = static_cast<std::size_t>(got);
    from.owed += answer_bytes_ * count_requests(from, {received_.data(), bytes});
    if (!write_to(from)) return end(from);
    if (bytes < received_.size()) return;
  }
}

// False: the connection is to be ended.
bool server::write_to(connection& to) {
  while (to.owed > 0 || to.in_file) {
    if (to.in_file) {
      if (!write_file(to)) return errno == EAGAIN && wait_writable(to);
      continue;
    }
    // Answers are all alike: what is owed ends where the prepared bytes end. With a file behind
    // each, one at a time.
    const std::size_t rest = static_cast<std::size_t>(to.owed % answer_bytes_);
    std::size_t size = static_cast<std::size_t>(
        std::min<std::uint64_t>(to.owed, answers_.size() - answer_bytes_ + rest));
    if (set_.file >= 0) size = rest > 0 ? rest : answer_bytes_;
    const std::size_t begin = rest > 0 ? answer_bytes_ - rest : 0;
    size = std::min(size, answers_.size() - begin);
    const ssize_t sent = ::send(to.fd, answers_.data() + begin, size,
                                MSG_NOSIGNAL | (set_.file >= 0 ? MSG_MORE : 0));
    if (sent < 0) return errno == EAGAIN && wait_writable(to);
    to.owed -= static_cast<std::uint64_t>(sent);
    if (set_.file >= 0 && static_cast<std::size_t>(sent) == size) {
      to.in_file = true;
      to.file_at = 0;
    }
    if (set_.close && to.owed == 0 && !to.in_file) return false;
  }
  return true;
}

bool server::write_file(connection& to) {
  const ssize_t sent = ::sendfile(to.fd, set_.file, &to.file_at,
                                  static_cast<std::size_t>(set_.file_bytes - to.file_at));
  if (sent <= 0) return false;
  if (to.file_at == set_.file_bytes) to.in_file = false;
  return true;
}

void server::end(connection& one) {
  ::close(one.fd);
  one.fd = -1;
}

void server::run() {
  constexpr int events_max = 256;
  epoll_event events[events_max];
  for (;;) {
    const int count = ::epoll_wait(queue_, events, events_max, -1);
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listener_) {
        accept_one();
        continue;
      }
      connection& one = *by_fd_[static_cast<std::size_t>(fd)];
      if (one.fd < 0) continue;
      if ((events[i].events & EPOLLOUT) != 0 && (one.owed > 0 || one.in_file) && !write_to(one)) {
        end(one);
        continue;
      }
      if ((events[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) read_from(one);
    }
  }
}

settings read_arguments(int argc, char** argv) {
  settings out;
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--close") {
      out.close = true;
    } else if (flag == "--body" && i + 1 < argc) {
      const std::string_view text = argv[++i];
      std::from_chars(text.data(), text.data() + text.size(), out.body_bytes);
    } else if (flag == "--file" && i + 1 < argc) {
      out.file = ::open(argv[++i], O_RDONLY | O_CLOEXEC);
      struct stat about{};
      if (out.file < 0 || ::fstat(out.file, &about) != 0) fail(argv[i]);
      out.file_bytes = about.st_size;
    } else {
      std::fprintf(stderr, "usage: weir_raw_epoll [--close] [--body BYTES] [--file PATH]\n");
      std::exit(2);
    }
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  // A peer that went away is an error of sendfile(), not the end.
  std::signal(SIGPIPE, SIG_IGN);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    static_cast<void>(::setrlimit(RLIMIT_NOFILE, &files));
  }
  server raw(read_arguments(argc, argv));
  raw.open();
  raw.run();
}
