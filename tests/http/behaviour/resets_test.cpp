// Peers that break off: at each moment a request has, one test. Whatever was under way is ended
// once, nobody else notices, and nothing is left (finish()).
#include "behaviour/post_conditions.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::behaviour;

namespace {

constexpr int rounds = 8;
const std::string partial_head = "GET /plaintext HTTP/1.1\r\nHost: weir\r\nX-API-Key: key\r\n";
const std::string partial_body =
    "POST /submit HTTP/1.1\r\nHost: weir\r\nX-API-Key: key\r\nContent-Type: application/json\r\n"
    "Content-Length: 10000\r\n\r\n{\"links\":[";

// A reset inside a handshake is another one, and over sockets nobody knows how long those take. Of
// the others one is there.
sim_step all_shaken(stage& on) {
  return await_that(
      [&on] { return !on.secure() || !on.real_time() || on.counters().handshakes == rounds + 1; });
}

// A peer of each round plays `steps`; others are served beside them and after them.
ending break_off(stage& on, const script& steps, bool small_window = false) {
  on.serve({});
  others good(on);
  for (int i = 0; i < rounds; ++i) on.connect(steps, small_window);
  good.check();
  // The server may see the end of a peer later than the peer does.
  on.until([&on] {
    const server_counters now = on.counters();
    return now.connections_closed == now.connections_accepted;
  });
  const ending how = on.finish();
  CHECK(bites(how.counters) == 0);
  return how;
}

}  // namespace

BEHAVIOUR("X01 a reset right after connect, before any byte, leaves nothing") {
  const ending how = break_off(on, {sim_step::reset()});
  CHECK(how.counters.requests == 2);
  CHECK(how.counters.responses_4xx == 0);
}

BEHAVIOUR("F01 X02 a reset inside a head leaves nothing, and is counted") {
  const ending how =
      break_off(on, {sim_step::send(partial_head), sim_step::pause(20 * millisecond_ns),
                     all_shaken(on), sim_step::reset()});
  CHECK(how.counters.requests == 2);
  // All that were broken off: a system may drop one that dies before it is accepted.
  CHECK(how.counters.connections_reset == how.counters.connections_accepted - 2);
}

BEHAVIOUR("F02 X03 a reset inside a declared body leaves nothing, and is counted") {
  const ending how =
      break_off(on, {sim_step::send(partial_body), sim_step::pause(20 * millisecond_ns),
                     all_shaken(on), sim_step::reset()});
  CHECK(how.counters.responses_2xx == 2);
  // All that were broken off: a system may drop one that dies before it is accepted.
  CHECK(how.counters.connections_reset == how.counters.connections_accepted - 2);
}

BEHAVIOUR("X04 a reset behind a whole request, with nothing read, discards its answer") {
  const ending how =
      break_off(on, {sim_step::stop_reading(), sim_step::send(get("/large")), sim_step::reset()});
  CHECK(how.counters.requests <= rounds + 2);
}

BEHAVIOUR("X05 a reset behind a request that is refused discards its answer") {
  const ending how =
      break_off(on, {sim_step::stop_reading(),
                     sim_step::send(get("/nowhere", "Connection: close\r\n")), sim_step::reset()});
  CHECK(how.counters.requests <= rounds + 2);
}

BEHAVIOUR("X06 a reset after one byte of a large answer ends its producer, once") {
  break_off(on,
            {sim_step::read_slowly(1, second_ns), sim_step::send(get("/bytes/8388608")),
             sim_step::await_bytes(1), sim_step::reset()},
            true);
  CHECK(on.state.producers_begun == rounds);
  CHECK(on.state.producers_ended == rounds);
}

BEHAVIOUR("X07 a reset inside a chunked answer ends its producer, once") {
  break_off(on,
            {sim_step::read_slowly(1, second_ns), sim_step::send(get("/firehose/8388608")),
             sim_step::await_bytes(1), sim_step::reset()},
            true);
  CHECK(on.state.producers_begun == rounds);
  CHECK(on.state.producers_ended == rounds);
}

BEHAVIOUR("X08 a reset between two pipelined requests: the second is served to nobody") {
  on.serve({});
  others good(on);
  std::vector<peer_id> broken;
  for (int i = 0; i < rounds; ++i) {
    broken.push_back(on.connect(
        {sim_step::send(get("/gate") + get("/echo/smuggled")), sim_step::pause(20 * millisecond_ns),
         await_that([&on] { return on.state.came_to_gate == rounds; }), sim_step::reset()}));
  }
  on.until_ended();
  const time_ns later_ns = on.now_ns() + 5 * millisecond_ns;  // the resets arrive
  on.until([&] { return on.now_ns() >= later_ns; });
  on.state.gate_open = true;
  good.check();
  on.until([&on] { return on.counters().connections_closed == rounds + others::count; });
  CHECK(on.state.smuggled == 0);
  on.finish();
}

BEHAVIOUR("F31 V15 a request cut at any place, or sent a byte at a time, gets the same answer") {
  on.serve({});
  const std::string request = get("/echo/whole",
                                  "Accept: */*\r\nUser-Agent: a client that is cut anywhere\r\n"
                                  "Accept-Language: en\r\nDNT: 1\r\n");
  REQUIRE(request.size() >= 120);
  std::vector<peer_id> cut;
  for (std::size_t at = 1; at < request.size(); ++at) {
    cut.push_back(on.connect({sim_step::send(request.substr(0, at)),
                              sim_step::pause(millisecond_ns), sim_step::send(request.substr(at)),
                              await_answers(1), sim_step::half_close(), sim_step::await_end()}));
  }
  const peer_id whole = on.connect(ask(request, 1));
  cut.push_back(on.connect({sim_step::drip(request, 1, 100 * microsecond_ns), await_answers(1),
                            sim_step::half_close(), sim_step::await_end()}));
  on.until_ended();
  // Byte for byte but for the Date, which is that of the second.
  const auto answer = [&on](peer_id peer) {
    std::string text = on.record(peer).received;
    const std::size_t date = text.find("Date: ");
    if (date != std::string::npos) text.erase(date, text.find("\r\n", date) - date);
    return text;
  };
  const std::string expected = answer(whole);
  REQUIRE(on.see(whole).complete == 1);
  REQUIRE(on.see(whole).answers[0].body == "whole");
  for (std::size_t i = 0; i < cut.size(); ++i) {
    INFO("cut " << i);
    CHECK(answer(cut[i]) == expected);
  }
  CHECK(on.finish().counters.responses_2xx == cut.size() + 1);
}

BEHAVIOUR("R34 nothing is done for a request before its whole head is there") {
  on.serve({});
  const std::string request = get("/echo/early");
  const peer_id peer = on.connect({sim_step::send(request.substr(0, request.size() - 1)),
                                   sim_step::pause(20 * millisecond_ns), sim_step::reset()});
  on.until([&on] { return on.counters().connections_closed == 1; });
  CHECK(on.received_bytes(peer) == 0);
  CHECK(on.state.echoes == 0);
  CHECK(on.finish().counters.requests == 0);
}

BEHAVIOUR("D09 R06 garbage behind a request does not touch the answer that drains") {
  on.serve({});
  others good(on);
  std::string garbage(64 * 1'024, '\0');
  for (std::size_t i = 0; i < garbage.size(); ++i) garbage[i] = static_cast<char>(i * 131 + i / 7);
  garbage[0] = '\x80';
  const peer_id kept = on.connect(
      {sim_step::send(get("/bytes/2000000")), sim_step::send(garbage), sim_step::await_end()});
  const peer_id last = on.connect({sim_step::send(get("/bytes/2000000", "Connection: close\r\n")),
                                   sim_step::send(garbage), sim_step::await_end()});
  good.check();
  for (const peer_id peer : {kept, last}) {
    const auto seen = on.see(peer);
    CHECK(seen.broken == "");
    CHECK(seen.end == sim_end::eof);
    // On a kept connection the garbage is a second request, and none: 400, and the end. Behind a
    // request that closes it is nothing.
    REQUIRE(seen.complete == (peer == kept ? 2 : 1));
    CHECK(seen.answers[0].status == 200);
    CHECK(seen.answers[0].body == pattern(2'000'000));
    CHECK(seen.answers.back().closes());
  }
  CHECK(on.see(kept).answers[1].status == 400);
  const ending how = on.finish();
  CHECK(refused_as(how.counters, refusals::bad_method) == 1);
  CHECK(bites(how.counters) == 1);
}

BEHAVIOUR("R41 Date stands in 2xx, 3xx, 4xx and in what the parser refuses") {
  on.serve({});
  const peer_id peer = on.connect(
      {sim_step::send(get("/plaintext") + get("/status/304") + get("/nowhere") + "G@T / \r\n"),
       sim_step::await_end()});
  on.until_ended();
  const auto seen = on.see(peer);
  REQUIRE(seen.complete == 4);
  const int statuses[] = {200, 304, 404, 400};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(seen.answers[i].status == statuses[i]);
    CHECK(seen.answers[i].field("date").ends_with(" GMT"));
  }
  on.finish();
}
