// What a server refuses to begin with, before a byte is served. Behaviour has tests of its own.
#include <catch_amalgamated.hpp>

#include <weir/http/server.hpp>
#include <weir/platform/sim.hpp>
#include <weir/runtime/scheduler.hpp>

using namespace weir;
using namespace weir::http;

namespace {

// What listen() says of a scheduler with these buffers and a server with these limits.
error said(const runtime::scheduler_options& loop_options, const limits& bounds = {}) {
  platform::sim_network net;
  runtime::scheduler loop(std::move(net.open_poller()).value(), loop_options);
  const routes none;
  server_options options;
  options.bounds = bounds;
  server s(loop, none, options);
  const result<address> at = s.listen(address::loopback_ipv4(8'080));
  return at.why();
}

}  // namespace

TEST_CASE("server: buffers that no head or no piece of an answer fits are refused at listen()",
          "[http]") {
  runtime::scheduler_options options;
  CHECK_FALSE(said(options));
  // A piece of a stream would never find room, and the handler would wait for ever.
  options.send_buffer_bytes = 16 * 1024;
  CHECK(said(options) == errc::invalid);
  options.send_buffer_bytes = 40 * 1024;
  CHECK_FALSE(said(options));
  options.receive_buffer_bytes = 16 * 1024;
  CHECK(said(options) == errc::invalid);
}

TEST_CASE("server: a secure listener needs something that protects its connections", "[http]") {
  platform::sim_network net;
  runtime::scheduler loop(std::move(net.open_poller()).value());
  const routes none;
  server s(loop, none);
  CHECK(s.listen_secure("127.0.0.1:8443").why() == errc::invalid);
}

TEST_CASE("server: limits that contradict themselves are refused at listen(), by name", "[http]") {
  limits bounds;
  bounds.idle_deadline = 0;
  const error why = said({}, bounds);
  CHECK(why == errc::invalid);
  CHECK(std::string_view(why.where) == "idle_deadline");
}

TEST_CASE("server: a start that runs out of frames half-way unwinds", "[http]") {
  // From no memory for frames at all to enough: each start either serves or leaves nothing behind.
  bool refused_with_one_listening = false;
  for (std::size_t room = 0; room < 16'384; room += 64) {
    INFO(room);
    platform::sim_network net;
    runtime::scheduler_options small;
    small.frame_bytes_max = room;
    runtime::scheduler loop(std::move(net.open_poller()).value(), small);
    const routes none;
    int told = 0;
    {
      server s(loop, none);
      REQUIRE(s.listen("127.0.0.1:9000").ok());
      REQUIRE(s.listen("127.0.0.1:9001").ok());
      const error why = s.start(
          [](void* context, const drain_report&) noexcept { ++*static_cast<int*>(context); },
          &told);
      if (why) {
        CHECK(why == errc::limit);
        if (loop.frames().bytes_in_use() > 0) refused_with_one_listening = true;
      } else {
        s.drain();
      }
      for (int i = 0; i < 1'000 && !s.stopped(); ++i) {
        REQUIRE_FALSE(loop.poll_once(net.now_ns() + millisecond_ns));
      }
      REQUIRE(s.stopped());
      CHECK(told == 1);
    }
    REQUIRE_FALSE(loop.poll_once(net.now_ns()));
    CHECK(loop.frames().bytes_in_use() == 0);
    CHECK(loop.poller().counters().sockets_open == 0);
    CHECK(loop.poller().counters().operations_open == 0);
  }
  CHECK(refused_with_one_listening);
}
