// Names: numbers do not leave the loop, everything else is bounded.
#include <memory>
#include <string>
#include <vector>

#include <weir/net/resolve.hpp>

#include "runtime/virtual_loop.hpp"

using namespace weir;
using namespace weir::runtime;
using namespace weir::test;

namespace {

task<error> look_up(offload& names, std::string_view host, net::resolved& out) {
  const result<net::resolved> found = co_await net::resolve(names, host, 8080);
  if (!found.ok()) co_return found.why();
  out = found.value();
  co_return error{};
}

task<error> look_up_until(offload& names, std::string_view host, time_ns due_ns) {
  net::resolved out;
  const error why = co_await within(due_ns, "resolve_deadline", look_up(names, host, out));
  co_return why;
}

}  // namespace

TEST_CASE("resolve: a number is answered on the loop") {
  virtual_loop v;
  offload names(v.loop, {.name = "names", .virtual_job_ns = never_ns});
  net::resolved out;
  CHECK_FALSE(v.loop.run(look_up(names, "192.0.2.7", out)));
  REQUIRE(out.count == 1);
  CHECK(out.list()[0] == address::ipv4({192, 0, 2, 7}, 8080));
  CHECK_FALSE(v.loop.run(look_up(names, "::1", out)));
  CHECK(out.list()[0] == address::loopback_ipv6(8080));
  CHECK(names.counters().jobs == 0);
}

TEST_CASE("resolve: localhost is this machine, with our port") {
  scheduler loop(native_poller());
  offload names(loop, {.name = "names"});
  net::resolved out;
  REQUIRE_FALSE(loop.run(look_up(names, "localhost", out)));
  REQUIRE(out.count >= 1);
  for (const address& found : out.list()) {
    CHECK(found.is_loopback());
    CHECK(found.port() == 8080);
  }
  CHECK(names.counters().jobs == 1);
}

TEST_CASE("resolve: what is no host name is malformed, and never asked for") {
  scheduler loop(native_poller());
  offload names(loop, {.name = "names"});
  const std::vector<std::string> attacks = {"",
                                            " ",
                                            "a b",
                                            "a..b",
                                            "2130706433",
                                            "0x7f.1",
                                            "host\nname",
                                            "[::1]",
                                            std::string(300, 'a'),
                                            std::string("local\0host", 10)};
  for (const std::string& host : attacks) {
    CAPTURE(host);
    net::resolved out;
    CHECK(loop.run(look_up(names, host, out)) == errc::malformed);
  }
}

TEST_CASE("resolve: behind a stuck resolver it ends at its deadline, and the queue is bounded") {
  virtual_loop v;
  offload names(v.loop,
                {.name = "names", .workers_max = 1, .queue_max = 1, .virtual_job_ns = never_ns});
  const time_ns due_ns = v.net.now_ns() + 2 * second_ns;
  std::vector<outcome> ends(3);
  {
    // The caller's text may be gone before the worker is done with it.
    auto host = std::make_unique<std::string>("example.invalid");
    for (outcome& end : ends) begin(v.loop, look_up_until(names, *host, due_ns), end);
    settle(v.loop);
  }
  CHECK(ends[2].why == errc::limit);
  CHECK(where(ends[2].why) == "queue_max");
  run_for(v, 3 * second_ns);
  for (int i = 0; i < 2; ++i) {
    const outcome& end = ends[static_cast<std::size_t>(i)];
    CHECK(where(end.why) == "resolve_deadline");
    CHECK(end.at_ns == due_ns);
  }
  CHECK(names.counters().abandoned == 1);
  CHECK(names.counters().cancelled == 1);
}
