// tests/platform/contract/host.cpp - the hands that work a poller in the contract tests.
#include "host.hpp"

#include <array>
#include <cstdio>

namespace weir::platform::contract {

namespace {

// Skips of the whole run, printed when it ends: a skip nobody sees is a test nobody has.
std::map<std::string, int>& skips() {
  static std::map<std::string, int> all;
  return all;
}

class skip_report final : public Catch::EventListenerBase {
 public:
  using EventListenerBase::EventListenerBase;
  void testRunStarting(const Catch::TestRunInfo&) override {
    std::string names;
    for (const host_maker make : host_makers()) names += std::string(" ") + make()->name();
    std::printf("contract hosts:%s\n", names.c_str());
  }
  void testRunEnded(const Catch::TestRunStats&) override {
    for (const auto& [what, times] : skips()) std::printf("skipped %dx: %s\n", times, what.c_str());
  }
};

}  // namespace

CATCH_REGISTER_LISTENER(skip_report)

void count_skip(const char* host_name, const char* what) {
  ++skips()[std::string(host_name) + ": " + what];
}

std::string pattern(std::size_t count, unsigned seed) {
  std::string text(count, '\0');
  unsigned word = seed * 2'654'435'761u + 12'345u;
  for (char& c : text) {
    word = word * 1'664'525u + 1'013'904'223u;
    c = static_cast<char>(' ' + (word >> 24) % 95);
  }
  return text;
}

void each_host(void (*test)(bench&)) {
  for (const host_maker make : host_makers()) {
    const std::unique_ptr<host> h = make();
    DYNAMIC_SECTION(h->name()) {
      {
        bench b(*h);
        test(b);
      }
      for (const std::string& complaint : h->complaints()) FAIL_CHECK(complaint);
    }
  }
}

bench::~bench() = default;

std::unique_ptr<poller> bench::open(const poller_options& options) {
  result<std::unique_ptr<poller>> opened = host_.open(options);
  REQUIRE(opened.ok());
  return std::move(opened).value();
}

bool bench::skip_unless(bool able, const char* what) {
  if (able) return false;
  count_skip(host_.name(), what);
  SUCCEED(what);
  return true;
}

void bench::file(const completion& c) {
  REQUIRE(c.context != nullptr);
  op& o = *static_cast<op*>(c.context);
  ++o.completions;
  o.last = c;
}

std::size_t bench::turn(time_ns due_ns, std::size_t room) {
  std::array<completion, 64> out{};
  REQUIRE(room <= out.size());
  const result<std::size_t> got = poller_->wait({out.data(), room}, due_ns);
  // The simulator knows when nothing can ever come; a real system lets its caller wait.
  INFO("wait: " << to_string(got.why().code));
  REQUIRE(got.ok());
  REQUIRE(got.value() <= room);
  for (std::size_t i = 0; i < got.value(); ++i) file(out[i]);
  return got.value();
}

completion bench::until(op& o) {
  const time_ns due_ns = poller_->now_ns() + patience_ns;
  while (o.completions == 0) {
    REQUIRE(poller_->now_ns() < due_ns);
    turn(due_ns);
  }
  CHECK(o.completions == 1);
  return o.last;
}

completion bench::ended(const started& s, op& o) {
  if (s.pending()) return until(o);
  CHECK(o.completions == 0);
  return {.context = &o, .value = s.value, .why = s.why};
}

void bench::settle(time_ns span_ns) {
  const time_ns due_ns = poller_->now_ns() + span_ns;
  while (poller_->now_ns() < due_ns) turn(due_ns);
}

socket_id bench::listener(const listen_options& options) {
  const result<socket_id> id = poller_->listen(host_.loopback(), options);
  REQUIRE(id.ok());
  return id.value();
}

address bench::where(socket_id socket) {
  const result<address> at = poller_->local_address(socket);
  REQUIRE(at.ok());
  return at.value();
}

socket_id bench::connect(const address& to) {
  const result<socket_id> id = poller_->open_stream(to);
  REQUIRE(id.ok());
  op o;
  const completion end = ended(poller_->connect(id.value(), to, &o), o);
  INFO("connect: " << to_string(end.why.code) << " " << end.why.os_code);
  REQUIRE_FALSE(end.why);
  return id.value();
}

native_socket bench::accept(socket_id listener) {
  op o;
  const completion end = ended(poller_->accept(listener, nullptr, &o), o);
  INFO("accept: " << to_string(end.why.code) << " " << end.why.os_code);
  REQUIRE_FALSE(end.why);
  return static_cast<native_socket>(end.value);
}

bench::pair bench::connected(socket_id listener) {
  pair two;
  two.client = connect(where(listener));
  const result<socket_id> id = poller_->adopt(accept(listener));
  REQUIRE(id.ok());
  two.server = id.value();
  return two;
}

bench::pair bench::connected() {
  const socket_id at = listener();
  const pair two = connected(at);
  poller_->close(at);
  return two;
}

void bench::until_readable(socket_id socket) {
  op o;
  const completion end = ended(poller_->wait_readable(socket, &o), o);
  REQUIRE_FALSE(end.why);
}

void bench::send_all(socket_id socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const byte_view part = as_bytes(bytes);
    result<std::size_t> sent = poller_->try_send(socket, {&part, 1});
    if (!sent && sent.why() == errc::would_block) {
      op o;
      const completion end = ended(poller_->send(socket, part, &o), o);
      REQUIRE_FALSE(end.why);
      sent = static_cast<std::size_t>(end.value);
    }
    REQUIRE(sent.ok());
    REQUIRE(sent.value() <= bytes.size());
    bytes.remove_prefix(sent.value());
  }
}

std::string bench::receive(socket_id socket, std::size_t count) {
  std::string got;
  const time_ns due_ns = poller_->now_ns() + patience_ns;
  while (got.size() < count) {
    REQUIRE(poller_->now_ns() < due_ns);
    std::string piece(count - got.size(), '\0');
    const result<std::size_t> n =
        poller_->try_receive(socket, {reinterpret_cast<std::byte*>(piece.data()), piece.size()});
    if (!n && n.why() == errc::would_block) {
      until_readable(socket);
      continue;
    }
    INFO("try_receive: " << to_string(n.why().code));
    REQUIRE(n.ok());
    REQUIRE(n.value() >= 1);
    REQUIRE(n.value() <= piece.size());
    got.append(piece, 0, n.value());
  }
  return got;
}

std::string bench::receive_rest(socket_id socket, error& why) {
  std::string got;
  const time_ns due_ns = poller_->now_ns() + patience_ns;
  for (;;) {
    REQUIRE(poller_->now_ns() < due_ns);
    std::array<char, 4096> piece{};
    const result<std::size_t> n =
        poller_->try_receive(socket, {reinterpret_cast<std::byte*>(piece.data()), piece.size()});
    if (n) {
      REQUIRE(n.value() >= 1);
      got.append(piece.data(), n.value());
    } else if (n.why() == errc::would_block) {
      until_readable(socket);
    } else {
      why = n.why();
      return got;
    }
  }
}

std::size_t bench::fill(socket_id socket) {
  const std::string piece = pattern(32 * 1024);
  std::size_t total = 0;
  // Far more than any system buffers on loopback. Blocked several times with a moment between: a
  // window that is still opening is not a full one, and a simulated storm is not either.
  for (int blocked = 0; blocked < 6;) {
    REQUIRE(total < 256 * 1024 * 1024);
    const byte_view part = as_bytes(piece);
    const result<std::size_t> n = poller_->try_send(socket, {&part, 1});
    if (n) {
      total += n.value();
      blocked = 0;
      continue;
    }
    REQUIRE(n.why() == errc::would_block);
    ++blocked;
    settle(5 * millisecond_ns);
  }
  return total;
}

started bench::send_blocked(socket_id socket, byte_view bytes, op* context, std::size_t& taken) {
  for (;;) {
    const started s = poller_->send(socket, bytes, context);
    if (s.pending() || s.why) return s;
    taken += static_cast<std::size_t>(s.value);
    REQUIRE(taken < 256 * 1024 * 1024);
  }
}

}  // namespace weir::platform::contract
