// http/health.hpp: what an orchestrator is told, and when.
#include <string>

#include <catch_amalgamated.hpp>

#include <weir/http/health.hpp>
#include <weir/http/server.hpp>
#include <weir/platform/sim.hpp>
#include <weir/runtime/scheduler.hpp>

#include "support/answer_reader.hpp"

using namespace weir;
using namespace weir::http;

namespace {

// A simulated network with one loop; servers are made on it, and asked over it.
struct world {
  platform::sim_network net;
  runtime::scheduler loop{std::move(net.open_poller()).value()};

  template <class Done>
  void turn_until(Done done) {
    for (int i = 0; i < 10'000 && !done(); ++i) {
      REQUIRE_FALSE(loop.poll_once(net.now_ns() + millisecond_ns));
    }
    REQUIRE(done());
  }

  test::answer ask(const address& at, std::string_view path) {
    std::string request("GET ");
    request.append(path).append(" HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n\r\n");
    const result<platform::sim_peer_id> peer = net.add_peer(
        {.at = at, .steps = {platform::sim_step::send(request), platform::sim_step::await_end()}});
    REQUIRE(peer.ok());
    turn_until([&] { return net.record(peer.value()).end == platform::sim_end::eof; });
    const test::answer_reader read = test::read_answers(net.record(peer.value()).received, true);
    CHECK(read.broken() == "");
    REQUIRE(read.complete() == 1);
    return read.answers()[0];
  }

  void check(const address& at, std::string_view path, int status, std::string_view in_body) {
    INFO(path);
    const test::answer got = ask(at, path);
    CHECK(got.status == status);
    CHECK(got.field("cache-control") == "no-store");
    INFO(got.body);
    CHECK(got.body.find(in_body) != std::string::npos);
    if (status != 200) {
      CHECK(got.field("content-type") == "application/problem+json");
      CHECK(got.field("retry-after") == "1");
    }
  }
};

server_options telling(health& to, time_ns drain_delay = 0) {
  server_options out;
  out.tells = &to;
  out.bounds.drain_delay = drain_delay;
  return out;
}

}  // namespace

TEST_CASE("health: started when every server has, ready until one drains, on a listener of its own",
          "[http]") {
  world w;
  health state;
  routes none;
  routes probes;
  REQUIRE_FALSE(state.add_to(probes));
  server admin(w.loop, probes);
  const result<address> at = admin.listen("127.0.0.1:9000");
  REQUIRE(at.ok());
  REQUIRE_FALSE(admin.start());
  CHECK_FALSE(state.is_started());
  {
    server first(w.loop, none, telling(state));
    server second(w.loop, none, telling(state));
    REQUIRE(first.listen("127.0.0.1:9001").ok());
    REQUIRE(second.listen("127.0.0.1:9002").ok());
    w.check(at.value(), "/livez", 200, R"({"status":"ok"})");
    w.check(at.value(), "/startupz", 503, R"("code":"starting")");
    REQUIRE_FALSE(first.start());
    w.check(at.value(), "/startupz", 503, R"("code":"starting")");
    w.check(at.value(), "/readyz", 503,
            R"("reasons":[{"code":"starting","detail":"The server has not started yet."}]})");
    REQUIRE_FALSE(second.start());
    w.check(at.value(), "/startupz", 200, "ok");
    w.check(at.value(), "/readyz", 200, R"({"status":"ok"})");

    first.drain();
    // Before a turn of the loop: nothing else of the drain has happened yet.
    CHECK_FALSE(state.is_ready());
    CHECK_FALSE(first.stopped());
    second.drain();
    w.turn_until([&] { return first.stopped() && second.stopped(); });
    w.check(at.value(), "/readyz", 503, R"({"code":"draining")");
    w.check(at.value(), "/livez", 200, "ok");
    w.check(at.value(), "/startupz", 200, "ok");
  }
  // They are gone: the next ones begin anew.
  server again(w.loop, none, telling(state));
  REQUIRE(again.listen("127.0.0.1:9001").ok());
  REQUIRE_FALSE(again.start());
  CHECK(state.is_ready());
  again.drain();
  admin.drain();
  w.turn_until([&] { return again.stopped() && admin.stopped(); });
}

TEST_CASE("health: during the drain delay requests are served while readiness says no", "[http]") {
  world w;
  health state;
  routes all;
  REQUIRE_FALSE(state.add_to(all));
  REQUIRE_FALSE(all.get("/", [](const request&) { return response::view("served"); }));
  server only(w.loop, all, telling(state, 1 * second_ns));
  const result<address> at = only.listen("127.0.0.1:9000");
  REQUIRE(at.ok());
  REQUIRE_FALSE(only.start());
  w.check(at.value(), "/readyz", 200, "ok");
  only.drain();
  w.check(at.value(), "/readyz", 503, "draining");
  CHECK(w.ask(at.value(), "/").body == "served");
  CHECK_FALSE(only.stopped());
  w.turn_until([&] { return only.stopped(); });
}

TEST_CASE("health: reasons of the host are listed, replaced and taken back", "[http]") {
  world w;
  health state;
  routes all;
  REQUIRE_FALSE(state.add_to(all));
  server only(w.loop, all, telling(state));
  const result<address> at = only.listen("127.0.0.1:9000");
  REQUIRE(at.ok());
  REQUIRE_FALSE(only.start());
  state.not_ready("database", "It \"answers\" nothing.");
  state.not_ready("cache", "cold");
  w.check(at.value(), "/readyz", 503,
          R"("reasons":[{"code":"database","detail":"It \"answers\" nothing."},)"
          R"({"code":"cache","detail":"cold"}]})");
  state.not_ready("database", "Away.");
  w.check(at.value(), "/readyz", 503, R"({"code":"database","detail":"Away."})");
  w.check(at.value(), "/startupz", 200, "ok");
  state.ready_again("database");
  state.ready_again("database");
  CHECK_FALSE(state.is_ready());
  state.ready_again("cache");
  w.check(at.value(), "/readyz", 200, "ok");
  only.drain();
  w.turn_until([&] { return only.stopped(); });
}

TEST_CASE("health: the same routes twice are an error, and change nothing", "[http]") {
  const health state;
  routes all;
  CHECK_FALSE(state.add_to(all));
  CHECK(state.add_to(all) == errc::exists);
}
