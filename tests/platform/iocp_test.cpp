// tests/platform/iocp_test.cpp - what only a completion port can get wrong. What every backend
// promises is tested by contract/.
#include <catch_amalgamated.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <weir/platform/file.hpp>
#include <weir/platform/poller.hpp>

#include "iocp/open_iocp.hpp"

using namespace weir;
using namespace weir::platform;

namespace {

struct pair {
  socket_id client{};
  socket_id server{};
};

// A poller, a listener on the loopback, and connections between the two, made step by step.
class bench {
 public:
  explicit bench(const iocp::iocp_options& tuning = {}) {
    result<std::unique_ptr<poller>> made = iocp::open_iocp_poller({}, tuning);
    REQUIRE(made.ok());
    port_ = std::move(made).value();
    result<socket_id> l = port_->listen(address::loopback_ipv4(0), listen_options{});
    REQUIRE(l.ok());
    listener_ = l.value();
    result<address> at = port_->local_address(listener_);
    REQUIRE(at.ok());
    at_ = at.value();
  }

  poller& port() { return *port_; }
  socket_id listener() const { return listener_; }
  const address& at() const { return at_; }

  // The one completion of a started operation, finished or pending.
  completion finish(started begun) {
    if (!begun.pending()) return completion{nullptr, begun.value, begun.why};
    return next();
  }

  completion next() {
    completion got{};
    const time_ns due = port_->now_ns() + 10 * second_ns;
    result<std::size_t> count = port_->wait({&got, 1}, due);
    REQUIRE(count.ok());
    REQUIRE(count.value() == 1);
    return got;
  }

  bool quiet() {
    completion got{};
    result<std::size_t> count = port_->wait({&got, 1}, port_->now_ns() + 20 * millisecond_ns);
    REQUIRE(count.ok());
    return count.value() == 0;
  }

  pair connect() {
    pair made;
    int accept_mark = 0;
    int connect_mark = 0;
    result<socket_id> opened = port_->open_stream(at_);
    REQUIRE(opened.ok());
    made.client = opened.value();
    const started accepting = port_->accept(listener_, nullptr, &accept_mark);
    const started connecting = port_->connect(made.client, at_, &connect_mark);
    native_socket taken = native_socket::none;
    if (!accepting.pending()) taken = static_cast<native_socket>(accepting.value);
    if (!connecting.pending()) REQUIRE_FALSE(connecting.why);
    for (int left = int(accepting.pending()) + int(connecting.pending()); left > 0; --left) {
      const completion got = next();
      INFO(got.why.where << " " << got.why.os_code);
      REQUIRE_FALSE(got.why);
      if (got.context == &accept_mark) taken = static_cast<native_socket>(got.value);
    }
    result<socket_id> adopted = port_->adopt(taken);
    REQUIRE(adopted.ok());
    made.server = adopted.value();
    return made;
  }

  std::size_t say(socket_id from, std::string_view text) {
    const byte_view part = as_bytes(text);
    result<std::size_t> sent = port_->try_send(from, {&part, 1});
    REQUIRE(sent.ok());
    return sent.value();
  }

  std::string hear(socket_id at) {
    std::array<std::byte, 64> room{};
    const completion ready = finish(port_->wait_readable(at, nullptr));
    REQUIRE_FALSE(ready.why);
    result<std::size_t> got = port_->try_receive(at, room);
    REQUIRE(got.ok());
    return std::string(as_text({room.data(), got.value()}));
  }

 private:
  std::unique_ptr<poller> port_;
  socket_id listener_{};
  address at_{};
};

}  // namespace

TEST_CASE("iocp: what succeeds at the start posts no packet", "[platform][iocp]") {
  bench b;
  const pair p = b.connect();

  const started sent = b.port().send(p.client, as_bytes("now"), nullptr);

  REQUIRE_FALSE(sent.pending());
  CHECK_FALSE(sent.why);
  CHECK(sent.value == 3);
  CHECK(b.hear(p.server) == "now");
  CHECK(b.quiet());
  CHECK(b.port().counters().operations_open == 0);
}

TEST_CASE("iocp: a provider that cannot skip packets still completes once", "[platform][iocp]") {
  iocp::iocp_options layered;
  layered.skip_on_success = false;
  bench b(layered);
  const pair p = b.connect();
  int mark = 0;

  const started sent = b.port().send(p.client, as_bytes("later"), &mark);

  REQUIRE(sent.pending());
  const completion got = b.next();
  CHECK(got.context == &mark);
  CHECK(got.value == 5);
  CHECK_FALSE(got.why);
  CHECK(b.hear(p.server) == "later");
  CHECK(b.quiet());
}

TEST_CASE("iocp: a closed socket's operation is cancelled, whatever number the system gives",
          "[platform][iocp]") {
  for (const bool hard : {false, true}) {
    bench b;
    const pair p = b.connect();
    std::array<std::byte, 16> room{};
    int mark = 0;
    const started receiving = b.port().receive(p.server, room, &mark);
    REQUIRE(receiving.pending());

    if (hard) {
      b.port().reset(p.server);
    } else {
      b.port().close(p.server);
    }

    const completion got = b.next();
    INFO("os code " << got.why.os_code);
    CHECK(got.context == &mark);
    CHECK(got.why.code == errc::cancelled);
    CHECK(b.quiet());
    CHECK(b.port().counters().operations_open == 0);
  }
}

TEST_CASE("iocp: the address AcceptEx leaves is the one the client has", "[platform][iocp]") {
  bench b;
  for (const bool v6 : {false, true}) {
    result<socket_id> listener = b.port().listen(
        v6 ? address::loopback_ipv6(0) : address::loopback_ipv4(0), listen_options{});
    REQUIRE(listener.ok());
    result<address> at = b.port().local_address(listener.value());
    REQUIRE(at.ok());
    result<socket_id> client = b.port().open_stream(at.value());
    REQUIRE(client.ok());
    address peer;
    const started accepting = b.port().accept(listener.value(), &peer, &peer);
    const started connecting = b.port().connect(client.value(), at.value(), nullptr);
    std::uint64_t taken = accepting.value;
    for (int left = int(accepting.pending()) + int(connecting.pending()); left > 0; --left) {
      const completion got = b.next();
      REQUIRE_FALSE(got.why);
      if (got.context == &peer) taken = got.value;
    }

    result<address> mine = b.port().local_address(client.value());
    REQUIRE(mine.ok());
    CHECK(peer == mine.value());
    CHECK(peer.port() != 0);

    // SO_UPDATE_ACCEPT_CONTEXT: the accepted socket knows both its names.
    result<socket_id> server = b.port().adopt(static_cast<native_socket>(taken));
    REQUIRE(server.ok());
    result<address> theirs = b.port().peer_address(server.value());
    REQUIRE(theirs.ok());
    CHECK(theirs.value() == mine.value());
    CHECK_FALSE(b.port().shut_send(server.value()));
  }
}

TEST_CASE("iocp: bytes that came before the cancel are delivered", "[platform][iocp]") {
  bench b;
  const pair p = b.connect();
  std::array<std::byte, 16> room{};
  const started receiving = b.port().receive(p.server, room, nullptr);
  REQUIRE(receiving.pending());
  b.say(p.client, "kept");
  // The bytes have arrived, and the packet with them, when an independent look says so.
  std::array<std::byte, 4> other{};
  b.say(p.server, "sync");
  const completion seen = b.finish(b.port().receive(p.client, other, &other));
  const bool first_was_ours = seen.context == nullptr;

  b.port().cancel(receiving.id);

  const completion got = first_was_ours ? seen : b.next();
  INFO(got.why.where << " " << got.why.os_code);
  CHECK_FALSE(got.why);
  CHECK(as_text({room.data(), static_cast<std::size_t>(got.value)}) == "kept");
}

TEST_CASE("iocp: a connection accepted before its listener closed is handed over",
          "[platform][iocp]") {
  bench b;
  result<socket_id> client = b.port().open_stream(b.at());
  REQUIRE(client.ok());
  int accept_mark = 0;
  int connect_mark = 0;
  const started accepting = b.port().accept(b.listener(), nullptr, &accept_mark);
  REQUIRE(accepting.pending());
  const started connecting = b.port().connect(client.value(), b.at(), &connect_mark);
  if (connecting.pending()) {
    // Read packets until the client is connected; the accept's may come first.
    completion got = b.next();
    if (got.context == &accept_mark) {
      REQUIRE_FALSE(got.why);
      b.port().discard(static_cast<native_socket>(got.value));
      SUCCEED("the accept completed first");
      return;
    }
  }

  b.port().close(b.listener());

  const completion got = b.next();
  CHECK(got.context == &accept_mark);
  if (!got.why) {
    result<socket_id> server = b.port().adopt(static_cast<native_socket>(got.value));
    REQUIRE(server.ok());
    CHECK(b.port().peer_address(server.value()).ok());
    b.say(client.value(), "hello");
    CHECK(b.hear(server.value()) == "hello");
  } else {
    CHECK(got.why.code == errc::cancelled);
  }
}

TEST_CASE("iocp: a reset that ends a wait for bytes is what the next receive says",
          "[platform][iocp]") {
  bench b;
  const pair p = b.connect();
  const started waiting = b.port().wait_readable(p.server, nullptr);
  REQUIRE(waiting.pending());

  b.port().reset(p.client);

  const completion got = b.next();
  CHECK_FALSE(got.why);
  std::array<std::byte, 16> room{};
  CHECK(b.port().try_receive(p.server, room).why().code == errc::reset);
  CHECK(b.port().try_receive(p.server, room).why().code == errc::reset);
  CHECK(b.port().receive(p.server, room, nullptr).why.code == errc::reset);
}

TEST_CASE("iocp: a socket accepted here can be adopted by another port", "[platform][iocp]") {
  bench here;
  bench there;
  result<socket_id> client = here.port().open_stream(here.at());
  REQUIRE(client.ok());
  int accept_mark = 0;
  const started accepting = here.port().accept(here.listener(), nullptr, &accept_mark);
  const started connecting = here.port().connect(client.value(), here.at(), nullptr);
  std::uint64_t taken = accepting.value;
  for (int left = int(accepting.pending()) + int(connecting.pending()); left > 0; --left) {
    const completion got = here.next();
    REQUIRE_FALSE(got.why);
    if (got.context == &accept_mark) taken = got.value;
  }

  result<socket_id> server = there.port().adopt(static_cast<native_socket>(taken));

  REQUIRE(server.ok());
  std::array<std::byte, 16> room{};
  const started receiving = there.port().receive(server.value(), room, &room);
  REQUIRE(receiving.pending());
  here.say(client.value(), "over");
  const completion got = there.next();
  CHECK(got.context == &room);
  CHECK(as_text({room.data(), static_cast<std::size_t>(got.value)}) == "over");
  CHECK(here.quiet());
}

TEST_CASE("iocp: many wakes before one wait are one packet and one return", "[platform][iocp]") {
  bench b;
  for (int i = 0; i < 100; ++i) b.port().wake();
  completion got{};
  result<std::size_t> count = b.port().wait({&got, 1}, b.port().now_ns() + 10 * second_ns);
  REQUIRE(count.ok());
  CHECK(count.value() == 0);
  CHECK(b.port().counters().wakes == 1);
  CHECK(b.quiet());
  CHECK(b.port().counters().wakes == 1);
}

TEST_CASE("iocp: ending everything with operations of each kind under way leaks nothing",
          "[platform][iocp]") {
  bench b;
  const pair p = b.connect();
  const pair q = b.connect();
  std::array<std::byte, 16> room{};
  address peer;
  const std::vector<std::byte> much(std::size_t{1} << 20);
  CHECK(b.port().accept(b.listener(), &peer, nullptr).pending());
  CHECK(b.port().receive(p.server, room, nullptr).pending());
  CHECK(b.port().wait_readable(q.server, nullptr).pending());
  started sending{};
  for (int i = 0; i < 1000 && !sending.pending(); ++i) {
    sending = b.port().send(p.client, much, nullptr);
    REQUIRE_FALSE(sending.why);
  }
  CHECK(sending.pending());

  CHECK(b.port().close_all(5 * second_ns) == 0);

  CHECK(b.port().counters().operations_open == 0);
  CHECK(b.port().counters().sockets_open == 0);
  CHECK(b.port().counters().slots_leaked == 0);
}

TEST_CASE("iocp: a second listener cannot steal the port of the first", "[platform][iocp]") {
  bench b;
  result<socket_id> thief = b.port().listen(b.at(), listen_options{});
  REQUIRE_FALSE(thief.ok());
  CHECK(thief.why().code == errc::address_in_use);
}

TEST_CASE("iocp: sharing a port is refused, because nothing here spreads connections",
          "[platform][iocp]") {
  bench b;
  listen_options shared;
  shared.share_port = true;
  CHECK(b.port().listen(address::loopback_ipv4(0), shared).why().code == errc::not_supported);
}

TEST_CASE("iocp: an operation whose packet never comes is leaked, counted, and never reused",
          "[platform][iocp]") {
  bool held = false;
  iocp::iocp_options tuning;
  tuning.hold_packets = &held;
  bench b(tuning);
  const pair p = b.connect();
  std::array<std::byte, 16> room{};
  address peer = address::loopback_ipv4(1);
  REQUIRE(b.port().receive(p.server, room, nullptr).pending());
  REQUIRE(b.port().accept(b.listener(), &peer, nullptr).pending());
  held = true;

  const time_ns before = b.port().now_ns();
  CHECK(b.port().close_all(20 * millisecond_ns) == 2);

  CHECK(b.port().now_ns() - before >= 20 * millisecond_ns);
  CHECK(b.port().now_ns() - before < 5 * second_ns);
  CHECK(b.port().counters().slots_leaked == 2);
  CHECK(b.port().counters().operations_open == 0);
  CHECK(b.port().counters().sockets_open == 0);

  // The packets come after all: nobody hears of them, and nothing is written anywhere of ours.
  held = false;
  CHECK(b.quiet());
  CHECK(b.port().counters().stale_events == 2);
  CHECK(peer == address::loopback_ipv4(1));
  CHECK(b.port().counters().slots_leaked == 2);
}

namespace {

// A file beside the test's working folder, removed at the end.
class scratch_file {
 public:
  explicit scratch_file(std::string_view text) {
    std::ofstream(path_, std::ios::binary).write(text.data(), std::streamsize(text.size()));
  }
  ~scratch_file() { std::remove(path_); }
  scratch_file(const scratch_file&) = delete;
  scratch_file& operator=(const scratch_file&) = delete;

  file open() const {
    result<file> opened = file::open_read(path_);
    REQUIRE(opened.ok());
    return std::move(opened).value();
  }

 private:
  const char* path_ = "weir_iocp_test_scratch.bin";
};

}  // namespace

TEST_CASE("iocp: a file is sent from its offset, in parts, to its end", "[platform][iocp]") {
  std::string text(700'001, '.');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i * i % 23);
  const scratch_file on_disk(text);
  const file source = on_disk.open();
  bench b;
  const pair p = b.connect();
  constexpr std::size_t first = 4'099;

  std::string heard;
  std::uint64_t at = first;
  std::vector<std::byte> room(65'536);
  int file_mark = 0;
  started sending{};
  bool under_way = false;
  while (under_way || heard.size() < text.size() - first) {
    if (!under_way && at < text.size()) {
      sending = b.port().send_file(p.server, source, at, ~std::uint64_t{0}, &file_mark);
      REQUIRE_FALSE(sending.why);
      under_way = sending.pending();
      if (!under_way) {
        REQUIRE(sending.value > 0);
        at += sending.value;
      }
    }
    result<std::size_t> got = b.port().try_receive(p.client, room);
    if (got.ok()) {
      heard += as_text({room.data(), got.value()});
      continue;
    }
    REQUIRE(got.why() == errc::would_block);
    completion ended{};
    result<std::size_t> count =
        b.port().wait({&ended, 1}, b.port().now_ns() + (under_way ? 5 : 1) * millisecond_ns);
    REQUIRE(count.ok());
    if (count.value() == 1) {
      REQUIRE(ended.context == &file_mark);
      REQUIRE_FALSE(ended.why);
      REQUIRE(ended.value > 0);
      at += ended.value;
      under_way = false;
    }
  }

  CHECK(at == text.size());
  CHECK(heard == text.substr(first));
  CHECK(b.port().send_file(p.server, source, text.size(), 1, nullptr).why.code == errc::eof);
  const started none = b.port().send_file(p.server, source, 0, 0, nullptr);
  CHECK_FALSE(none.pending());
  CHECK(none.value == 0);
}

TEST_CASE("iocp: Unix-domain sockets work, or are refused by name where the system has none",
          "[platform][iocp]") {
  bench b;
  const char* const path = "weir_iocp_test.sock";
  result<address> at = address::unix_path(path);
  REQUIRE(at.ok());
  result<socket_id> listener = b.port().listen(at.value(), listen_options{});
  if (!listener.ok()) {
    CHECK(listener.why().code == errc::family_unsupported);
    CHECK(b.port().open_stream(at.value()).why().code == errc::family_unsupported);
    SKIP("Unix-domain sockets: this system has none");
  }
  result<socket_id> client = b.port().open_stream(at.value());
  REQUIRE(client.ok());
  const started accepting = b.port().accept(listener.value(), nullptr, nullptr);
  REQUIRE_FALSE(b.port().connect(client.value(), at.value(), nullptr).why);
  const completion taken = b.finish(accepting);
  REQUIRE_FALSE(taken.why);
  result<socket_id> server = b.port().adopt(static_cast<native_socket>(taken.value));
  REQUIRE(server.ok());
  b.say(client.value(), "path");
  CHECK(b.hear(server.value()) == "path");
  b.port().close(listener.value());
  CHECK(file::open_read(path).why().code == errc::not_found);
}
