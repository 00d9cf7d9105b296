// Shutdown ends: what is idle goes at once, what is under way is finished, and it is counted.
#include "behaviour/stage.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::behaviour;

BEHAVIOUR("drain: idle connections end at once, requests under way are answered with close") {
  on.serve({});
  const peer_id idle =
      on.connect({sim_step::send(get("/plaintext")), await_answers(1), sim_step::await_end()});
  const peer_id fresh = on.connect({sim_step::await_end()});
  const peer_id busy = on.connect({sim_step::send(get("/gate")), sim_step::await_end()});
  on.until([&] {
    return on.state.at_gate == 1 && on.see(idle).complete == 1 &&
           on.counters().connections_accepted == 3;
  });
  const time_ns began_ns = on.now_ns();
  on.drain();
  on.until([&] { return on.ended(idle) && on.ended(fresh); });
  if (on.exact()) CHECK(on.record(idle).ended_ns == began_ns);
  CHECK_FALSE(on.ended(busy));
  on.state.gate_open = true;
  on.until_ended();
  const auto seen = on.see(busy);
  CHECK(seen.broken == "");
  REQUIRE(seen.complete == 1);
  CHECK(seen.answers[0].body == "through");
  CHECK(seen.answers[0].closes());
  CHECK(seen.end == sim_end::eof);
  CHECK(on.record(idle).end == sim_end::eof);
  const ending how = on.finish();
  CHECK(how.report.drained == 3);
  CHECK(how.report.forced == 0);
}

BEHAVIOUR("drain: what came before it is served, what comes after it is not") {
  on.serve({});
  const peer_id before =
      on.connect({sim_step::send(get("/gate") + get("/echo/before")), sim_step::await_end()});
  const peer_id after =
      on.connect({sim_step::send(get("/gate")), sim_step::pause(300 * millisecond_ns),
                  sim_step::send(get("/echo/after")), sim_step::await_end()});
  on.until([&] { return on.state.at_gate == 2; });
  on.drain();
  on.until([&] { return on.record(after).steps_done || on.record(after).sent_bytes > 60; });
  on.turn(5 * millisecond_ns);
  on.state.gate_open = true;
  on.until_ended();
  const auto first = on.see(before);
  CHECK(first.broken == "");
  REQUIRE(first.complete == 2);
  CHECK(first.answers[0].body == "through");
  CHECK(first.answers[1].body == "before");
  CHECK(first.answers[1].closes());
  const auto second = on.see(after);
  CHECK(second.broken == "");
  REQUIRE(second.complete >= 1);
  CHECK(second.answers[0].body == "through");
  // Told to close with its answer, or 503 for the one behind: never served.
  if (second.complete == 2) CHECK(second.answers[1].status == 503);
  CHECK(second.answers.back().closes());
  CHECK(on.state.echoes == 1);
  on.finish();
}

BEHAVIOUR("drain_delay: during it new connections are served, and told to close") {
  limits bounds;
  bounds.drain_delay = 1 * second_ns;
  on.serve(bounds);
  const peer_id before =
      on.connect({sim_step::send(get("/plaintext")), await_answers(1), sim_step::await_end()});
  on.until([&] { return on.see(before).complete == 1; });
  const time_ns began_ns = on.now_ns();
  on.drain();
  const peer_id during = on.connect({sim_step::send(get("/echo/during")), sim_step::await_end()});
  on.until([&] { return on.ended(during); });
  const auto seen = on.see(during);
  CHECK(seen.broken == "");
  REQUIRE(seen.complete == 1);
  CHECK(seen.answers[0].status == 200);
  CHECK(seen.answers[0].closes());
  on.until_ended();
  on.check_span(on.record(before).ended_ns - began_ns, bounds.drain_delay);
  on.finish();
}

BEHAVIOUR("drain_timeout: what has not ended at it is reset and counted") {
  limits bounds;
  bounds.drain_timeout = 300 * millisecond_ns;
  on.serve(bounds);
  const peer_id gate = on.connect({sim_step::send(get("/gate")), sim_step::await_end()});
  const peer_id stuck = on.connect({sim_step::stop_reading(), sim_step::send(get("/large")),
                                    sim_step::pause(5 * second_ns), sim_step::close()},
                                   true);
  const peer_id idle =
      on.connect({sim_step::send(get("/plaintext")), await_answers(1), sim_step::await_end()});
  on.until([&] {
    return on.state.at_gate == 1 && on.see(idle).complete == 1 && on.counters().requests == 3;
  });
  const time_ns began_ns = on.now_ns();
  on.drain();
  on.until([&] { return on.stopped(); });
  const time_ns took_ns = on.now_ns() - began_ns;
  CHECK(took_ns >= bounds.drain_timeout);
  CHECK(took_ns < bounds.drain_timeout + 20 * second_ns);
  on.until([&] { return on.ended(gate) && on.ended(stuck); });
  CHECK(on.record(gate).end == sim_end::reset);
  const ending how = on.finish();
  CHECK(how.report.drained == 1);
  CHECK(how.report.forced == 2);
  CHECK(how.counters.connections_reset == 2);
}

BEHAVIOUR("drain: a half-sent request at the beginning of a drain does not outlive it") {
  limits bounds;
  bounds.drain_timeout = 300 * millisecond_ns;
  on.serve(bounds);
  const peer_id head = on.connect({sim_step::send("GET / HT"), sim_step::await_end()});
  const peer_id body = on.connect(
      {sim_step::send("POST /submit HTTP/1.1\r\nHost: weir\r\nContent-Length: 5\r\n\r\nhel"),
       sim_step::await_end()});
  on.until([&] { return on.counters().bytes_received > 60; });
  on.drain();
  on.until([&] { return on.stopped(); });
  on.until_ended();
  CHECK(on.see(head).complete <= 1);
  CHECK(on.see(body).complete <= 1);
  const ending how = on.finish();
  CHECK(how.report.drained + how.report.forced == 2);
}

BEHAVIOUR("drain: half a request behind one that is under way does not hold the loop") {
  limits bounds;
  bounds.drain_timeout = 300 * millisecond_ns;
  on.serve(bounds);
  const peer_id peer =
      on.connect({sim_step::send(get("/gate") + "GET /echo/half HT"), sim_step::await_end()});
  on.until([&] { return on.state.at_gate == 1; });
  on.drain();
  on.state.gate_open = true;
  on.until([&] { return on.stopped(); });
  on.until_ended();
  CHECK(on.see(peer).complete >= 1);
  CHECK(on.state.echoes == 0);
  on.finish();
}

BEHAVIOUR("drain: before start, the server starts and stops at once") {
  on.serve({}, false);
  on.drain();
  on.start();
  on.until([&] { return on.stopped(); });
  const ending how = on.finish();
  CHECK(how.report.drained == 0);
  CHECK(how.report.forced == 0);
}

BEHAVIOUR("drain: asked for twice, and after the end, is one drain") {
  on.serve({});
  const peer_id idle =
      on.connect({sim_step::send(get("/plaintext")), await_answers(1), sim_step::await_end()});
  on.until([&] { return on.see(idle).complete == 1; });
  on.drain();
  on.drain();
  on.until([&] { return on.stopped(); });
  on.drain();
  on.until_ended();
  const ending how = on.finish();
  CHECK(how.report.drained == 1);
}

BEHAVIOUR("drain: a connection that waits to be accepted is not turned away unheard") {
  on.serve({});
  std::vector<peer_id> peers;
  for (int i = 0; i < 20; ++i) {
    peers.push_back(on.connect({sim_step::send(get("/plaintext")), sim_step::await_end()}));
  }
  on.until([&] { return on.counters().connections_accepted >= 1; });
  on.drain();
  on.until_ended();
  for (const peer_id p : peers) {
    INFO(p);
    const auto seen = on.see(p);
    CHECK(seen.broken == "");
    // Served, told 503, or never connected; never an answer cut short.
    if (on.record(p).end == sim_end::unconnected) continue;
    // One in its handshake when the drain began was promised nothing yet.
    if (on.secure() && on.received_bytes(p) == 0) continue;
    CHECK(seen.end == sim_end::eof);
    // One whose bytes had not come when the drain began asked for nothing yet.
    if (on.has_weather() && on.received_bytes(p) == 0) continue;
    REQUIRE(seen.complete == 1);
    CHECK((seen.answers[0].status == 200 || seen.answers[0].status == 503));
  }
  on.finish();
}
