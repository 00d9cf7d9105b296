// Each limit at its edge: what it still lets through, what it does not, and the counter that moves.
//
// Sizes are rows of probes: run_probe() asserts that the one counter of the refusal moved, and no
// other. Spans are compared to the nanosecond where time is virtual; elsewhere the side that has to
// be in time does not wait at all, so that a busy machine cannot make it late.
#include "behaviour/probe.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::behaviour;

namespace {

constexpr time_ns limit_ns = 300 * millisecond_ns;

time_ns in_time(const stage& on) {
  return on.exact() ? limit_ns - 1 : 0;
}
time_ns too_late(const stage& on) {
  return on.exact() ? limit_ns + 1 : 4 * limit_ns;
}

// `first`, a pause, `second`, one answer or the end.
script with_pause(std::string first, time_ns pause_ns, std::string second, std::size_t answers) {
  return {sim_step::send(std::move(first)),
          await_answers(answers - 1),
          sim_step::pause(pause_ns),
          sim_step::send(std::move(second)),
          await_answers(answers),
          sim_step::half_close(),
          sim_step::await_end()};
}

// More than the sockets of this stage take without being read.
std::string much(const stage& on) {
  return get(on.real_time() ? "/large" : "/bytes/1000000");
}

std::string head_of(std::size_t bytes) {
  const std::string front = "GET /plaintext HTTP/1.1\r\nHost: weir\r\nPad: ";
  return front + std::string(bytes - front.size() - 4, 'x') + "\r\n\r\n";
}

const std::string hello = "Hello, World!";

std::vector<probe> sizes() {
  const auto head = [](limits& l) {
    l.head_bytes_max = 9'000;
    l.target_bytes_max = 4'096;
  };
  const auto chunks = [](limits& l) {
    l.body_bytes_max = 10;
    l.chunk_line_bytes_max = 8;
    l.chunk_extension_bytes_max = 12;
    l.trailer_bytes_max = 12;
    l.trailer_fields_max = 2;
  };
  const auto trailers = [](limits& l) { l.trailer_fields_max = 2; };
  const std::string end = "0\r\n\r\n";
  return {
      served("head_bytes_max: a head of that many bytes is served", head_of(9'000), {hello})
          .under(head),
      refused("head_bytes_max: a head of one byte more gets 431", head_of(9'001), 431,
              "head_too_large")
          .under(head),
      served("body_bytes_max: chunks of that many bytes together are served",
             chunked("5\r\n01234\r\n5\r\n56789\r\n" + end), {"0123456789"})
          .under(chunks),
      refused("body_bytes_max: chunks of one byte more get 413",
              chunked("5\r\n01234\r\n6\r\n567890\r\n" + end), 413, "body_too_large")
          .under(chunks),
      served("chunk_line_bytes_max: a size line of that many bytes is read",
             chunked("1;aaaaaa\r\nx\r\n" + end), {"x"})
          .under(chunks),
      refused("chunk_line_bytes_max: a size line of one byte more gets 400",
              chunked("1;aaaaaaa\r\nx\r\n" + end), 400, "chunk_line_too_long")
          .under(chunks),
      served("chunk_extension_bytes_max: extensions of that many bytes together are read",
             chunked("1;aaaaa\r\nx\r\n1;aaaaa\r\ny\r\n" + end), {"xy"})
          .under(chunks),
      refused("chunk_extension_bytes_max: extensions of more get 400",
              chunked("1;aaaaa\r\nx\r\n1;aaaaa\r\ny\r\n1;a\r\nz\r\n" + end), 400,
              "chunk_extensions_too_large")
          .under(chunks),
      served("trailer_bytes_max: trailers of that many bytes are read",
             chunked("0\r\nA: bcdef\r\n\r\n"), {""})
          .under(chunks),
      refused("trailer_bytes_max: trailers of one byte more get 431",
              chunked("0\r\nA: bcdefg\r\n\r\n"), 431, "trailers_too_large")
          .under(chunks),
      served("trailer_fields_max: that many trailers are read",
             chunked("0\r\nA: 1\r\nB: 2\r\n\r\n"), {""})
          .under(trailers),
      refused("trailer_fields_max: one trailer more gets 431",
              chunked("0\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n"), 431, "too_many_trailers")
          .under(trailers),
  };
}

const bool registered = register_probes(sizes());

}  // namespace

BEHAVIOUR("head_deadline: a head that ends before it is served, one that does not gets 408") {
  limits bounds;
  bounds.head_deadline = limit_ns;
  on.serve(bounds);
  const std::string whole = get("/plaintext");
  const std::string most = whole.substr(0, whole.size() - 1);
  const peer_id good = on.connect(with_pause(most, in_time(on), "\n", 1));
  const peer_id late = on.connect(with_pause(most, too_late(on), "\n", 1));
  on.until_ended();
  REQUIRE(on.see(good).complete == 1);
  CHECK(on.see(good).answers[0].status == 200);
  REQUIRE(on.see(late).complete == 1);
  CHECK(on.see(late).answers[0].status == 408);
  CHECK(on.finish().counters.timed_out_head_deadline == 1);
}

BEHAVIOUR("body_deadline: a body that ends before it is served, one that does not gets 408") {
  limits bounds;
  bounds.body_deadline = limit_ns;
  on.serve(bounds);
  const std::string whole = post("/submit", "hello");
  const std::string most = whole.substr(0, whole.size() - 1);
  const peer_id good = on.connect(with_pause(most, in_time(on), "o", 1));
  const peer_id late = on.connect(with_pause(most, too_late(on), "o", 1));
  on.until_ended();
  REQUIRE(on.see(good).complete == 1);
  CHECK(on.see(good).answers[0].body == "hello");
  REQUIRE(on.see(late).complete == 1);
  CHECK(on.see(late).answers[0].status == 408);
  CHECK(on.finish().counters.timed_out_body_deadline == 1);
}

BEHAVIOUR("handler_deadline: a handler that answers before it is heard, a later one gets 504") {
  limits bounds;
  bounds.handler_deadline = limit_ns;
  on.serve(bounds);
  const peer_id good = on.connect(ask(get(on.exact() ? "/delay/299" : "/delay/1"), 1));
  const peer_id late = on.connect({sim_step::send(get(on.exact() ? "/delay/301" : "/delay/9999")),
                                   await_answers(1), sim_step::await_end()});
  on.until_ended();
  REQUIRE(on.see(good).complete == 1);
  CHECK(on.see(good).answers[0].body == "late");
  REQUIRE(on.see(late).complete == 1);
  CHECK(on.see(late).answers[0].status == 504);
  CHECK(on.finish().counters.timed_out_handler_deadline == 1);
}

BEHAVIOUR("idle_deadline: a request before it is served, after it the connection is gone") {
  limits bounds;
  bounds.idle_deadline = limit_ns;
  on.serve(bounds);
  const peer_id good = on.connect(with_pause(get("/plaintext"), in_time(on), get("/echo/two"), 2));
  const peer_id late = on.connect({sim_step::send(get("/plaintext")), await_answers(1),
                                   sim_step::pause(too_late(on)), sim_step::await_end()});
  on.until_ended();
  CHECK(on.see(good).complete == 2);
  CHECK(on.see(late).complete == 1);
  CHECK(on.see(late).broken == "");
  CHECK(on.see(late).end == sim_end::eof);
  CHECK(on.finish().counters.timed_out_idle_deadline == 1);
}

BEHAVIOUR("write_deadline: a reader that goes on before it gets all, one that does not is cut") {
  limits bounds;
  bounds.write_deadline = limit_ns;
  bounds.rate_grace = 60 * second_ns;
  on.serve(bounds);
  const auto reader = [&on](time_ns pause_ns) {
    return script{sim_step::stop_reading(), sim_step::send(much(on)), sim_step::pause(pause_ns),
                  sim_step::read_fully(),   await_answers(1),         sim_step::half_close(),
                  sim_step::await_end()};
  };
  const peer_id good = on.connect(reader(in_time(on)), true);
  const peer_id late = on.connect(reader(too_late(on)), true);
  on.until_ended();
  CHECK(on.see(good).complete == 1);
  CHECK(on.see(late).complete == 0);
  CHECK(on.finish().counters.timed_out_write_deadline == 1);
}

BEHAVIOUR(
    "write_rate_min, rate_grace: above the rate a reader gets all, below it until the grace") {
  limits bounds;
  bounds.write_deadline = second_ns;
  bounds.write_rate_min = 1'000'000;
  bounds.rate_grace = limit_ns;
  on.serve(bounds);
  const auto reader = [](std::size_t bytes) {
    return script{sim_step::read_slowly(bytes, 10 * millisecond_ns),
                  sim_step::send(get("/bytes/6000000")), await_answers(1), sim_step::half_close(),
                  sim_step::await_end()};
  };
  // 1,200,000 bytes a second; elsewhere than in virtual time as fast as it can.
  const peer_id good =
      on.connect(on.exact() ? reader(12'000) : ask(get("/bytes/6000000"), 1), true);
  const peer_id slow = on.connect(reader(3'000), true);
  on.until_ended();
  CHECK(on.see(good).complete == 1);
  CHECK(on.see(slow).complete == 0);
  if (on.exact()) CHECK(on.see(slow).lasted_ns >= limit_ns);
  const server_counters counted = on.finish().counters;
  // The buffers of a system take in lumps: there the slow one may also be seen to stand still.
  const bool stood = on.real_time() && counted.timed_out_write_deadline == 1;
  CHECK((stood || counted.too_slow_write_rate_min == 1));
}

BEHAVIOUR("pipelined_requests_max: that many are answered in one turn, one more in the next") {
  for (const std::size_t more : {0u, 1u}) {
    const std::size_t requests = 8 + more;
    std::string all;
    for (std::size_t i = 0; i < requests; ++i) all += get("/echo/n" + std::to_string(i));
    if (more == 0) {
      limits bounds;
      bounds.pipelined_requests_max = 8;
      on.serve(bounds);
    }
    const peer_id peer = on.connect(ask(all, requests));
    on.until_ended();
    CHECK(on.see(peer).broken == "");
    CHECK(on.see(peer).complete == requests);
    // Where the network cuts a burst as it likes, a turn may find less.
    if (on.exact()) CHECK(on.counters().paused_pipelined_requests_max == more);
    if (more == 0) CHECK(on.counters().paused_pipelined_requests_max == 0);
  }
  on.finish();
}

BEHAVIOUR("requests_per_connection_max: that many are served, the last with Connection: close") {
  limits bounds;
  bounds.requests_per_connection_max = 3;
  on.serve(bounds);
  const std::string two = get("/echo/one") + get("/echo/two");
  const peer_id below = on.connect(ask(two, 2));
  const peer_id at = on.connect({sim_step::send(two + get("/echo/three")), sim_step::await_end()});
  on.until_ended();
  REQUIRE(on.see(below).complete == 2);
  CHECK_FALSE(on.see(below).answers[1].closes());
  REQUIRE(on.see(at).complete == 3);
  CHECK(on.see(at).answers[2].closes());
  CHECK(on.finish().counters.ended_requests_per_connection_max == 1);
}

BEHAVIOUR("response_queue_bytes_max: while answers stand nothing more is read or started") {
  limits bounds;
  bounds.response_queue_bytes_max = 64 * 1'024;
  on.serve(bounds);
  const peer_id swift = on.connect(ask(get("/plaintext"), 1));
  on.until_ended();
  CHECK(on.see(swift).complete == 1);
  if (!on.has_weather()) CHECK(on.counters().paused_response_queue_bytes_max == 0);
  const peer_id stuck =
      on.connect({sim_step::stop_reading(), sim_step::send(much(on) + get("/echo/behind")),
                  sim_step::pause(limit_ns), sim_step::read_fully(), await_answers(2),
                  sim_step::half_close(), sim_step::await_end()},
                 true);
  on.until([&on] { return on.counters().paused_response_queue_bytes_max >= 1; });
  CHECK(on.state.echoes == 0);
  on.until_ended();
  CHECK(on.see(stuck).complete == 2);
  CHECK(on.state.echoes == 1);
  on.finish();
}

BEHAVIOUR("connections_max: as many as it are served at once, and nobody is turned away") {
  limits bounds;
  bounds.connections_max = bounds.connections_per_peer_max = 4;
  on.serve(bounds);
  for (int i = 0; i < 4; ++i) on.connect(ask(get("/gate"), 1));
  on.until([&on] { return on.state.at_gate == 4; });
  on.state.gate_open = true;
  on.until_ended();
  for (peer_id p = 0; p < 4; ++p) CHECK(on.see(p).complete == 1);
  const ending how = on.finish();
  CHECK(how.counters.shed_connections_max == 0);
  CHECK(how.counters.shed_connections_per_peer_max == 0);
}
