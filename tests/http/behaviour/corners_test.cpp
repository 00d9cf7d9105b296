// What a connection meets at its edges: more at once than is kept ready, buffers that are all lent,
// a drain between two requests of one peer.
#include "behaviour/stage.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::behaviour;

namespace {

// Short requests with answers of 8 KiB each, none of which is read.
script greedy_reader() {
  std::string all;
  for (std::size_t i = 0; i < 900; ++i) all += get("/location", "X-Some: bytes to look at\r\n");
  return {sim_step::stop_reading(), sim_step::send(std::move(all)),
          sim_step::pause(400 * millisecond_ns), sim_step::reset()};
}

}  // namespace

CROWD_BEHAVIOUR(
    "corners: three hundred requests under way at once are all answered, and so the next") {
  constexpr int count = 300;
  on.serve({});
  std::vector<peer_id> peers;
  for (int i = 0; i < count; ++i) {
    peers.push_back(on.connect({sim_step::send(get("/gate")), await_answers(1),
                                sim_step::send(get("/plaintext")), await_answers(2),
                                sim_step::half_close(), sim_step::await_end()}));
  }
  on.until([&] { return on.state.at_gate == count; });
  on.state.gate_open = true;
  on.until_ended();
  std::size_t good = 0;
  for (const peer_id peer : peers) {
    const auto seen = on.see(peer);
    good += seen.broken.empty() && seen.complete == 2;
  }
  CHECK(good == count);
  on.finish();
}

BEHAVIOUR("corners: answers that fill what they are gathered in arrive whole and in order") {
  limits bounds;
  bounds.requests_per_connection_max = 1'000;
  on.serve(bounds);
  std::string all;
  std::vector<std::string> bodies;
  for (std::size_t i = 0; i < 30; ++i) {
    bodies.push_back(std::to_string(i) + std::string(12'000, static_cast<char>('a' + i % 26)));
    all += post("/submit", bodies.back());
  }
  const peer_id bulky = on.connect(ask(all, bodies.size()));
  on.until_ended();
  const auto seen = on.see(bulky);
  CHECK(seen.broken == "");
  REQUIRE(seen.complete == bodies.size());
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    if (seen.answers[i].body != bodies[i]) FAIL("not its own answer: " << i);
  }
  on.finish();
}

BEHAVIOUR("corners: who pipelines without reading is cut when every buffer is lent") {
  limits bounds;
  // As many buffers as connections: one holds what this peer does not read, none is left for what
  // it sends behind that.
  bounds.connections_max = bounds.connections_per_peer_max = 1;
  on.serve(bounds);
  const peer_id greedy = on.connect(greedy_reader(), true);
  on.until([&] { return on.counters().connections_reset == 1; });
  if (on.exact()) CHECK(on.counters().input_buffers_refused == 1);
  on.until([&] { return on.ended(greedy); });
  const peer_id next = on.connect(ask(get("/plaintext"), 1));
  on.until([&] { return on.ended(next); });
  CHECK(on.see(next).complete == 1);
  on.finish();
}

BEHAVIOUR("corners: a share of a turn that is used up ends the same when every buffer is lent") {
  limits bounds;
  bounds.connections_max = bounds.connections_per_peer_max = 1;
  bounds.pipelined_requests_max = 4;
  on.serve(bounds);
  const peer_id greedy = on.connect(greedy_reader(), true);
  on.until([&] { return on.counters().connections_reset == 1; });
  on.until([&] { return on.ended(greedy); });
  on.finish();
}

BEHAVIOUR("corners: a request that comes while a drain waits for an answer to be read") {
  on.serve({});
  // More than a socket takes while nobody reads.
  const std::string large(1'000'000, 'l');
  script silent = {sim_step::stop_reading(), sim_step::send(post("/submit", large)),
                   sim_step::pause(200 * millisecond_ns)};
  script late = silent;
  // A real socket may have taken it all; a request to a connection that has ended resets it then.
  if (!on.real_time()) late.push_back(sim_step::send(get("/echo/late")));
  for (script* const each : {&silent, &late}) {
    each->push_back(sim_step::read_fully());
    each->push_back(sim_step::await_end());
  }
  const peer_id one = on.connect(std::move(late), true);
  const peer_id other = on.connect(std::move(silent), true);
  on.until([&] { return on.counters().responses_2xx >= 2; });
  on.drain();
  on.until_ended();
  CHECK(on.see(other).broken == "");
  CHECK(on.see(other).complete == 1);
  const auto seen = on.see(one);
  CHECK(seen.broken == "");
  REQUIRE(seen.complete >= 1);
  if (on.exact()) REQUIRE(seen.complete == 2);
  CHECK(on.state.echoes == 0);
  if (seen.complete == 2) {
    CHECK(seen.answers[1].status == 503);
    CHECK(seen.answers[1].field("retry-after") != "");
    CHECK(seen.answers[1].closes());
  }
  on.finish();
}

BEHAVIOUR("corners: a peer that says close and leaves the rest of a body unsent reads its answer") {
  on.serve({});
  const peer_id peer =
      on.connect({sim_step::send("POST /nowhere HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n"
                                 "Content-Length: 100000\r\n\r\nten bytes."),
                  await_answers(1), sim_step::half_close(), sim_step::await_end()});
  on.until_ended();
  const auto seen = on.see(peer);
  CHECK(seen.broken == "");
  REQUIRE(seen.complete == 1);
  CHECK(seen.answers[0].status == 404);
  CHECK(seen.answers[0].closes());
  on.finish();
}

BEHAVIOUR("corners: a status past the five classes is sent, and counted in none of them") {
  on.serve({});
  const peer_id peer = on.connect(ask(get("/status/799")));
  on.until_ended();
  CHECK(on.record(peer).received.starts_with("HTTP/1.1 799 \r\n"));
  const server_counters counted = on.finish().counters;
  CHECK(counted.requests == 1);
  CHECK(counted.responses_1xx + counted.responses_2xx + counted.responses_3xx +
            counted.responses_4xx + counted.responses_5xx ==
        0);
}
