// Handlers that fail, limits that are reached, peers that break off: nobody else notices.
#include "behaviour/stage.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::behaviour;

BEHAVIOUR("pressure: an answer that its handler cannot finish is broken off so that it shows") {
  on.serve({});
  const peer_id late = on.connect({sim_step::send(get("/throw-late")), sim_step::await_end()});
  const peer_id cut = on.connect({sim_step::send(get("/short")), sim_step::await_end()});
  const peer_id good = on.connect(ask(get("/plaintext"), 1));
  on.until_ended();
  // No last chunk, not all the bytes that were announced.
  for (const peer_id peer : {late, cut}) {
    const auto seen = on.see(peer);
    CHECK(seen.complete == 0);
    CHECK((seen.end == sim_end::reset || seen.broken != ""));
  }
  CHECK(on.see(good).complete == 1);
  CHECK(on.finish().counters.handlers_failed == 2);
}

BEHAVIOUR("pressure: past connections_max one is told 503, and served when there is room again") {
  limits bounds;
  bounds.connections_max = bounds.connections_per_peer_max = 3;
  on.serve(bounds);
  std::vector<peer_id> held;
  for (int i = 0; i < 3; ++i) {
    held.push_back(
        on.connect({sim_step::send(get("/plaintext")), await_answers(1),
                    sim_step::pause(300 * millisecond_ns), sim_step::send(get("/plaintext")),
                    await_answers(2), sim_step::half_close(), sim_step::await_end()}));
  }
  on.until([&] {
    for (const peer_id p : held) {
      if (on.see(p).complete < 1) return false;
    }
    return true;
  });
  const peer_id extra = on.connect({sim_step::send(get("/plaintext")), sim_step::await_end()});
  on.until([&] { return on.ended(extra); });
  if (on.tells_when_full()) {
    const auto shed = on.see(extra);
    CHECK(shed.broken == "");
    REQUIRE(shed.complete == 1);
    CHECK(shed.answers[0].status == 503);
    CHECK(shed.answers[0].field("retry-after") != "");
    CHECK(shed.answers[0].closes());
  }
  on.until_ended();
  for (const peer_id p : held) CHECK(on.see(p).complete == 2);
  // There is room again.
  const peer_id next = on.connect(ask(get("/plaintext"), 1));
  on.until([&] { return on.ended(next); });
  REQUIRE(on.see(next).complete == 1);
  CHECK(on.see(next).answers[0].status == 200);
  CHECK(on.finish().counters.shed_connections_max == 1);
}

BEHAVIOUR("pressure: a reader that stops reading a large body slows nobody") {
  on.serve({});
  std::vector<peer_id> stuck;
  for (const char* target : {"/large", "/firehose/20000000", "/bytes/20000000", "/large"}) {
    stuck.push_back(on.connect({sim_step::stop_reading(), sim_step::send(get(target)),
                                sim_step::pause(400 * millisecond_ns), sim_step::reset()},
                               true));
  }
  script steps;
  for (std::size_t i = 0; i < 200; ++i) {
    steps.push_back(sim_step::send(get("/plaintext")));
    steps.push_back(await_answers(i + 1));
  }
  steps.push_back(sim_step::half_close());
  steps.push_back(sim_step::await_end());
  const peer_id good = on.connect(std::move(steps));
  on.until([&] { return on.ended(good); });
  const auto seen = on.see(good);
  CHECK(seen.broken == "");
  CHECK(seen.complete == 200);
  if (on.exact()) CHECK(seen.lasted_ns == 0);
  on.until_ended();
  on.finish();
}

BEHAVIOUR("pressure: a large pipeline whose reader is slow is neither lost nor held in memory") {
  limits bounds;
  bounds.write_deadline = 20 * second_ns;
  bounds.rate_grace = 20 * second_ns;
  bounds.requests_per_connection_max = 10'000;
  on.serve(bounds);
  std::string all;
  for (int i = 0; i < 4'000; ++i) all += get("/echo/number" + std::to_string(i));
  const peer_id peer = on.connect(
      {sim_step::read_slowly(20'000, 5 * millisecond_ns), sim_step::send(all), await_answers(4'000),
       sim_step::read_fully(), sim_step::half_close(), sim_step::await_end()},
      true);
  on.until_ended();
  const auto seen = on.see(peer);
  CHECK(seen.broken == "");
  REQUIRE(seen.complete == 4'000);
  for (std::size_t i = 0; i < 4'000; ++i) {
    if (seen.answers[i].body != "number" + std::to_string(i)) FAIL("out of order at " << i);
  }
  on.finish();
}

CROWD_BEHAVIOUR("pressure: a burst of many requests is answered without a stall") {
  limits bounds;
  bounds.requests_per_connection_max = limits::unbounded;
  on.serve(bounds);
  constexpr std::size_t bursts = 50;
  constexpr std::size_t per_burst = 200;
  std::string burst;
  for (std::size_t i = 0; i < per_burst; ++i) burst += get("/plaintext");
  script steps;
  const answer_count answers;
  for (std::size_t i = 1; i <= bursts; ++i) {
    steps.push_back(sim_step::send(burst));
    steps.push_back(answers.await(i * per_burst));
  }
  steps.push_back(sim_step::half_close());
  steps.push_back(sim_step::await_end());
  const peer_id peer = on.connect(std::move(steps));
  on.until_ended();
  const auto seen = on.see(peer);
  CHECK(seen.broken == "");
  CHECK(seen.complete == bursts * per_burst);
  // Nearly every write would wait 40 ms for an acknowledgement that the peer delays. That no timer
  // of ours is in it shows here; that none of the kernel's is, in the contract: sockets are
  // no_delay.
  if (on.exact()) CHECK(seen.lasted_ns == 0);
  on.finish();
}

CROWD_BEHAVIOUR("pressure: a reset at any moment harms nobody") {
  on.serve({});
  const std::string all = get("/echo/one") + chunked_post("/stream-echo", {"some", "chunks"}) +
                          get("/delay/5") + get("/bytes/200000") + post("/submit", "body") +
                          get("/stream/50");
  std::vector<peer_id> broken;
  for (std::size_t cut = 0; cut <= all.size(); cut += 17) {
    broken.push_back(on.connect({sim_step::send(all.substr(0, cut)), sim_step::reset()}));
    broken.push_back(on.connect({sim_step::send(all.substr(0, cut)),
                                 sim_step::pause(static_cast<time_ns>(cut) * 20 * microsecond_ns),
                                 sim_step::reset()}));
    broken.push_back(on.connect({sim_step::send(all.substr(0, cut)), sim_step::close()}));
  }
  for (std::size_t bytes = 1; bytes < 3'000; bytes += 97) {
    broken.push_back(
        on.connect({sim_step::send(all), sim_step::await_bytes(bytes), sim_step::reset()}));
  }
  const peer_id good = on.connect(ask(all, 6));
  on.until_ended();
  CHECK(on.see(good).broken == "");
  CHECK(on.see(good).complete == 6);
  on.finish();
}
