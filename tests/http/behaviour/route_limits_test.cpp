// Limits that a route has of its own: at each of them and one past it, beside a route that keeps
// the server's.
#include "behaviour/stage.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::behaviour;

namespace {

std::string head_of(std::string_view target, std::size_t body_bytes, std::string_view more = {}) {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: weir\r\nContent-Length: " + std::to_string(body_bytes) + "\r\n" +
         std::string(more) + "\r\n";
}

std::string chunked_to(std::string_view target, std::string_view body) {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: weir\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(body);
}

// Each answer is the first and only one of its connection.
void check_status(const stage& on, peer_id peer, status_code status) {
  const auto seen = on.see(peer);
  CAPTURE(status);
  CHECK(seen.broken == "");
  REQUIRE(seen.complete == 1);
  CHECK(seen.interim == 0);
  CHECK(seen.answers[0].status == status);
  if (status != 200) CHECK(seen.answers[0].closes());
}

}  // namespace

BEHAVIOUR("route limits: a route that takes larger bodies takes them to the byte, others do not") {
  limits bounds;
  bounds.body_bytes_max = 1'000;
  on.state.own.body_bytes_max = 5'000;
  on.serve(bounds);
  const std::string most(pattern(5'000));
  std::vector<peer_id> served;
  for (const char* const target : {"/own/submit", "/own/collect", "/own/stream-echo"}) {
    served.push_back(on.connect(ask(post(target, most), 1)));
    served.push_back(on.connect(ask(chunked_post(target, {most}), 1)));
  }
  served.push_back(on.connect(ask(post("/submit", pattern(1'000)), 1)));
  // Heads alone: what refuses them has not read a byte of the body.
  std::vector<peer_id> refused;
  for (const char* const target : {"/own/submit", "/own/collect", "/own/stream-echo"}) {
    refused.push_back(on.connect({sim_step::send(head_of(target, 5'001)), sim_step::await_end()}));
    refused.push_back(
        on.connect({sim_step::send(head_of(target, 5'001, "Expect: 100-continue\r\n")),
                    sim_step::await_end()}));
  }
  refused.push_back(on.connect({sim_step::send(head_of("/submit", 1'001)), sim_step::await_end()}));
  refused.push_back(on.connect({sim_step::send(head_of("/none", 1'001)), sim_step::await_end()}));
  // A length that is told chunk by chunk is met with the first byte past the limit.
  refused.push_back(on.connect(
      {sim_step::send(chunked_post("/own/submit", {most, "x"})), sim_step::await_end()}));
  refused.push_back(on.connect(
      {sim_step::send(chunked_post("/submit", {pattern(1'001)})), sim_step::await_end()}));
  on.until_ended();
  for (const peer_id peer : served) check_status(on, peer, 200);
  CHECK(on.see(served[0]).answers[0].body == most);
  for (const peer_id peer : refused) check_status(on, peer, 413);
  std::uint64_t counted = 0;
  const ending how = on.finish();
  for (std::size_t i = 0; i < refusals::all.size(); ++i) {
    if (refusals::all[i] == &refusals::body_too_large) counted = how.counters.refused[i];
  }
  CHECK(counted == refused.size());
}

BEHAVIOUR(
    "route limits: a route that takes less refuses with the head, though the server takes it") {
  on.state.own.body_bytes_max = 10;
  on.serve({});
  const peer_id most = on.connect(ask(post("/own/submit", "0123456789"), 1));
  const peer_id more =
      on.connect({sim_step::send(head_of("/own/submit", 11)), sim_step::await_end()});
  const peer_id other = on.connect(ask(post("/submit", "0123456789a"), 1));
  on.until_ended();
  check_status(on, most, 200);
  check_status(on, more, 413);
  check_status(on, other, 200);
  on.finish();
}

BEHAVIOUR("route limits: chunk lines, their extensions and trailers") {
  on.state.own.chunk_line_bytes_max = 10;
  on.state.own.chunk_extension_bytes_max = 20;
  on.state.own.trailer_bytes_max = 20;
  on.state.own.trailer_fields_max = 2;
  on.serve({});
  const struct {
    const char* body;
    status_code status;
  } rows[] = {
      {"1;aaaaaaaa\r\nx\r\n0\r\n\r\n", 200},              // a line of 10
      {"1;aaaaaaaaa\r\nx\r\n0\r\n\r\n", 400},             // of 11
      {"1;a\r\nx\r\n0\r\nA: 1\r\nB: 2\r\n\r\n", 200},     // two trailers
      {"1;a\r\nx\r\n0\r\nA:\r\nB:\r\nC:\r\n\r\n", 431},   // three
      {"1\r\nx\r\n0\r\nA: 34567890123456\r\n\r\n", 431},  // 21 bytes of them
  };
  std::vector<peer_id> own;
  std::vector<peer_id> others;
  for (const auto& row : rows) {
    script steps = ask(chunked_to("/own/collect", row.body), 1);
    if (row.status != 200) {
      steps = {sim_step::send(chunked_to("/own/collect", row.body)), sim_step::await_end()};
    }
    own.push_back(on.connect(std::move(steps)));
    others.push_back(on.connect(ask(chunked_to("/collect", row.body), 1)));
  }
  // Extensions of several lines together: 2 x 9 bytes, and 3 x 9.
  const std::string line = "1;aaaaaaaa\r\nx\r\n";
  const peer_id two = on.connect(ask(chunked_to("/own/collect", line + line + "0\r\n\r\n"), 1));
  const peer_id three =
      on.connect({sim_step::send(chunked_to("/own/collect", line + line + line + "0\r\n\r\n")),
                  sim_step::await_end()});
  on.until_ended();
  for (std::size_t i = 0; i < own.size(); ++i) {
    CAPTURE(rows[i].body);
    check_status(on, own[i], rows[i].status);
    check_status(on, others[i], 200);
  }
  check_status(on, two, 200);
  check_status(on, three, 400);
  on.finish();
}

BEHAVIOUR("route limits: a handler and a buffered body have the deadlines of their route") {
  limits bounds;
  bounds.rate_grace = 60 * second_ns;
  on.state.own.handler_deadline = 300 * millisecond_ns;
  on.state.own.body_deadline = 400 * millisecond_ns;
  on.serve(bounds);
  const peer_id late = on.connect({sim_step::send(get("/own/delay/60000")), sim_step::await_end()});
  const peer_id in_time = on.connect(ask(get("/own/delay/100"), 1));
  const peer_id other = on.connect(ask(get("/delay/500"), 1));
  const peer_id stalls =
      on.connect({sim_step::send(head_of("/own/submit", 10)), sim_step::await_end()});
  const peer_id slow = on.connect(
      {sim_step::send(head_of("/submit", 2)), sim_step::pause(500 * millisecond_ns),
       sim_step::send("ab"), await_answers(1), sim_step::half_close(), sim_step::await_end()});
  on.until_ended();
  check_status(on, late, 504);
  on.check_span(on.see(late).lasted_ns, 300 * millisecond_ns);
  check_status(on, in_time, 200);
  check_status(on, other, 200);
  check_status(on, stalls, 408);
  on.check_span(on.see(stalls).lasted_ns, 400 * millisecond_ns);
  check_status(on, slow, 200);
  const ending how = on.finish();
  CHECK(how.counters.timed_out_handler_deadline == 1);
  CHECK(how.counters.timed_out_body_deadline == 1);
}

BEHAVIOUR("route limits: a handler may have longer than the server gives") {
  limits bounds;
  bounds.handler_deadline = 100 * millisecond_ns;
  on.state.own.handler_deadline = 20 * second_ns;
  on.serve(bounds);
  const peer_id longer = on.connect(ask(get("/own/delay/300"), 1));
  const peer_id late = on.connect({sim_step::send(get("/delay/60000")), sim_step::await_end()});
  on.until_ended();
  check_status(on, longer, 200);
  check_status(on, late, 504);
  on.finish();
}

BEHAVIOUR("route limits: a body that is streamed too slowly for its route ends") {
  limits bounds;
  bounds.rate_grace = 60 * second_ns;
  on.state.own.rate_grace = 200 * millisecond_ns;
  on.state.own.body_rate_min = 1'000'000;
  on.serve(bounds);
  const auto dripped = [&on](std::string_view target) {
    return on.connect({sim_step::send(head_of(target, 100)),
                       sim_step::drip(std::string(100, 's'), 10, 60 * millisecond_ns),
                       await_answers(1), sim_step::half_close(), sim_step::await_end()});
  };
  const peer_id slow = dripped("/own/collect");
  const peer_id other = dripped("/collect");
  on.until_ended();
  check_status(on, slow, 408);
  check_status(on, other, 200);
  CHECK(on.finish().counters.too_slow_body_rate_min == 1);
}

BEHAVIOUR("route limits: a reader that stands still is cut off when its route says so") {
  limits bounds;
  bounds.write_deadline = 20 * second_ns;
  bounds.rate_grace = 20 * second_ns;
  on.state.own.write_deadline = 300 * millisecond_ns;
  on.serve(bounds);
  const auto stuck = [&on](std::string_view target) {
    return on.connect({sim_step::stop_reading(), sim_step::send(get(target)),
                       sim_step::pause(3 * second_ns), sim_step::close()},
                      true);
  };
  const peer_id plain = stuck("/own/large");
  const peer_id streamed = stuck("/own/firehose/20000000");
  const peer_id patient =
      on.connect({sim_step::stop_reading(), sim_step::send(get("/firehose/2000000")),
                  sim_step::pause(800 * millisecond_ns), sim_step::read_fully(), await_answers(1),
                  sim_step::half_close(), sim_step::await_end()},
                 true);
  on.until([&on] { return on.counters().connections_closed >= 2; });
  on.until_ended();
  CHECK(on.see(plain).complete == 0);
  CHECK(on.see(streamed).complete == 0);
  check_status(on, patient, 200);
  CHECK(on.finish().counters.timed_out_write_deadline == 2);
}

BEHAVIOUR("route limits: a reader is held to the rate of its route") {
  limits bounds;
  bounds.write_deadline = 20 * second_ns;
  bounds.rate_grace = 100 * millisecond_ns;
  on.state.own.write_rate_min = 1'000'000'000;
  on.serve(bounds);
  const peer_id slow = on.connect(
      {sim_step::read_slowly(4'096, 20 * millisecond_ns), sim_step::send(get("/own/large")),
       sim_step::pause(2 * second_ns), sim_step::close()},
      true);
  const peer_id good = on.connect(ask(get("/delay/30"), 1));
  on.until([&] { return on.counters().connections_closed >= 2; });
  on.until_ended();
  CHECK(on.see(slow).complete == 0);
  CHECK(on.see(good).complete == 1);
  CHECK(on.finish().counters.too_slow_write_rate_min == 1);
}
