// A connection whose waits end at their start, as on systems that complete at once (IOCP): it gives
// a turn away after each, and a drain may find it there. Elsewhere behaviour has tests of it.
#include <string>
#include <string_view>

#include <catch_amalgamated.hpp>

#include <weir/http/server.hpp>
#include <weir/platform/sim.hpp>
#include <weir/runtime/scheduler.hpp>
#include <weir/runtime/waits.hpp>

#include "connection.hpp"
#include "support/answer_reader.hpp"

using namespace weir;
using namespace weir::http;

namespace {

// What the peer has sent, and what it got. Nothing here waits.
class pipe_end final : public runtime::byte_stream {
 public:
  std::string sent;
  std::string got;

  result<std::size_t> try_read(byte_span into) noexcept override {
    if (sent.empty()) return error(errc::would_block, "recv");
    const std::size_t bytes = sent.copy(reinterpret_cast<char*>(into.data()), into.size());
    sent.erase(0, bytes);
    return bytes;
  }
  result<std::size_t> try_write(std::span<const byte_view> parts) noexcept override {
    std::size_t bytes = 0;
    for (const byte_view& part : parts) {
      got.append(reinterpret_cast<const char*>(part.data()), part.size());
      bytes += part.size();
    }
    return bytes;
  }
  error shut_write() noexcept override { return {}; }
  bool writes_files() const noexcept override { return false; }
  platform::started start_wait_readable(runtime::io_wait&) noexcept override { return refused(); }
  platform::started start_write(byte_view, runtime::io_wait&) noexcept override {
    return refused();
  }
  platform::started start_write_file(const file&, std::uint64_t, std::uint64_t,
                                     runtime::io_wait&) noexcept override {
    return refused();
  }
  void cancel(platform::operation_id) noexcept override {}

 private:
  static platform::started refused() noexcept {
    return {.why = error(errc::not_supported, "pipe_end")};
  }
};

struct served_connection {
  served_connection() {
    REQUIRE_FALSE(handlers.get("/", [](const request&) { return response::view("x"); }));
    common.take_route_limits();
  }

  connection::next advance() { return one.advance(scope); }
  // A wait that did not have to wait, and the turn that is given away for it.
  void wait_at_once() {
    runtime::readable wait(stream);
    one.begin_wait(wait);
    one.end_wait({}, false);
    REQUIRE(advance() == connection::next::work);
  }
  void drain() {
    common.phase = service_phase::draining;
    one.on_drain();
  }
  std::vector<test::answer> answers() const {
    test::answer_reader reader;
    reader.feed(stream.got);
    CHECK(reader.broken() == "");
    return reader.answers();
  }

  platform::sim_network net;
  runtime::scheduler loop{std::move(net.open_poller()).value()};
  runtime::scope scope{loop.root(), "connection"};
  routes handlers;
  server_options options;
  admission shared{options.bounds};
  service common{loop, handlers, options, shared};
  pipe_end stream;
  connection one{common, stream, peer_address(address::loopback_ipv4(1))};
};

constexpr std::string_view asked = "GET / HTTP/1.1\r\nHost: weir\r\n\r\n";

}  // namespace

TEST_CASE("connection: a drain between two turns is the end of one with nothing to say", "[http]") {
  served_connection c;
  c.stream.sent = asked;
  REQUIRE(c.advance() == connection::next::wait_readable);
  c.wait_at_once();
  c.drain();
  CHECK(c.advance() == connection::next::end);
  CHECK(c.one.how() != ending::reset);
  CHECK(c.answers().size() == 1);
}

TEST_CASE("connection: what had come when a drain found it between two turns is served", "[http]") {
  served_connection c;
  c.stream.sent = asked;
  REQUIRE(c.advance() == connection::next::wait_readable);
  c.wait_at_once();
  c.stream.sent = asked;
  c.drain();
  CHECK(c.advance() == connection::next::end);
  REQUIRE(c.answers().size() == 2);
  CHECK(c.answers()[1].status == 200);
  CHECK(c.answers()[1].closes());
}

TEST_CASE("connection: half a head when a drain finds it between two turns is served when whole",
          "[http]") {
  served_connection c;
  c.stream.sent = asked.substr(0, 10);
  REQUIRE(c.advance() == connection::next::wait_readable);
  c.wait_at_once();
  c.drain();
  REQUIRE(c.advance() == connection::next::wait_readable);
  c.stream.sent = asked.substr(10);
  c.wait_at_once();
  CHECK(c.advance() == connection::next::end);
  REQUIRE(c.answers().size() == 1);
  CHECK(c.answers()[0].status == 200);
  CHECK(c.answers()[0].closes());
}
