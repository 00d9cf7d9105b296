// tests/platform/iocp_test.cpp - what only a completion port can get wrong. What every backend
// promises is tested by contract/.
#include <array>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <weir/platform/file.hpp>

#include "iocp_bench.hpp"

using namespace weir;
using namespace weir::platform;
using iocp_test::bench;
using iocp_test::pair;

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

TEST_CASE("iocp: [::] serves IPv4 or does not, as asked and whatever the system's default",
          "[platform][iocp]") {
  bench b;
  for (const bool v6_only : {false, true}) {
    listen_options options;
    options.v6_only = v6_only;
    result<socket_id> listener = b.port().listen(address::any_ipv6(0), options);
    REQUIRE(listener.ok());
    result<address> at = b.port().local_address(listener.value());
    REQUIRE(at.ok());
    const address four = address::loopback_ipv4(at.value().port());
    result<socket_id> client = b.port().open_stream(four);
    REQUIRE(client.ok());
    const completion got = b.finish(b.port().connect(client.value(), four, nullptr));
    CHECK(got.why.code == (v6_only ? errc::refused : errc::none));
    result<native_socket> taken = b.port().try_accept(listener.value(), nullptr);
    CHECK(taken.ok() == !v6_only);
    if (taken.ok()) b.port().discard(taken.value());
    b.port().close(listener.value());
    b.port().close(client.value());
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
