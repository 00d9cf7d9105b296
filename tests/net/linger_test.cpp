// Ending so that the peer can read our last answer, however rude it is, and for a bounded time.
#include <string>
#include <vector>

#include <weir/net/linger.hpp>
#include <weir/net/listener.hpp>
#include <weir/platform/clock.hpp>

#include "runtime/virtual_loop.hpp"
#include "support/raw_client.hpp"

using namespace weir;
using namespace weir::runtime;
using namespace weir::test;
using platform::sim_end;
using platform::sim_peer_id;
using platform::sim_step;

namespace {

const address server_at = address::loopback_ipv4(8080);

struct linger_log {
  bool done = false;
  net::linger_end end = net::linger_end::clean;
  error why{};
  time_ns took_ns = 0;
};

// Accepts one, answers without reading, and lingers.
task<error> answer_and_linger(net::listener& from, std::string_view text, net::linger_limits limits,
                              linger_log& log) {
  scope& here = co_await this_scope();
  scheduler& loop = here.owner();
  const result<net::accepted> next = co_await from.accept();
  if (!next.ok()) co_return next.why();
  const result<platform::socket_id> id = net::socket_stream::adopt(loop, next.value().socket);
  if (!id.ok()) co_return id.why();
  net::socket_stream stream(loop, id.value());
  const error slept = co_await sleep_for(millisecond_ns);
  if (slept) co_return slept;
  const byte_view part = as_bytes(text);
  static_cast<void>(stream.try_write({&part, 1}));
  const time_ns start_ns = loop.now_ns();
  const result<net::linger_end> end = co_await net::linger_close(loop, stream, limits);
  log.done = true;
  log.took_ns = loop.now_ns() - start_ns;
  log.why = end.why();
  if (end.ok()) log.end = end.value();
  co_return error{};
}

struct staged {
  linger_log log;
  platform::sim_record peer;
};

staged stage(std::vector<sim_step> steps, net::linger_limits limits = {}) {
  virtual_loop v;
  const result<platform::socket_id> at = net::listener::open(v.loop, server_at, {});
  REQUIRE(at.ok());
  net::listener from(v.loop, at.value());
  platform::sim_peer peer;
  peer.at = server_at;
  peer.steps = std::move(steps);
  peer.close_at_end = false;
  const result<sim_peer_id> id = v.net.add_peer(peer);
  REQUIRE(id.ok());
  staged out;
  REQUIRE_FALSE(v.loop.run(answer_and_linger(from, "413 too large", limits, out.log)));
  v.net.advance(second_ns);
  out.peer = v.net.record(id.value());
  REQUIRE(out.log.done);
  return out;
}

}  // namespace

TEST_CASE("linger: a peer that closes after our answer ends clean") {
  const staged s = stage({sim_step::send("POST"), sim_step::await_end(), sim_step::close()});
  CHECK(s.log.end == net::linger_end::clean);
  CHECK(s.peer.received == "413 too large");
  CHECK(s.peer.end == sim_end::eof);
}

TEST_CASE("linger: a peer that never closes is left at the deadline") {
  const staged s = stage({sim_step::send("POST"), sim_step::await_end()});
  CHECK(s.log.end == net::linger_end::timed_out);
  CHECK(s.log.took_ns == 2 * second_ns);
  CHECK(s.peer.received == "413 too large");
}

TEST_CASE("linger: a peer that drips does not renew the deadline") {
  const staged s = stage({sim_step::drip(std::string(100, 'x'), 1, 100 * millisecond_ns)},
                         {.deadline_ns = second_ns});
  CHECK(s.log.end == net::linger_end::timed_out);
  CHECK(s.log.took_ns == second_ns);
}

TEST_CASE("linger: a peer that sends without end is cut at bytes_max, and has our answer") {
  const staged s = stage({sim_step::send(std::string(4'000'000, 'x'))}, {.bytes_max = 100'000});
  CHECK(s.log.end == net::linger_end::too_much);
  CHECK(s.peer.sent_bytes >= 100'000);
  CHECK(s.peer.sent_bytes < 1'000'000);
}

TEST_CASE("linger: a reset ends it at once") {
  const staged s =
      stage({sim_step::send("POST"), sim_step::pause(500 * millisecond_ns), sim_step::reset()});
  CHECK(s.log.end == net::linger_end::peer_reset);
  CHECK(s.log.took_ns < second_ns);
}

TEST_CASE("linger: a drain around it does not cut the answer short") {
  virtual_loop v;
  const result<platform::socket_id> at = net::listener::open(v.loop, server_at, {});
  REQUIRE(at.ok());
  net::listener from(v.loop, at.value());
  platform::sim_peer peer;
  peer.at = server_at;
  peer.steps = {sim_step::send(std::string(10'000, 'x')), sim_step::await_end(),
                sim_step::pause(100 * millisecond_ns), sim_step::close()};
  const result<sim_peer_id> id = v.net.add_peer(peer);
  REQUIRE(id.ok());
  linger_log log;
  outcome end;
  begin(v.loop, answer_and_linger(from, "bye", {}, log), end);
  run_for(v, 50 * millisecond_ns);
  REQUIRE_FALSE(log.done);
  v.loop.root().cancel(error(errc::cancelled, "drain"));
  run_for(v, second_ns);
  CHECK(log.done);
  CHECK(log.end == net::linger_end::clean);
  CHECK(v.net.record(id.value()).received == "bye");
}

// Real sockets. -----------------------------------------------------------------------------------

namespace {

void until(scheduler& loop, const bool& done) {
  const time_ns due_ns = system_clock().now_ns() + 60 * second_ns;
  while (!done && system_clock().now_ns() < due_ns) REQUIRE_FALSE(loop.poll_once(due_ns));
  REQUIRE(done);
}

}  // namespace

TEST_CASE("linger, real: the peer reads our answer although it sent what nobody read") {
  scheduler loop(native_poller());
  const result<platform::socket_id> at = net::listener::open(loop, address::loopback_ipv4(0), {});
  REQUIRE(at.ok());
  net::listener from(loop, at.value());
  raw_client client = raw_client::connect(from.local_address().value());
  REQUIRE(client.connected());
  REQUIRE(client.send(std::string(60'000, 'x')) == raw_outcome::done);
  client.stall_reading();
  linger_log log;
  outcome end;
  const std::string answer(10'000, 'a');
  begin(loop, answer_and_linger(from, answer, {}, log), end);
  // It has not read a byte of the answer when it ends its side.
  client.half_close();
  until(loop, log.done);
  CHECK(log.end == net::linger_end::clean);
  CHECK(client.read_to_end() == raw_outcome::eof);
  CHECK(client.received() == answer);
}

TEST_CASE("linger, real: a peer that resets, and one that never ends") {
  scheduler loop(native_poller());
  const result<platform::socket_id> at = net::listener::open(loop, address::loopback_ipv4(0), {});
  REQUIRE(at.ok());
  net::listener from(loop, at.value());
  raw_client client = raw_client::connect(from.local_address().value());
  REQUIRE(client.send("POST") == raw_outcome::done);
  linger_log log;
  outcome end;
  SECTION("reset") {
    begin(loop, answer_and_linger(from, "no", {.deadline_ns = 30 * second_ns}, log), end);
    for (int i = 0; i < 10; ++i) {
      REQUIRE_FALSE(loop.poll_once(system_clock().now_ns() + millisecond_ns));
    }
    client.reset();
    until(loop, log.done);
    CHECK(log.end == net::linger_end::peer_reset);
  }
  SECTION("never") {
    begin(loop, answer_and_linger(from, "no", {.deadline_ns = 20 * millisecond_ns}, log), end);
    until(loop, log.done);
    CHECK(log.end == net::linger_end::timed_out);
    CHECK(log.took_ns >= 20 * millisecond_ns);
    static_cast<void>(client.read_to_end());
    CHECK(client.received() == "no");
  }
}
