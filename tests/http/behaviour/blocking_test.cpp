// Handlers that block: on their own threads, bounded, under a deadline, and never in the way.
#include "behaviour/stage.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::behaviour;

namespace {

// Those whose handlers stand in a worker, in any world.
void until_running(stage& on, std::uint32_t count) {
  on.until([&] { return on.blocking().running == count; });
}

// Threads that were abandoned come to their end: nothing of a test outlives it.
void let_go(stage& on) {
  on.state.held->open();
  if (on.real_time()) on.until([&] { return on.state.held->inside() == 0; });
}

std::string retry_after(const test::answer& a) {
  for (const auto& [name, value] : a.fields) {
    if (name == "retry-after" || name == "Retry-After") return value;
  }
  return {};
}

}  // namespace

BEHAVIOUR("blocking: four handlers that never return hold up neither later requests nor the end") {
  limits bounds;
  bounds.blocking_workers_max = 4;
  bounds.blocking_queue_deadline = 200 * millisecond_ns;
  bounds.handler_deadline = 500 * millisecond_ns;
  bounds.drain_timeout = 300 * millisecond_ns;
  on.virtual_blocking_ns = never_ns;
  on.serve(bounds);
  std::vector<peer_id> stuck;
  for (int i = 0; i < 4; ++i) {
    stuck.push_back(on.connect({sim_step::send(get("/hold")), sim_step::await_end()}));
  }
  until_running(on, 4);
  // Refused when its wait is over; the connection is as good as before.
  const peer_id later =
      on.connect({sim_step::send(get("/hold")), await_answers(1), sim_step::send(get("/plaintext")),
                  await_answers(2), sim_step::half_close(), sim_step::await_end()});
  const peer_id other = on.connect(ask(get("/plaintext") + get("/delay/10"), 2));
  on.until([&] { return on.ended(other); });
  CHECK(on.see(other).complete == 2);
  CHECK(on.see(later).complete == 0);
  on.until([&] { return on.ended(later); });
  const auto refused = on.see(later);
  CHECK(refused.broken == "");
  REQUIRE(refused.complete == 2);
  CHECK(refused.answers[0].status == 503);
  CHECK(retry_after(refused.answers[0]) == "1");
  CHECK(refused.answers[1].body == "Hello, World!");
  on.check_span(refused.lasted_ns, bounds.blocking_queue_deadline);
  for (const peer_id p : stuck) on.until([&] { return on.ended(p); });
  for (const peer_id p : stuck) {
    const auto seen = on.see(p);
    CHECK(seen.broken == "");
    REQUIRE(seen.complete == 1);
    CHECK(seen.answers[0].status == 504);
    CHECK(seen.answers[0].closes());
    on.check_span(seen.lasted_ns, bounds.handler_deadline);
  }
  // Abandoned workers hold their places.
  CHECK(on.blocking().running == 4);
  const peer_id last = on.connect(ask(get("/hold"), 1));
  on.until([&] { return on.ended(last); });
  REQUIRE(on.see(last).complete == 1);
  CHECK(on.see(last).answers[0].status == 503);
  CHECK(on.blocking().abandoned == 4);
  const time_ns began_ns = on.now_ns();
  const ending how = on.finish();
  if (on.exact()) CHECK(on.now_ns() - began_ns <= bounds.drain_timeout + 20 * millisecond_ns);
  CHECK(how.report.abandoned == 4);
  CHECK(how.report.forced == 0);
  CHECK(how.counters.timed_out_handler_deadline == 4);
  CHECK(how.counters.timed_out_blocking_queue_deadline == 2);
  let_go(on);
}

BEHAVIOUR("blocking: a full queue refuses at once, and the queued one is served") {
  limits bounds;
  bounds.blocking_workers_max = 1;
  bounds.blocking_queue_max = 1;
  on.virtual_blocking_ns = 100 * millisecond_ns;
  on.serve(bounds);
  const peer_id first = on.connect(ask(get("/hold"), 1));
  until_running(on, 1);
  const peer_id second = on.connect(ask(get("/hold"), 1));
  on.until([&] { return on.blocking().queued == 1; });
  const peer_id third = on.connect(ask(get("/hold"), 1));
  on.until([&] { return on.ended(third); });
  REQUIRE(on.see(third).complete == 1);
  CHECK(on.see(third).answers[0].status == 503);
  CHECK(retry_after(on.see(third).answers[0]) == "1");
  if (on.exact()) CHECK(on.see(third).lasted_ns == 0);
  on.state.held->open();
  on.until_ended();
  for (const peer_id p : {first, second}) {
    REQUIRE(on.see(p).complete == 1);
    CHECK(on.see(p).answers[0].body == "let go");
  }
  const ending how = on.finish();
  CHECK(how.counters.shed_blocking_queue_max == 1);
  CHECK(how.report.abandoned == 0);
}

BEHAVIOUR("blocking: whose time ends in the queue gets 503, whose time ends at work gets 504") {
  limits bounds;
  bounds.blocking_workers_max = 1;
  bounds.blocking_queue_deadline = 10 * second_ns;
  bounds.handler_deadline = 200 * millisecond_ns;
  bounds.drain_timeout = 100 * millisecond_ns;
  on.virtual_blocking_ns = never_ns;
  on.serve(bounds);
  const peer_id working = on.connect({sim_step::send(get("/hold")), sim_step::await_end()});
  until_running(on, 1);
  const peer_id waiting = on.connect(ask(get("/hold"), 1));
  on.until_ended();
  REQUIRE(on.see(working).complete == 1);
  CHECK(on.see(working).answers[0].status == 504);
  REQUIRE(on.see(waiting).complete == 1);
  CHECK(on.see(waiting).answers[0].status == 503);
  CHECK(on.finish().report.abandoned == 1);
  let_go(on);
  if (on.real_time()) CHECK(on.state.held->passed() == 1);
}

BEHAVIOUR("blocking: a result that comes too late is dropped and counted, and the worker is free") {
  limits bounds;
  bounds.blocking_workers_max = 1;
  bounds.handler_deadline = 100 * millisecond_ns;
  on.virtual_blocking_ns = 300 * millisecond_ns;
  on.serve(bounds);
  const peer_id late = on.connect({sim_step::send(get("/hold")), sim_step::await_end()});
  on.until([&] { return on.ended(late); });
  REQUIRE(on.see(late).complete == 1);
  CHECK(on.see(late).answers[0].status == 504);
  CHECK(on.blocking().late == 0);
  on.state.held->open();
  on.until([&] { return on.blocking().late == 1; });
  until_running(on, 0);
  const ending how = on.finish();
  CHECK(how.report.abandoned == 0);
  CHECK(how.counters.timed_out_handler_deadline == 1);
}

BEHAVIOUR("blocking: the worker has the whole request, however it came") {
  on.serve({});
  const std::string fields = "X-Mark: there\r\n";
  const peer_id length = on.connect(ask(post("/job/a%20b?q=1", "body", fields), 1));
  const peer_id pieces = on.connect(
      {sim_step::send("POST /job/c HTTP/1.1\r\nHost: weir\r\nTransfer-Encoding: chunked\r\n"
                      "X-Mark: two\r\n\r\n3\r\nabc\r\n"),
       sim_step::pause(20 * millisecond_ns), sim_step::send("3\r\ndef\r\n0\r\nX-End: yes\r\n\r\n"),
       await_answers(1), sim_step::half_close(), sim_step::await_end()});
  const peer_id expects =
      on.connect({sim_step::send("POST /job/d HTTP/1.1\r\nHost: weir\r\nContent-Length: 2\r\n"
                                 "Expect: 100-continue\r\n\r\n"),
                  await_interim(1), sim_step::send("ok"), await_answers(1), sim_step::half_close(),
                  sim_step::await_end()});
  on.until_ended();
  REQUIRE(on.see(length).complete == 1);
  CHECK(on.see(length).answers[0].body == "/job/{name}\n/job/a b\nq=1\na b\nthere\nbody");
  REQUIRE(on.see(pieces).complete == 1);
  CHECK(on.see(pieces).answers[0].body == "/job/{name}\n/job/c\n\nc\ntwo\nX-End=yes\nabcdef");
  REQUIRE(on.see(expects).complete == 1);
  CHECK(on.see(expects).interim == 1);
  CHECK(on.see(expects).answers[0].body == "/job/{name}\n/job/d\n\nd\n\nok");
  on.finish();
}

BEHAVIOUR("blocking: a body that does not come is 408 at its own deadline, one too large is 413") {
  limits bounds;
  bounds.body_deadline = 300 * millisecond_ns;
  bounds.handler_deadline = 100 * millisecond_ns;
  bounds.body_bytes_max = 100;
  on.serve(bounds);
  const std::string head = "POST /job/a HTTP/1.1\r\nHost: weir\r\nContent-Length: ";
  const peer_id slow = on.connect({sim_step::send(head + "10\r\n\r\nhalf"), sim_step::await_end()});
  const peer_id large = on.connect({sim_step::send(head + "101\r\n\r\n"), sim_step::await_end()});
  on.until_ended();
  REQUIRE(on.see(slow).complete == 1);
  CHECK(on.see(slow).answers[0].status == 408);
  REQUIRE(on.see(large).complete == 1);
  CHECK(on.see(large).answers[0].status == 413);
  const ending how = on.finish();
  CHECK(how.counters.timed_out_body_deadline == 1);
  CHECK(how.counters.timed_out_handler_deadline == 0);
}

BEHAVIOUR("blocking: what a handler throws on its worker is a 500") {
  on.serve({});
  const peer_id peer = on.connect({sim_step::send(get("/throw-blocking")), sim_step::await_end()});
  on.until_ended();
  REQUIRE(on.see(peer).complete == 1);
  CHECK(on.see(peer).answers[0].status == 500);
  CHECK(on.finish().counters.handlers_failed == 1);
}

BEHAVIOUR("blocking: answers keep the order of their requests, also of one sent meanwhile") {
  on.virtual_blocking_ns = 50 * millisecond_ns;
  on.serve({});
  const peer_id piped =
      on.connect(ask(post("/job/a", "1") + get("/echo/b") + post("/job/c", "2"), 3));
  const peer_id meanwhile =
      on.connect({sim_step::send(get("/hold")), sim_step::pause(20 * millisecond_ns),
                  sim_step::send(get("/echo/second")), await_answers(2), sim_step::half_close(),
                  sim_step::await_end()});
  on.until([&] { return on.record(meanwhile).sent_bytes > 50; });
  on.state.held->open();
  on.until_ended();
  const auto seen = on.see(piped);
  CHECK(seen.broken == "");
  REQUIRE(seen.complete == 3);
  CHECK(seen.answers[0].body.ends_with("\n1"));
  CHECK(seen.answers[1].body == "b");
  CHECK(seen.answers[2].body.ends_with("\n2"));
  REQUIRE(on.see(meanwhile).complete == 2);
  CHECK(on.see(meanwhile).answers[0].body == "let go");
  CHECK(on.see(meanwhile).answers[1].body == "second");
  on.finish();
}

BEHAVIOUR("blocking: a handler is told when its deadline has passed") {
  limits bounds;
  bounds.handler_deadline = 100 * millisecond_ns;
  on.virtual_blocking_ns = 200 * millisecond_ns;
  on.serve(bounds);
  const peer_id peer = on.connect({sim_step::send(get("/until-told")), sim_step::await_end()});
  on.until([&] { return on.state.held->told() == 1; });
  on.until_ended();
  REQUIRE(on.see(peer).complete == 1);
  CHECK(on.see(peer).answers[0].status == 504);
  on.finish();
}

BEHAVIOUR(
    "blocking: a handler is told when its peer goes away, and one that reads on is answered") {
  on.virtual_blocking_ns = 200 * millisecond_ns;
  on.serve({});
  const sim_step all_run = await_that([held = on.state.held, real = on.real_time()] {
    return !real || held->inside() + held->passed() == 3;
  });
  const peer_id gone =
      on.connect({sim_step::send(get("/until-told")), sim_step::pause(50 * millisecond_ns), all_run,
                  sim_step::close()});
  const peer_id broken =
      on.connect({sim_step::send(get("/until-told")), sim_step::pause(50 * millisecond_ns), all_run,
                  sim_step::reset()});
  const peer_id half = on.connect(ask(get("/until-told")));
  on.until([&] { return on.state.held->told() == 3; });
  on.until_ended();
  CHECK(on.ended(gone));
  CHECK(on.ended(broken));
  REQUIRE(on.see(half).complete == 1);
  CHECK(on.see(half).answers[0].body == "let go");
  CHECK(on.finish().report.abandoned == 0);
}

BEHAVIOUR("blocking: a handler is told when the server ends, and its worker is waited for") {
  limits bounds;
  bounds.drain_timeout = 100 * millisecond_ns;
  on.virtual_blocking_ns = 150 * millisecond_ns;
  on.serve(bounds);
  const peer_id peer = on.connect({sim_step::send(get("/until-told")), sim_step::await_end()});
  until_running(on, 1);
  on.drain();
  on.until([&] { return on.stopped(); });
  on.until([&] { return on.ended(peer); });
  CHECK(on.record(peer).end == sim_end::reset);
  const ending how = on.finish();
  CHECK(how.report.forced == 1);
  // Virtual workers take their time whoever tells them what.
  if (on.real_time()) CHECK(on.state.held->told() == 1);
}

BEHAVIOUR("blocking: a drain waits for handlers at work, and their answers say close") {
  on.virtual_blocking_ns = 100 * millisecond_ns;
  on.serve({});
  const peer_id peer = on.connect({sim_step::send(get("/hold")), sim_step::await_end()});
  until_running(on, 1);
  on.drain();
  on.turn(5 * millisecond_ns);
  on.state.held->open();
  on.until_ended();
  const auto seen = on.see(peer);
  REQUIRE(seen.complete == 1);
  CHECK(seen.answers[0].body == "let go");
  CHECK(seen.answers[0].closes());
  const ending how = on.finish();
  CHECK(how.report.drained == 1);
  CHECK(how.report.abandoned == 0);
}
