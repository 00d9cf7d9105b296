// bench/raw_mbedtls.cpp - what TLS costs without our stack: a loop over epoll and mbedTLS alone.
//
// It speaks with the context that weir makes (tls/src/context.cpp: suites, groups, tickets, names)
// over the library that weir links, so that what weir costs more is weir's. As raw_epoll.cpp it
// parses nothing and sends prepared bytes. Sessions read and write their sockets directly, and the
// wait is level-triggered: mbedTLS never reads beyond its record, so no receive is made only to
// learn that nothing is there. Everything runs on one thread, handshakes too.
//
//   weir_raw_mbedtls --cert PEM --key PEM [--file PATH]      prints its port
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/tls/context.hpp>

#include "context_data.hpp"
#include "tickets.hpp"

namespace {

namespace tls = weir::tls;

constexpr std::size_t receive_bytes = 16'384;
constexpr std::string_view empty_line = "\r\n\r\n";

struct connection {
  connection() noexcept { mbedtls_ssl_init(&ssl); }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection() {
    mbedtls_ssl_free(&ssl);
    ::close(fd);
  }

  mbedtls_ssl_context ssl;
  tls::digest host{};  // that its client has named, for the ticket
  int fd = -1;
  std::size_t matched = 0;  // bytes of the empty line that the last read ended in
  std::uint64_t owed = 0;   // bytes of answers
  std::uint32_t watched = EPOLLIN;
  bool open = false;  // the handshake is over
};

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) fail(path.c_str());
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

int send_some(void* to, const unsigned char* bytes, std::size_t count) {
  const ssize_t sent = ::send(static_cast<connection*>(to)->fd, bytes, count, MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<int>(sent);
  return errno == EAGAIN ? MBEDTLS_ERR_SSL_WANT_WRITE : MBEDTLS_ERR_NET_SEND_FAILED;
}

int receive_some(void* from, unsigned char* into, std::size_t count) {
  const ssize_t got = ::recv(static_cast<connection*>(from)->fd, into, count, 0);
  if (got >= 0) return static_cast<int>(got);
  return errno == EAGAIN ? MBEDTLS_ERR_SSL_WANT_READ : MBEDTLS_ERR_NET_RECV_FAILED;
}

class server {
 public:
  server(tls::context context, const std::string& file) : context_(std::move(context)) {
    const std::string body = file.empty() ? "Hello, World!" : read_file(file);
    // What weir sends, byte for byte as long; the clock does not run here.
    answer_ = "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: weir\r\n";
    if (file.empty()) {
      answer_ += "Content-Type: text/plain; charset=utf-8\r\n";
    } else {
      answer_ +=
          "Content-Type: application/octet-stream\r\n"
          "Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
          "X-Content-Type-Options: nosniff\r\n";
    }
    answer_ += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

  void open();
  [[noreturn]] void run();

 private:
  void accept_one();
  bool turn(connection& of);
  bool read_from(connection& from);
  bool write_to(connection& to);
  bool wait_for(connection& one, int code);
  void watch(connection& one, std::uint32_t events);

  tls::context context_;
  std::string answer_;
  unsigned char received_[receive_bytes];
  int listener_ = -1;
  int queue_ = -1;
  std::vector<std::unique_ptr<connection>> by_fd_;
};

void server::open() {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener_ < 0) fail("socket");
  // Inherited by what it accepts: a handshake leaves in several sends.
  const int on = 1;
  if (::setsockopt(listener_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) fail("TCP_NODELAY");
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
  auto made = std::make_unique<connection>();
  made->fd = fd;
  if (mbedtls_ssl_setup(&made->ssl, &context_.data()->config) != 0) fail("mbedtls_ssl_setup");
  mbedtls_ssl_set_bio(&made->ssl, made.get(), &send_some, &receive_some, nullptr);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (::epoll_ctl(queue_, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
  const auto index = static_cast<std::size_t>(fd);
  if (by_fd_.size() <= index) by_fd_.resize(index + 1);
  by_fd_[index] = std::move(made);
}

void server::watch(connection& one, std::uint32_t events) {
  if (one.watched == events) return;
  one.watched = events;
  epoll_event event{};
  event.events = events;
  event.data.fd = one.fd;
  if (::epoll_ctl(queue_, EPOLL_CTL_MOD, one.fd, &event) != 0) fail("epoll_ctl");
}

// What mbedTLS wants, if it wants something. False: the connection is to be ended.
bool server::wait_for(connection& one, int code) {
  if (code == MBEDTLS_ERR_SSL_WANT_READ) watch(one, EPOLLIN);
  if (code == MBEDTLS_ERR_SSL_WANT_WRITE) watch(one, EPOLLOUT);
  return code == MBEDTLS_ERR_SSL_WANT_READ || code == MBEDTLS_ERR_SSL_WANT_WRITE;
}

bool server::turn(connection& of) {
  if (!of.open) {
    const tls::ticket_scope tickets(of.host);
    if (const int code = mbedtls_ssl_handshake(&of.ssl)) return wait_for(of, code);
    of.open = true;
    watch(of, EPOLLIN);
    return true;
  }
  return of.owed > 0 ? write_to(of) : read_from(of);
}

bool server::read_from(connection& from) {
  do {
    const int got = mbedtls_ssl_read(&from.ssl, received_, sizeof received_);
    if (got == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
      static_cast<void>(mbedtls_ssl_close_notify(&from.ssl));
      return false;
    }
    if (got <= 0) return got != 0 && wait_for(from, got);
    for (int i = 0; i < got; ++i) {
      const char c = static_cast<char>(received_[i]);
      from.matched = c == empty_line[from.matched] ? from.matched + 1 : c == '\r' ? 1U : 0U;
      if (from.matched < empty_line.size()) continue;
      from.matched = 0;
      from.owed += answer_.size();
    }
  } while (mbedtls_ssl_check_pending(&from.ssl) != 0);
  return write_to(from);
}

bool server::write_to(connection& to) {
  while (to.owed > 0) {
    const auto rest = static_cast<std::size_t>((to.owed - 1) % answer_.size() + 1);
    const char* const from = answer_.data() + (answer_.size() - rest);
    const int sent = mbedtls_ssl_write(&to.ssl, reinterpret_cast<const unsigned char*>(from), rest);
    if (sent < 0) return wait_for(to, sent);
    to.owed -= static_cast<std::uint64_t>(sent);
  }
  watch(to, EPOLLIN);
  return true;
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
      std::unique_ptr<connection>& one = by_fd_[static_cast<std::size_t>(fd)];
      if (!turn(*one)) one.reset();
    }
  }
}

struct settings {
  std::string certificate;
  std::string key;
  std::string file;
};

settings read_arguments(int argc, char** argv) {
  settings out;
  bool good = argc % 2 == 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    std::string* const into = flag == "--cert"   ? &out.certificate
                              : flag == "--key"  ? &out.key
                              : flag == "--file" ? &out.file
                                                 : nullptr;
    if (into == nullptr) {
      good = false;
    } else {
      *into = argv[i + 1];
    }
  }
  if (good && !out.certificate.empty() && !out.key.empty()) return out;
  std::fprintf(stderr, "usage: weir_raw_mbedtls --cert PEM --key PEM [--file PATH]\n");
  std::exit(2);
}

tls::context make_context(const settings& chosen) {
  const weir::result<tls::identity> who =
      tls::identity::from_pem(read_file(chosen.certificate), read_file(chosen.key));
  if (!who.ok()) fail(who.why().where);
  tls::server_options options;
  options.identities.push_back(who.value());
  weir::result<tls::context> made = tls::context::for_servers(std::move(options));
  if (!made.ok()) fail(made.why().where);
  return std::move(made).value();
}

}  // namespace

int main(int argc, char** argv) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    static_cast<void>(::setrlimit(RLIMIT_NOFILE, &files));
  }
  const settings chosen = read_arguments(argc, argv);
  server raw(make_context(chosen), chosen.file);
  raw.open();
  raw.run();
}
