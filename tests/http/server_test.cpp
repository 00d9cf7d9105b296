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

TEST_CASE("server: limits that contradict themselves are refused at listen(), by name", "[http]") {
  limits bounds;
  bounds.idle_deadline = 0;
  const error why = said({}, bounds);
  CHECK(why == errc::invalid);
  CHECK(std::string_view(why.where) == "idle_deadline");
}
