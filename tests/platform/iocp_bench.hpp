// tests/platform/iocp_bench.hpp - a completion port with connections to itself, for its own tests.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <catch_amalgamated.hpp>

#include <weir/platform/poller.hpp>

#include "iocp/open_iocp.hpp"

namespace weir::platform::iocp_test {

struct pair {
  socket_id client{};
  socket_id server{};
};

// A poller, a listener on the loopback, and connections between the two, made step by step.
class bench {
 public:
  explicit bench(const iocp::iocp_options& tuning = {}, const poller_options& options = {}) {
    result<std::unique_ptr<poller>> made = iocp::open_iocp_poller(options, tuning);
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

  // `other` is handed the completions of whatever else ends meanwhile.
  template <class Other>
  pair connect(Other other) {
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
    for (int left = int(accepting.pending()) + int(connecting.pending()); left > 0;) {
      const completion got = next();
      if (got.context != &accept_mark && got.context != &connect_mark) {
        other(got);
        continue;
      }
      INFO(got.why.where << " " << got.why.os_code);
      REQUIRE_FALSE(got.why);
      if (got.context == &accept_mark) taken = static_cast<native_socket>(got.value);
      --left;
    }
    result<socket_id> adopted = port_->adopt(taken);
    REQUIRE(adopted.ok());
    made.server = adopted.value();
    return made;
  }

  pair connect() {
    return connect([](const completion&) { FAIL("nothing else is under way"); });
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

}  // namespace weir::platform::iocp_test
