// bench/tls_load.cpp - a load of TLS connections, by OpenSSL so that no server meets itself.
//
//   weir_tls_load full|resumed PORT   connections side by side for some seconds, each with a
//                                     handshake, one request, and an end said by both sides
//   weir_tls_load half PORT           so many a second: a ClientHello, and never a word more
//   weir_tls_load steady PORT         one connection that asks so often; latency counts from when
//                                     a request was due, not from when it could be sent
//
//   --ca PEM           who vouches for the server (all but half; 127.0.0.1 is whom we expect)
//   --path PATH        what is asked for: /plaintext
//   --seconds S        how long: 2
//   --connections N    side by side: 64
//   --rate N           half, steady: so many a second
//
// Prints one line of JSON: what was done, its latencies, and what was negotiated.
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

struct settings {
  std::string_view kind;
  std::uint16_t port = 0;
  std::string ca;
  std::string path = "/plaintext";
  std::int64_t seconds = 2;
  std::size_t connections = 64;
  std::int64_t rate = 0;
};

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "weir_tls_load: %s: %s\n", what, std::strerror(errno));
  ERR_print_errors_fp(stderr);
  std::exit(1);
}

std::int64_t now_ns() {
  timespec at{};
  ::clock_gettime(CLOCK_MONOTONIC, &at);
  return std::int64_t{at.tv_sec} * second_ns + at.tv_nsec;
}

void sleep_until(std::int64_t due_ns) {
  const timespec at{due_ns / second_ns, due_ns % second_ns};
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) == EINTR) {
  }
}

int connect_to(std::uint16_t port) {
  // Not closed on error: the program ends.
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(port);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) fail("connect");
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

// The last session that a server gave us: what `resumed` comes back with.
SSL_SESSION* given = nullptr;

int keep_session(SSL* /*of*/, SSL_SESSION* session) {
  // Its age is told in whole seconds, from now and not from when the connection began: a server may
  // refuse a ticket that claims to be a second older than it is.
  SSL_SESSION_set_time(session, static_cast<long>(std::time(nullptr)));
  SSL_SESSION_free(given);
  given = session;
  return 1;  // ours now
}

SSL_CTX* make_context(const settings& chosen) {
  SSL_CTX* const made = SSL_CTX_new(TLS_client_method());
  if (made == nullptr) fail("SSL_CTX_new");
  SSL_CTX_set_min_proto_version(made, TLS1_3_VERSION);
  SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE);
  SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(made, &keep_session);
  if (!chosen.ca.empty()) {
    if (SSL_CTX_load_verify_locations(made, chosen.ca.c_str(), nullptr) != 1) fail("--ca");
    SSL_CTX_set_verify(made, SSL_VERIFY_PEER, nullptr);
    X509_VERIFY_PARAM_set1_ip_asc(SSL_CTX_get0_param(made), "127.0.0.1");
  }
  return made;
}

SSL* make_session(SSL_CTX* context, int fd) {
  SSL* const made = SSL_new(context);
  if (made == nullptr || SSL_set_fd(made, fd) != 1) fail("SSL_new");
  SSL_set_tlsext_host_name(made, "localhost");
  SSL_set_connect_state(made);
  return made;
}

// Where an answer with a Content-Length ends.
class answer_reader {
 public:
  // True: it is all there. Bad bytes leave it unfinished, and are counted as a failure.
  bool add(std::string_view bytes) {
    if (body_left_ < 0) {
      head_ += bytes;
      const std::size_t end = head_.find("\r\n\r\n");
      if (end == std::string::npos) return false;
      good_ = head_.starts_with("HTTP/1.1 200 ");
      const std::size_t field = find_length();
      if (field == std::string::npos) {
        good_ = false;
        return true;
      }
      std::int64_t length = 0;
      std::from_chars(head_.data() + field, head_.data() + end, length);
      body_left_ = length - static_cast<std::int64_t>(head_.size() - end - 4);
    } else {
      body_left_ -= static_cast<std::int64_t>(bytes.size());
    }
    return body_left_ <= 0;
  }
  bool good() const { return good_ && body_left_ == 0; }
  void clear() {
    head_.clear();
    body_left_ = -1;
    good_ = false;
  }

 private:
  std::size_t find_length() const {
    for (const std::string_view name : {"\r\nContent-Length: ", "\r\ncontent-length: "}) {
      const std::size_t at = head_.find(name);
      if (at != std::string::npos) return at + name.size();
    }
    return std::string::npos;
  }
  std::string head_;
  std::int64_t body_left_ = -1;
  bool good_ = false;
};

struct results {
  std::uint64_t done = 0;
  std::uint64_t errors = 0;
  std::uint64_t resumed = 0;
  std::vector<std::int64_t> took_ns;
  std::string version;
  std::string group;
  std::string cipher;

  void saw(SSL* session) {
    resumed += SSL_session_reused(session) == 1 ? 1U : 0U;
    if (!version.empty()) return;
    version = SSL_get_version(session);
    const int id = static_cast<int>(SSL_get_negotiated_group(session));
    const char* const name = SSL_group_to_name(session, id);
    group = name == nullptr ? "" : name;
    cipher = SSL_get_cipher_name(session);
  }
  void print(std::int64_t lasted_ns) {
    std::sort(took_ns.begin(), took_ns.end());
    const auto at = [&](double share) {
      if (took_ns.empty()) return 0.0;
      const auto index = static_cast<std::size_t>(share * static_cast<double>(took_ns.size()));
      return static_cast<double>(took_ns[std::min(index, took_ns.size() - 1)]) / 1e3;
    };
    std::printf(
        "{\"requests\": %llu, \"errors\": %llu, \"resumed\": %llu, \"seconds\": %.3f, "
        "\"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f, "
        "\"version\": \"%s\", \"group\": \"%s\", \"cipher\": \"%s\"}\n",
        static_cast<unsigned long long>(done), static_cast<unsigned long long>(errors),
        static_cast<unsigned long long>(resumed), static_cast<double>(lasted_ns) / 1e9, at(0.5),
        at(0.99), at(1.0), version.c_str(), group.c_str(), cipher.c_str());
  }
};

// full, resumed: connections side by side. -------------------------------------------------------

// One after the other on each place: made, used for a request, ended.
class place {
 public:
  enum class step { going, done, failed };

  void begin(SSL_CTX* context, std::uint16_t port, int queue, bool resumes) {
    began_ns_ = now_ns();
    fd_ = connect_to(port);
    session_ = make_session(context, fd_);
    if (resumes && given != nullptr) SSL_set_session(session_, given);
    state_ = state::shaking;
    answer_.clear();
    BIO_socket_nbio(fd_, 1);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP;
    event.data.ptr = this;
    if (::epoll_ctl(queue, EPOLL_CTL_ADD, fd_, &event) != 0) fail("epoll_ctl");
    SSL_do_handshake(session_);  // says the first word; what comes of it is seen by advance()
  }

  step advance(const std::string& request, results& out) {
    char room[16'384];
    for (;;) {
      if (state_ == state::ending) {  // ciphertext that nobody wants, then the end of the peer
        const ssize_t got = ::recv(fd_, room, sizeof room, 0);
        if (got > 0) continue;
        if (got < 0 && errno == EAGAIN) return step::going;
        return step::done;
      }
      int code = 0;
      if (state_ == state::shaking) {
        code = SSL_do_handshake(session_);
        if (code == 1) {
          out.saw(session_);
          // A request fits what the socket takes at once.
          if (SSL_write(session_, request.data(), static_cast<int>(request.size())) <= 0) {
            return step::failed;
          }
          state_ = state::reading;
          continue;
        }
      } else {
        code = SSL_read(session_, room, sizeof room);
        if (code > 0) {
          if (!answer_.add({room, static_cast<std::size_t>(code)})) continue;
          if (!answer_.good()) return step::failed;
          SSL_shutdown(session_);
          ::shutdown(fd_, SHUT_WR);
          state_ = state::ending;
          continue;
        }
      }
      const int why = SSL_get_error(session_, code);
      return why == SSL_ERROR_WANT_READ ? step::going : step::failed;
    }
  }

  std::int64_t end() {
    SSL_free(session_);
    ::close(fd_);
    ERR_clear_error();
    return now_ns() - began_ns_;
  }

 private:
  enum class state { shaking, reading, ending };
  int fd_ = -1;
  SSL* session_ = nullptr;
  state state_ = state::shaking;
  std::int64_t began_ns_ = 0;
  answer_reader answer_;
};

std::string request_text(const settings& chosen) {
  return "GET " + chosen.path + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(chosen.port) +
         "\r\n\r\n";
}

// A whole connection for its ticket, which comes with the answer.
void take_session(const settings& chosen, SSL_CTX* context) {
  const std::string request = request_text(chosen);
  const int fd = connect_to(chosen.port);
  SSL* const session = make_session(context, fd);
  if (SSL_do_handshake(session) != 1) fail("handshake");
  if (SSL_write(session, request.data(), static_cast<int>(request.size())) <= 0) fail("write");
  char room[16'384];
  if (SSL_read(session, room, sizeof room) <= 0) fail("read");
  if (given == nullptr) fail("the server gave no session to resume");
  SSL_shutdown(session);
  SSL_free(session);
  ::close(fd);
}

void run_side_by_side(const settings& chosen, SSL_CTX* context, bool resumes, results& out) {
  const std::string request = request_text(chosen);
  const int queue = ::epoll_create1(EPOLL_CLOEXEC);
  if (queue < 0) fail("epoll_create1");
  const std::int64_t began_ns = now_ns();
  const std::int64_t due_ns = began_ns + chosen.seconds * second_ns;
  std::vector<place> places(chosen.connections);
  for (place& each : places) each.begin(context, chosen.port, queue, resumes);
  std::size_t busy = places.size();
  while (busy > 0) {
    constexpr int silence_ms = 10'000;
    epoll_event events[256];
    const int count = ::epoll_wait(queue, events, 256, silence_ms);
    if (count <= 0) {
      out.errors += busy;
      break;
    }
    for (int i = 0; i < count; ++i) {
      place& one = *static_cast<place*>(events[i].data.ptr);
      const place::step how = one.advance(request, out);
      if (how == place::step::going) continue;
      const std::int64_t took_ns = one.end();
      if (how == place::step::done) {
        ++out.done;
        out.took_ns.push_back(took_ns);
      } else {
        ++out.errors;
      }
      constexpr std::uint64_t errors_max = 100;  // it will not get better
      if (now_ns() < due_ns && out.errors < errors_max) {
        one.begin(context, chosen.port, queue, resumes);
      } else {
        --busy;
      }
    }
  }
  ::close(queue);
}

// half: handshakes that are begun and left. ------------------------------------------------------

void run_half(const settings& chosen, SSL_CTX* context, results& out) {
  struct begun {
    int fd;
    SSL* session;
  };
  std::vector<begun> open;
  const std::int64_t began_ns = now_ns();
  const std::int64_t count = chosen.rate * chosen.seconds;
  for (std::int64_t i = 0; i < count; ++i) {
    sleep_until(began_ns + i * second_ns / chosen.rate);
    const int fd = connect_to(chosen.port);
    BIO_socket_nbio(fd, 1);
    SSL* const session = make_session(context, fd);
    const int code = SSL_do_handshake(session);
    if (SSL_get_error(session, code) != SSL_ERROR_WANT_READ) ++out.errors;
    open.push_back({fd, session});
  }
  for (const begun& each : open) {
    char one = 0;
    // How many were answered: a server may shed or close what it has held long enough.
    if (::recv(each.fd, &one, 1, MSG_PEEK | MSG_DONTWAIT) > 0) ++out.done;
    SSL_free(each.session);
    ::close(each.fd);
  }
}

// steady: one connection that asks at its times. -------------------------------------------------

void run_steady(const settings& chosen, SSL_CTX* context, results& out) {
  const std::string request = request_text(chosen);
  const int fd = connect_to(chosen.port);
  SSL* const session = make_session(context, fd);
  if (SSL_do_handshake(session) != 1) fail("handshake");
  out.saw(session);
  const std::int64_t began_ns = now_ns();
  const std::int64_t count = chosen.rate * chosen.seconds;
  answer_reader answer;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t due_ns = began_ns + i * second_ns / chosen.rate;
    sleep_until(due_ns);
    if (SSL_write(session, request.data(), static_cast<int>(request.size())) <= 0) fail("write");
    answer.clear();
    char room[16'384];
    for (bool all = false; !all;) {
      const int got = SSL_read(session, room, sizeof room);
      if (got <= 0) fail("read");
      all = answer.add({room, static_cast<std::size_t>(got)});
    }
    if (!answer.good()) fail("not the answer");
    out.took_ns.push_back(now_ns() - due_ns);
    ++out.done;
  }
  SSL_shutdown(session);
  SSL_free(session);
  ::close(fd);
}

template <class Number>
bool read_number(std::string_view text, Number& into) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), into);
  return read.ec == std::errc{} && read.ptr == text.data() + text.size() && into > 0;
}

settings read_arguments(int argc, char** argv) {
  settings out;
  bool good = argc >= 3 && argc % 2 == 1 && read_number(argv[2], out.port);
  if (good) out.kind = argv[1];
  for (int i = 3; good && i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    const std::string_view value = argv[i + 1];
    if (flag == "--ca") {
      out.ca = value;
    } else if (flag == "--path") {
      out.path = value;
    } else if (flag == "--seconds") {
      good = read_number(value, out.seconds);
    } else if (flag == "--connections") {
      good = read_number(value, out.connections);
    } else if (flag == "--rate") {
      good = read_number(value, out.rate);
    } else {
      good = false;
    }
  }
  const bool paced = out.kind == "half" || out.kind == "steady";
  good = good && (paced ? out.rate > 0 : out.kind == "full" || out.kind == "resumed");
  if (good && (out.kind == "half" || !out.ca.empty())) return out;
  std::fprintf(stderr,
               "usage: weir_tls_load full|resumed|half|steady PORT --ca PEM [--path PATH] "
               "[--seconds S] [--connections N] [--rate N]\n");
  std::exit(2);
}

}  // namespace

int main(int argc, char** argv) {
  const settings chosen = read_arguments(argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    static_cast<void>(::setrlimit(RLIMIT_NOFILE, &files));
  }
  SSL_CTX* const context = make_context(chosen);
  results out;
  const std::int64_t began_ns = now_ns();
  if (chosen.kind == "half") {
    run_half(chosen, context, out);
  } else if (chosen.kind == "steady") {
    run_steady(chosen, context, out);
  } else {
    const bool resumes = chosen.kind == "resumed";
    if (resumes) take_session(chosen, context);
    run_side_by_side(chosen, context, resumes, out);
  }
  out.print(now_ns() - began_ns);
  SSL_SESSION_free(given);
  SSL_CTX_free(context);
  return 0;
}
