// Leaving HTTP (RFC 9110 7.8): who gets a 101, whose bytes are whose, and how such a stream ends.
#include "behaviour/probe.hpp"
#include "behaviour/stage.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::behaviour;

namespace {

constexpr std::string_view asking = "Connection: upgrade\r\nUpgrade: echo\r\n";

std::string tunnel(std::string_view target = "/tunnel") {
  return get(target, asking);
}

sim_step await_end_of(std::string text) {
  return sim_step::await_text(
      [text = std::move(text)](std::string_view received) { return received.ends_with(text); });
}

// What came behind the one 101; a sentence when there is none.
std::string beyond_http(std::string_view received) {
  constexpr std::string_view line = "HTTP/1.1 101 Switching Protocols\r\n";
  const std::size_t at = received.find(line);
  if (at == std::string_view::npos) return "no 101: " + std::string(received);
  const std::size_t end = received.find("\r\n\r\n", at);
  if (end == std::string_view::npos) return "no end of the head: " + std::string(received);
  const std::string_view head = received.substr(at, end + 2 - at);
  for (const std::string_view field : {"\r\nConnection: upgrade\r\n", "\r\nUpgrade: echo\r\n",
                                       "\r\nX-Tunnel: yes\r\n", "\r\nDate: ", "\r\nServer: weir"}) {
    if (head.find(field) == std::string_view::npos) return "missing: " + std::string(field);
  }
  for (const std::string_view field : {"Content-", "Transfer-", "close"}) {
    if (head.find(field) != std::string_view::npos) return "in it: " + std::string(field);
  }
  return std::string(received.substr(end + 4));
}

script talk(std::string request) {
  return {sim_step::send(std::move(request)),
          await_end_of("\r\n\r\n"),
          sim_step::send("hello"),
          await_end_of("hello"),
          sim_step::half_close(),
          sim_step::await_end()};
}

reply wants_upgrade() {
  return reply(426, "upgrade_required")
      .with("upgrade", "echo")
      .with("connection", "upgrade, keep-alive");
}

std::string on_tunnel(std::string_view fields) {
  return get("/tunnel", fields);
}

const bool registered = register_probes({
    served("upgrade: without an Upgrade field there is none", on_tunnel(""), {wants_upgrade()}),
    served("upgrade: an Upgrade that Connection does not name is not ours",
           on_tunnel("Upgrade: echo\r\n"), {wants_upgrade()}),
    served("upgrade: an option of Connection without an Upgrade field",
           on_tunnel("Connection: upgrade\r\n"), {wants_upgrade()}),
    served("upgrade: another protocol", on_tunnel("Connection: upgrade\r\nUpgrade: websocket\r\n"),
           {wants_upgrade()}),
    served("upgrade: a protocol that only begins with ours, or has a version that is not ours",
           on_tunnel("Connection: upgrade\r\nUpgrade: echoes, echo/2\r\n"), {wants_upgrade()}),
    served("upgrade: HEAD asks for a head",
           "HEAD /tunnel HTTP/1.1\r\nHost: weir\r\n" + std::string(asking) + "\r\n",
           {wants_upgrade()})
        .asked_with({"HEAD"}),
    served("R90 V14 upgrade: a handler that knows of none answers as if it were not asked",
           get("/delay/1", asking), {reply("late")}),
    refused("V14 upgrade: a body with a length", post("/tunnel", "hello", asking), 400,
            "upgrade_with_body"),
    refused("V14 upgrade: a chunked body, empty as it is",
            "POST /tunnel HTTP/1.1\r\nHost: weir\r\nTransfer-Encoding: chunked\r\n" +
                std::string(asking) + "\r\n0\r\n\r\n",
            400, "upgrade_with_body"),
    refused("V11 V14 upgrade: a body that waits for 100 is not asked for",
            "POST /tunnel HTTP/1.1\r\nHost: weir\r\nContent-Length: 5\r\nExpect: 100-continue\r\n" +
                std::string(asking) + "\r\n",
            400, "upgrade_with_body"),
});

}  // namespace

BEHAVIOUR(
    "R48 R50 V14 upgrade: after 101 the handler has the stream, with the bytes that were read "
    "already") {
  static_cast<void>(registered);
  on.serve({});
  const peer_id peer = on.connect({sim_step::send(tunnel() + "early "), await_end_of("early "),
                                   sim_step::send("later"), await_end_of("later"),
                                   sim_step::half_close(), sim_step::await_end()});
  const peer_id dripped =
      on.connect({sim_step::split(tunnel() + "early ", 7, 20 * microsecond_ns),
                  await_end_of("early "), sim_step::half_close(), sim_step::await_end()});
  on.until_ended();
  CHECK(beyond_http(on.record(peer).received) == "early later");
  CHECK(beyond_http(on.record(dripped).received) == "early ");
  CHECK(on.record(peer).end == sim_end::eof);
  CHECK(on.record(dripped).end == sim_end::eof);
  CHECK(on.state.tunnels_ended == 2);
  const ending how = on.finish();
  CHECK(how.counters.upgraded == 2);
  CHECK(how.counters.responses_1xx == 2);
  CHECK(how.counters.requests == 2);
  CHECK(how.counters.connections_reset == 0);
  CHECK(how.counters.handlers_failed == 0);
}

BEHAVIOUR("V14 upgrade: the ways of asking for it that mean the same") {
  on.serve({});
  std::vector<peer_id> peers;
  for (const std::string_view fields :
       {"Connection: keep-alive, Upgrade\r\nUpgrade: ECHO\r\n",
        "connection: x\r\nCONNECTION: UPGRADE\r\nupgrade: websocket, echo\r\n",
        "Upgrade: h2c\r\nUpgrade: echo\r\nConnection: ,upgrade,\r\n",
        "Connection: upgrade\r\nUpgrade: echo\r\nContent-Length: 0\r\n"}) {
    peers.push_back(on.connect(talk(get("/tunnel", fields))));
  }
  on.until_ended();
  for (const peer_id peer : peers) CHECK(beyond_http(on.record(peer).received) == "hello");
  CHECK(on.finish().counters.upgraded == peers.size());
}

BEHAVIOUR("R89 V14 upgrade: HTTP/1.0 and who asks for the close are answered, and closed") {
  on.serve({});
  const std::string fields(asking);
  std::vector<peer_id> peers;
  const std::string requests[] = {
      "GET /tunnel HTTP/1.0\r\n" + fields + "\r\n",
      "GET /tunnel HTTP/1.0\r\nConnection: keep-alive, upgrade\r\nUpgrade: echo\r\n\r\n",
      get("/tunnel", "Connection: upgrade, close\r\nUpgrade: echo\r\n")};
  for (const std::string& bytes : requests) {
    peers.push_back(on.connect(
        {sim_step::send(bytes), await_answers(1), sim_step::half_close(), sim_step::await_end()}));
  }
  on.until_ended();
  for (const peer_id peer : peers) {
    const stage::seen seen = on.see(peer);
    CHECK(seen.broken == "");
    CHECK(seen.interim == 0);
    REQUIRE(seen.complete == 1);
    CHECK(seen.answers[0].status == 426);
    CHECK(seen.answers[0].field("upgrade") == "echo");
  }
  CHECK(on.finish().counters.upgraded == 0);
}

BEHAVIOUR("upgrade: requests before it are answered first, and none is read behind it") {
  on.serve({});
  const std::string behind = get("/echo/smuggled");
  const peer_id peer =
      on.connect({sim_step::send(get("/echo/before") + get("/delay/1") + tunnel() + behind),
                  await_end_of(behind), sim_step::half_close(), sim_step::await_end()});
  on.until_ended();
  const std::string& received = on.record(peer).received;
  CHECK(beyond_http(received) == behind);
  const test::answer_reader before =
      test::read_answers(received.substr(0, received.find("HTTP/1.1 101 ")), false);
  CHECK(before.broken() == "");
  REQUIRE(before.complete() == 2);
  CHECK(before.answers()[0].body == "before");
  CHECK(before.answers()[1].body == "late");
  CHECK(on.state.smuggled == 0);
  CHECK(on.finish().counters.requests == 3);
}

BEHAVIOUR("R75 upgrade: a field that would split the 101 is a 500, and nobody has the stream") {
  on.serve({});
  const peer_id peer = on.connect(
      {sim_step::send(tunnel("/tunnel-split") + get("/echo/smuggled")), sim_step::await_end()});
  on.until_ended();
  const stage::seen seen = on.see(peer);
  CHECK(seen.broken == "");
  REQUIRE(seen.complete == 1);
  CHECK(seen.answers[0].status == 500);
  CHECK(seen.answers[0].closes());
  CHECK(on.state.smuggled == 0);
  const ending how = on.finish();
  CHECK(how.counters.upgraded == 0);
  CHECK(how.counters.handlers_failed == 1);
}

BEHAVIOUR("upgrade: a handler that throws breaks the stream off") {
  on.serve({});
  const peer_id peer =
      on.connect({sim_step::send(tunnel("/tunnel-throws")), await_end_of("\r\n\r\n"),
                  sim_step::send("x"), sim_step::await_end()});
  on.until_ended();
  CHECK(on.record(peer).end == sim_end::reset);
  CHECK(on.state.tunnels_ended == 1);
  const ending how = on.finish();
  CHECK(how.counters.handlers_failed == 1);
  CHECK(how.counters.connections_reset == 1);
}

BEHAVIOUR("upgrade: a peer that resets at any moment ends its own stream and no other") {
  on.serve({});
  const peer_id other =
      on.connect({sim_step::send(tunnel()), await_end_of("\r\n\r\n"),
                  sim_step::pause(20 * millisecond_ns), sim_step::send("still"),
                  await_end_of("still"), sim_step::half_close(), sim_step::await_end()});
  on.connect({sim_step::send(tunnel()), sim_step::reset()});
  on.connect({sim_step::send(tunnel() + "x"), sim_step::reset()});
  on.connect({sim_step::send(tunnel()), await_end_of("\r\n\r\n"), sim_step::reset()});
  on.connect(
      {sim_step::send(tunnel()), await_end_of("\r\n\r\n"), sim_step::send("x"), sim_step::reset()});
  on.connect(
      {sim_step::send(tunnel("/tunnel-flood")), sim_step::await_bytes(100'000), sim_step::reset()});
  on.connect({sim_step::send(tunnel("/tunnel-both")), sim_step::await_bytes(100'000),
              sim_step::send("x"), sim_step::reset()});
  on.until_ended();
  CHECK(beyond_http(on.record(other).received) == "still");
  on.until([&] { return on.state.tunnels_ended == on.state.tunnels_begun; });
  CHECK(on.finish().report.forced == 0);
}

BEHAVIOUR("upgrade: the deadline of the handler ends with the 101, that of idling begins") {
  limits bounds;
  bounds.handler_deadline = 200 * millisecond_ns;
  bounds.idle_deadline = bounds.head_deadline = 300 * millisecond_ns;
  bounds.upgraded_idle_deadline = second_ns;
  on.serve(bounds);
  const peer_id peer = on.connect({sim_step::send(tunnel()), await_end_of("\r\n\r\n"),
                                   sim_step::pause(600 * millisecond_ns), sim_step::send("on"),
                                   await_end_of("on"), sim_step::await_end()});
  on.until_ended();
  CHECK(beyond_http(on.record(peer).received) == "on");
  CHECK(on.record(peer).end == sim_end::eof);
  on.check_span(on.see(peer).lasted_ns, 1'600 * millisecond_ns);
  CHECK(on.state.tunnels_ended == 1);
  const ending how = on.finish();
  CHECK(how.counters.timed_out_upgraded_idle_deadline == 1);
  CHECK(how.counters.timed_out_handler_deadline == 0);
  CHECK(how.counters.timed_out_idle_deadline == 0);
}

BEHAVIOUR("upgrade: a route has an idle deadline of its own") {
  on.state.own.upgraded_idle_deadline = 150 * millisecond_ns;
  on.serve({});
  const peer_id peer = on.connect({sim_step::send(tunnel()), sim_step::await_end()});
  on.until_ended();
  CHECK(beyond_http(on.record(peer).received) == "");
  on.check_span(on.see(peer).lasted_ns, 150 * millisecond_ns);
  CHECK(on.finish().counters.timed_out_upgraded_idle_deadline == 1);
}

BEHAVIOUR("upgrade: a peer that stops reading is cut by the clock of writing, not of idling") {
  limits bounds;
  bounds.write_deadline = 500 * millisecond_ns;
  bounds.upgraded_idle_deadline = 100 * millisecond_ns;
  on.serve(bounds);
  const peer_id peer =
      on.connect({sim_step::stop_reading(), sim_step::send(tunnel("/tunnel-flood")),
                  sim_step::pause(2 * second_ns), sim_step::close()},
                 true);
  on.until([&] { return on.state.tunnels_begun == 1 && on.state.tunnels_ended == 1; });
  const peer_id other = on.connect(ask(get("/plaintext"), 1));
  on.until([&] { return on.ended(other); });
  CHECK(on.see(other).complete == 1);
  on.until([&] { return on.ended(peer); });
  const ending how = on.finish();
  CHECK(how.counters.timed_out_write_deadline == 1);
  CHECK(how.counters.timed_out_upgraded_idle_deadline == 0);
  CHECK(how.counters.connections_reset == 1);
}

BEHAVIOUR("upgrade: both directions at one time, whole and in order") {
  on.serve({});
  const std::string sent(pattern(300'000));
  const std::string sum = " read " + std::to_string(sent.size());
  const peer_id peer = on.connect({sim_step::send(tunnel("/tunnel-both") + sent),
                                   sim_step::half_close(), sim_step::await_end()});
  on.until_ended();
  CHECK(on.record(peer).end == sim_end::eof);
  CHECK(beyond_http(on.record(peer).received) == std::string(pattern(both_bytes)) + sum);
  CHECK(on.finish().counters.connections_reset == 0);
}

BEHAVIOUR("upgrade: two tasks may not read one stream") {
  on.serve({});
  const peer_id peer =
      on.connect({sim_step::send(tunnel("/tunnel-twice")), await_end_of("\r\n\r\n"),
                  sim_step::pause(millisecond_ns), sim_step::send("x"), sim_step::await_end()});
  on.until_ended();
  CHECK(beyond_http(on.record(peer).received) == "none invalid");
  on.finish();
}

BEHAVIOUR("upgrade: a stream that was handed over is a request under way") {
  limits bounds;
  bounds.requests_in_flight_max = 1;
  on.serve(bounds);
  const peer_id holder = on.connect({sim_step::send(tunnel()), await_end_of("bye"),
                                     sim_step::half_close(), sim_step::await_end()});
  on.until([&] { return on.state.tunnels_begun == 1; });
  const peer_id second = on.connect(ask(get("/delay/1"), 1));
  on.until([&] { return on.ended(second); });
  REQUIRE(on.see(second).complete == 1);
  CHECK(on.see(second).answers[0].status == 503);
  CHECK_FALSE(on.ended(holder));
  const ending how = on.finish();
  CHECK(how.counters.shed_requests_in_flight_max == 1);
  CHECK(beyond_http(on.record(holder).received) == "bye");
}

BEHAVIOUR("upgrade: at a drain the handler is told once, says goodbye, and hears it answered") {
  on.serve({});
  const peer_id peer =
      on.connect({sim_step::send(tunnel()), await_end_of("bye"), sim_step::send("good bye"),
                  await_end_of("good bye"), sim_step::half_close(), sim_step::await_end()});
  on.until([&] { return on.state.tunnels_begun == 1; });
  on.drain();
  on.until_ended();
  CHECK(beyond_http(on.record(peer).received) == "byegood bye");
  CHECK(on.record(peer).end == sim_end::eof);
  CHECK(on.state.tunnels_told == 1);
  const ending how = on.finish();
  CHECK(how.report.drained == 1);
  CHECK(how.report.forced == 0);
}

BEHAVIOUR("upgrade: who does not answer a goodbye is cut at the end of the drain") {
  limits bounds;
  bounds.drain_timeout = 300 * millisecond_ns;
  on.serve(bounds);
  const peer_id peer = on.connect({sim_step::send(tunnel()), sim_step::await_end()});
  on.until([&] { return on.state.tunnels_begun == 1; });
  on.drain();
  on.until_ended();
  CHECK(beyond_http(on.record(peer).received) == "bye");
  CHECK(on.record(peer).end == sim_end::reset);
  const ending how = on.finish();
  CHECK(on.state.tunnels_ended == 1);
  CHECK(how.report.drained == 0);
  CHECK(how.report.forced == 1);
}

BEHAVIOUR("upgrade: a drain that has begun begins no other protocol") {
  limits bounds;
  bounds.drain_delay = 500 * millisecond_ns;
  on.serve(bounds);
  // One whose handler runs already, and one that comes in the delay.
  const peer_id before = on.connect(
      {sim_step::send(tunnel("/tunnel-late") + get("/echo/smuggled")), sim_step::await_end()});
  on.until([&] { return on.state.at_gate == 1; });
  on.drain();
  const peer_id during =
      on.connect({sim_step::send(tunnel() + get("/echo/smuggled")), sim_step::await_end()});
  on.until([&] { return on.ended(during); });
  on.state.gate_open = true;
  on.until_ended();
  for (const peer_id peer : {before, during}) {
    const stage::seen seen = on.see(peer);
    CHECK(seen.broken == "");
    REQUIRE(seen.complete == 1);
    CHECK(seen.interim == 0);
    CHECK(seen.answers[0].status == 503);
    CHECK(seen.answers[0].field("retry-after") == "1");
    CHECK(seen.answers[0].closes());
  }
  CHECK(on.state.smuggled == 0);
  CHECK(on.finish().counters.upgraded == 0);
}
