// Time: every deadline is taken once and cannot be renewed by a byte. In virtual time to the
// nanosecond.
#include "behaviour/post_conditions.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::behaviour;

namespace {

// Short enough for real time, long enough for a busy machine.
limits hasty() {
  limits l;
  l.head_deadline = 300 * millisecond_ns;
  l.body_deadline = 300 * millisecond_ns;
  l.handler_deadline = 300 * millisecond_ns;
  l.write_deadline = 300 * millisecond_ns;
  l.idle_deadline = 300 * millisecond_ns;
  l.rate_grace = 300 * millisecond_ns;
  return l;
}

const std::string head_start = "GET / HTTP/1.1\r\nX: ";

}  // namespace

BEHAVIOUR("D02 R64 R69 V15 a peer that drips its head gets 408 at the deadline, however it drips") {
  limits bounds = hasty();
  on.serve(bounds);
  others good(on);
  const peer_id drips =
      on.connect({sim_step::drip(head_start + std::string(10'000, 'a'), 1, 20 * millisecond_ns),
                  sim_step::await_end()});
  const peer_id stalls = on.connect({sim_step::send(head_start), sim_step::await_end()});
  good.check();
  for (const peer_id peer : {drips, stalls}) {
    const auto seen = on.see(peer);
    CHECK(seen.broken == "");
    REQUIRE(seen.complete == 1);
    CHECK(seen.answers[0].status == 408);
    CHECK(seen.answers[0].closes());
    CHECK(seen.end == sim_end::eof);
    on.check_span(seen.lasted_ns, bounds.head_deadline);
  }
  const ending how = on.finish();
  CHECK(how.counters.timed_out_head_deadline == 2);
  CHECK(how.counters.timed_out_linger_deadline == 1);  // that drips on, whatever it is told
  CHECK(bites(how.counters) == 3);
}

BEHAVIOUR("D02 R80 a HEAD that does not come whole gets 408 without content") {
  on.serve(hasty());
  const peer_id told = on.connect({sim_step::send("HEAD / HTTP/1.1\r\nX"), sim_step::await_end()});
  // Nobody could know yet what this was to be.
  const peer_id untold = on.connect({sim_step::send("HEAD"), sim_step::await_end()});
  on.until_ended();
  for (const peer_id peer : {told, untold}) {
    const auto seen = on.see(peer, {peer == told ? "HEAD" : "GET"});
    CHECK(seen.broken == "");
    REQUIRE(seen.complete == 1);
    CHECK(seen.answers[0].status == 408);
    CHECK(seen.answers[0].body.empty() == (peer == told));
    CHECK(seen.end == sim_end::eof);
  }
}

BEHAVIOUR("deadlines: on a kept connection the head's clock starts at its first byte") {
  limits bounds = hasty();
  bounds.idle_deadline = 10 * second_ns;
  on.serve(bounds);
  const peer_id peer = on.connect(
      {sim_step::send(get("/plaintext")), await_answers(1), sim_step::pause(600 * millisecond_ns),
       sim_step::drip(head_start + std::string(10'000, 'a'), 1, 20 * millisecond_ns),
       sim_step::await_end()});
  on.until_ended();
  const auto seen = on.see(peer);
  CHECK(seen.broken == "");
  REQUIRE(seen.complete == 2);
  CHECK(seen.answers[1].status == 408);
  on.check_span(seen.lasted_ns, 600 * millisecond_ns + bounds.head_deadline);
  on.finish();
}

BEHAVIOUR("deadlines: half a head behind a whole request has its clock from that answer on") {
  limits bounds = hasty();
  bounds.idle_deadline = 10 * second_ns;
  on.serve(bounds);
  const peer_id plain =
      on.connect({sim_step::send(get("/plaintext") + head_start), sim_step::await_end()});
  const peer_id waited =
      on.connect({sim_step::send(get("/delay/100") + head_start), sim_step::await_end()});
  on.until_ended();
  for (const peer_id peer : {plain, waited}) {
    const auto seen = on.see(peer);
    CHECK(seen.broken == "");
    REQUIRE(seen.complete == 2);
    CHECK(seen.answers[0].status == 200);
    CHECK(seen.answers[1].status == 408);
    on.check_span(seen.lasted_ns,
                  bounds.head_deadline + (peer == waited ? 100 * millisecond_ns : 0));
    if (on.exact()) CHECK(seen.lasted_ns < second_ns);
  }
  on.finish();
}

BEHAVIOUR("deadlines: empty lines before a request renew nothing") {
  limits bounds = hasty();
  on.serve(bounds);
  const peer_id peer =
      on.connect({sim_step::drip("\r\n\r\n\r\n", 1, 100 * millisecond_ns), sim_step::await_end()});
  on.until_ended();
  const auto seen = on.see(peer);
  CHECK(seen.broken == "");
  on.check_span(seen.lasted_ns, bounds.head_deadline);
  on.finish();
}

BEHAVIOUR("D05 R69 V15 a kept connection that says nothing more ends in silence") {
  limits bounds = hasty();
  bounds.head_deadline = 5 * second_ns;
  on.serve(bounds);
  others good(on);
  const peer_id kept =
      on.connect({sim_step::send(get("/plaintext")), await_answers(1), sim_step::await_end()});
  good.check();
  const auto seen = on.see(kept);
  CHECK(seen.broken == "");
  CHECK(seen.end == sim_end::eof);
  CHECK(seen.complete == 1);
  on.check_span(seen.lasted_ns, bounds.idle_deadline);
  const ending how = on.finish();
  CHECK(how.counters.timed_out_idle_deadline == 1);
  CHECK(bites(how.counters) == 1);
}

BEHAVIOUR("D01 V15 a connection that never says a byte ends in silence") {
  limits bounds = hasty();
  on.serve(bounds);
  others good(on);
  const peer_id mute = on.connect({sim_step::await_end()});
  good.check();
  CHECK(on.received_bytes(mute) == 0);
  CHECK(on.record(mute).end == sim_end::eof);
  on.check_span(on.see(mute).lasted_ns, bounds.head_deadline);
  const ending how = on.finish();
  CHECK(how.counters.timed_out_head_deadline == 1);
  CHECK(bites(how.counters) == 1);
}

BEHAVIOUR("D03 D04 R64 a buffered body that drips or stalls gets 408 at the deadline") {
  limits bounds = hasty();
  bounds.rate_grace = 60 * second_ns;
  on.serve(bounds);
  others good(on);
  const std::string head = "POST /submit HTTP/1.1\r\nHost: weir\r\nContent-Length: 10000\r\n\r\n";
  const peer_id drips = on.connect(
      {sim_step::send(head), sim_step::drip(std::string(10'000, 'b'), 1, 20 * millisecond_ns),
       sim_step::await_end()});
  const peer_id stalls = on.connect({sim_step::send(head), sim_step::await_end()});
  const peer_id chunks = on.connect(
      {sim_step::send("POST /submit HTTP/1.1\r\nHost: weir\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "10\r\n"),
       sim_step::await_end()});
  good.check();
  for (const peer_id peer : {drips, stalls, chunks}) {
    const auto seen = on.see(peer);
    CHECK(seen.broken == "");
    REQUIRE(seen.complete == 1);
    CHECK(seen.answers[0].status == 408);
    CHECK(seen.answers[0].closes());
    CHECK(seen.end == sim_end::eof);
    on.check_span(seen.lasted_ns, bounds.body_deadline);
  }
  const ending how = on.finish();
  CHECK(how.counters.timed_out_body_deadline == 3);
  CHECK(how.counters.timed_out_linger_deadline == 1);  // that drips on, whatever it is told
  CHECK(bites(how.counters) == 4);
}

BEHAVIOUR("V15 body_rate_min: a streamed body below the minimum rate ends, one above it does not") {
  limits bounds = hasty();
  bounds.body_rate_min = 1'000;
  on.serve(bounds);
  const std::string head =
      "POST /stream-echo HTTP/1.1\r\nHost: weir\r\nContent-Length: 6000\r\n\r\n";
  const peer_id slow = on.connect({sim_step::send(head),
                                   sim_step::drip(std::string(6'000, 's'), 1, 50 * millisecond_ns),
                                   sim_step::await_end()});
  const peer_id steady = on.connect(
      {sim_step::send(head), sim_step::drip(std::string(6'000, 'f'), 200, 20 * millisecond_ns),
       await_answers(1), sim_step::half_close(), sim_step::await_end()});
  on.until_ended();
  CHECK(on.see(slow).complete == 0);
  CHECK(on.see(slow).lasted_ns < 20 * second_ns);
  REQUIRE(on.see(steady).complete == 1);
  CHECK(on.see(steady).answers[0].body == std::string(6'000, 'f'));
  CHECK(on.finish().counters.too_slow_body_rate_min >= 1);
}

BEHAVIOUR("V16 a handler that is late is answered 504, and its sibling is not touched") {
  limits bounds = hasty();
  on.serve(bounds);
  const peer_id late = on.connect({sim_step::send(get("/delay/60000")), sim_step::await_end()});
  const peer_id behind = on.connect(
      {sim_step::send(get("/delay/60000") + get("/echo/behind")), sim_step::await_end()});
  script steps;
  for (std::size_t i = 0; i < 20; ++i) {
    steps.push_back(sim_step::send(get("/delay/30")));
    steps.push_back(await_answers(i + 1));
  }
  steps.push_back(sim_step::half_close());
  steps.push_back(sim_step::await_end());
  const peer_id sibling = on.connect(std::move(steps));
  on.until_ended();
  const auto seen = on.see(late);
  CHECK(seen.broken == "");
  REQUIRE(seen.complete == 1);
  CHECK(seen.answers[0].status == 504);
  CHECK(seen.answers[0].closes());
  on.check_span(seen.lasted_ns, bounds.handler_deadline);
  REQUIRE(on.see(behind).complete == 1);
  CHECK(on.see(behind).answers[0].status == 504);
  CHECK(on.see(sibling).broken == "");
  CHECK(on.see(sibling).complete == 20);
  const ending how = on.finish();
  CHECK(how.counters.timed_out_handler_deadline == 2);
  CHECK(how.counters.responses_5xx == 2);
  CHECK(bites(how.counters) == 2);
}

BEHAVIOUR("V16 the third request of a connection that is late gets 504, and nothing of a 200") {
  limits bounds = hasty();
  on.serve(bounds);
  others good(on);
  const peer_id peer = on.connect({sim_step::send(get("/plaintext")), await_answers(1),
                                   sim_step::send(post("/submit", "two")), await_answers(2),
                                   sim_step::send(get("/delay/60000") + get("/echo/behind")),
                                   sim_step::await_end()});
  good.check();
  const auto seen = on.see(peer);
  CHECK(seen.broken == "");
  CHECK(seen.end == sim_end::eof);
  REQUIRE(seen.complete == 3);
  CHECK(seen.answers[0].status == 200);
  CHECK(seen.answers[1].status == 200);
  CHECK(seen.answers[2].status == 504);
  CHECK(seen.answers[2].closes());
  CHECK(on.state.echoes == 0);
  const ending how = on.finish();
  CHECK(how.counters.timed_out_handler_deadline == 1);
  CHECK(bites(how.counters) == 1);
}

BEHAVIOUR("deadlines: once the head of the answer is out, the handler's deadline is over") {
  limits bounds = hasty();
  bounds.write_deadline = 20 * second_ns;
  bounds.rate_grace = 20 * second_ns;
  on.serve(bounds);
  // The stream takes longer than any handler may, because its reader takes its time.
  const peer_id peer = on.connect(
      {sim_step::read_slowly(16'384, 20 * millisecond_ns), sim_step::send(get("/bytes/1000000")),
       await_answers(1), sim_step::read_fully(), sim_step::half_close(), sim_step::await_end()},
      true);
  on.until_ended();
  const auto seen = on.see(peer);
  CHECK(seen.broken == "");
  REQUIRE(seen.complete == 1);
  CHECK(seen.answers[0].body == pattern(1'000'000));
  if (on.exact()) CHECK(seen.lasted_ns > bounds.handler_deadline);
  on.finish();
}

BEHAVIOUR("D07 a reader without progress is cut off at write_deadline, others go on") {
  limits bounds = hasty();
  on.serve(bounds);
  others good(on);
  const peer_id stuck = on.connect({sim_step::stop_reading(), sim_step::send(get("/large")),
                                    sim_step::pause(2 * second_ns), sim_step::close()},
                                   true);
  const peer_id streamed =
      on.connect({sim_step::stop_reading(), sim_step::send(get("/firehose/20000000")),
                  sim_step::pause(2 * second_ns), sim_step::close()},
                 true);
  on.until([&on] { return on.counters().timed_out_write_deadline == 2; });
  good.check();
  CHECK(on.ended(stuck));
  CHECK(on.ended(streamed));
  const ending how = on.finish();
  CHECK(how.counters.timed_out_write_deadline == 2);
  CHECK(bites(how.counters) == 2);
  CHECK(how.counters.connections_reset == 2);
  CHECK(on.state.producers_ended == 1);
}

BEHAVIOUR("D06 a reader below the minimum rate is cut off although it makes progress") {
  limits bounds = hasty();
  bounds.write_deadline = 20 * second_ns;
  bounds.write_rate_min = 1'000'000'000;
  on.serve(bounds);
  others good(on);
  const peer_id slow =
      on.connect({sim_step::read_slowly(4'096, 20 * millisecond_ns), sim_step::send(get("/large")),
                  sim_step::pause(3 * second_ns), sim_step::close()},
                 true);
  on.until([&] { return on.counters().too_slow_write_rate_min == 1; });
  good.check();
  CHECK(on.see(slow).complete == 0);
  const ending how = on.finish();
  CHECK(bites(how.counters) == 1);
  CHECK(how.counters.connections_reset == 1);
}

CROWD_BEHAVIOUR(
    "deadlines: 500 connections dripping a head are each closed with 408, one client is served") {
  limits bounds;
  bounds.head_deadline = on.exact() ? 10 * second_ns : 1 * second_ns;
  on.serve(bounds);
  const time_ns interval_ns = on.exact() ? second_ns : 100 * millisecond_ns;
  std::vector<peer_id> drippers;
  for (int i = 0; i < 500; ++i) {
    drippers.push_back(
        on.connect({sim_step::drip(head_start + std::string(1'000, 'a'), 1, interval_ns),
                    sim_step::await_end()}));
  }
  script steps;
  for (std::size_t i = 0; i < 20; ++i) {
    steps.push_back(sim_step::send(get("/plaintext")));
    steps.push_back(await_answers(i + 1));
    steps.push_back(sim_step::pause(bounds.head_deadline / 20));
  }
  steps.push_back(sim_step::half_close());
  steps.push_back(sim_step::await_end());
  const peer_id client = on.connect(std::move(steps));
  on.until_ended();
  for (const peer_id peer : drippers) {
    const auto seen = on.see(peer);
    REQUIRE(seen.broken == "");
    REQUIRE(seen.complete == 1);
    REQUIRE(seen.answers[0].status == 408);
    on.check_span(seen.lasted_ns, bounds.head_deadline);
  }
  CHECK(on.see(client).broken == "");
  CHECK(on.see(client).complete == 20);
  CHECK(on.finish().counters.timed_out_head_deadline == 500);
}
