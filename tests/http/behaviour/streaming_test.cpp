// Coroutine handlers: both ways in pieces, with back-pressure both ways.
#include "behaviour/stage.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::behaviour;

BEHAVIOUR("streaming: a large echo runs both ways at once, in any pieces") {
  limits bounds;
  bounds.body_bytes_max = 10'000'000;
  on.serve(bounds);
  const std::string body(pattern(2'000'000));
  const peer_id counted = on.connect(ask(post("/stream-echo", body), 1));
  std::vector<std::string_view> chunks;
  for (std::size_t at = 0; at < body.size(); at += 10'007) {
    chunks.push_back(std::string_view(body).substr(at, 10'007));
  }
  const peer_id chunked = on.connect(ask(chunked_post("/stream-echo", chunks), 1));
  on.until_ended();
  for (const peer_id peer : {counted, chunked}) {
    const auto seen = on.see(peer);
    CHECK(seen.broken == "");
    REQUIRE(seen.complete == 1);
    CHECK(seen.answers[0].chunked);
    CHECK(seen.answers[0].body == body);
  }
  on.finish();
}

BEHAVIOUR("streaming: a handler does not run ahead of a peer that does not read") {
  limits bounds;
  bounds.write_deadline = 20 * second_ns;
  bounds.rate_grace = 20 * second_ns;
  on.serve(bounds);
  const std::size_t total = 20'000'000;
  const peer_id peer =
      on.connect({sim_step::stop_reading(), sim_step::send(get("/firehose/20000000")),
                  sim_step::pause(500 * millisecond_ns), sim_step::read_fully(), await_answers(1),
                  sim_step::half_close(), sim_step::await_end()},
                 true);
  std::size_t before = ~std::size_t{0};
  // Written until nothing moves any more.
  on.until([&] { return on.state.written > 0; });
  on.until(
      [&] {
        const std::size_t now = on.state.written;
        const bool stands = now == before;
        before = now;
        return stands;
      },
      100 * millisecond_ns);
  // What sockets buffer, and what the connection may queue; never the whole.
  CHECK(before < total - 1'000'000);
  if (on.exact()) CHECK(before < 128 * 1024 + 2 * 1024 * 1024);
  on.until_ended();
  const auto seen = on.see(peer);
  CHECK(seen.broken == "");
  REQUIRE(seen.complete == 1);
  CHECK(seen.answers[0].body == pattern(total));
  on.finish();
}

BEHAVIOUR("streaming: a peer is not read faster than its handler takes the body") {
  limits bounds;
  bounds.body_bytes_max = 30'000'000;
  bounds.write_deadline = 20 * second_ns;
  bounds.rate_grace = 20 * second_ns;
  on.serve(bounds);
  // It does not read its echo, so the handler cannot write, so the server must not read.
  const std::string body(pattern(20'000'000));
  const peer_id peer = on.connect(
      {sim_step::stop_reading(), sim_step::send(post("/stream-echo", body)), sim_step::reset()},
      true);
  std::uint64_t before = ~std::uint64_t{0};
  on.until([&] { return on.record(peer).sent_bytes > 0; });
  on.until(
      [&] {
        const std::uint64_t now = on.record(peer).sent_bytes;
        const bool stands = now == before;
        before = now;
        return stands;
      },
      200 * millisecond_ns);
  CHECK(before < body.size() - 1'000'000);
  CHECK(on.counters().bytes_received < body.size() - 1'000'000);
  on.drain();
  on.until_ended();
  on.finish();
}

BEHAVIOUR("streaming: a body past its limit is refused wherever the limit is met") {
  limits bounds;
  bounds.body_bytes_max = 10'000;
  on.serve(bounds);
  std::vector<std::string_view> chunks(11, pattern(1'000));
  const peer_id plain =
      on.connect({sim_step::send(chunked_post("/submit", chunks)), sim_step::await_end()});
  const peer_id collected =
      on.connect({sim_step::send(chunked_post("/collect", chunks)), sim_step::await_end()});
  const peer_id declared =
      on.connect({sim_step::send(post("/stream-echo", pattern(11'000))), sim_step::await_end()});
  const peer_id fits = on.connect(ask(post("/collect", pattern(10'000)), 1));
  on.until_ended();
  for (const peer_id peer : {plain, collected, declared}) {
    const auto seen = on.see(peer);
    CHECK(seen.broken == "");
    REQUIRE(seen.complete == 1);
    CHECK(seen.answers[0].status == 413);
    CHECK(seen.answers[0].closes());
  }
  REQUIRE(on.see(fits).complete == 1);
  CHECK(on.see(fits).answers[0].body == "10000");
  on.finish();
}

BEHAVIOUR("streaming: an answer without a length is chunked, and its end is seen") {
  on.serve({});
  const peer_id peer = on.connect(
      ask(get("/firehose/100000") + get("/stream/0") + get("/bytes/0") + get("/echo/next"), 4));
  on.until_ended();
  const auto seen = on.see(peer);
  CHECK(seen.broken == "");
  REQUIRE(seen.complete == 4);
  CHECK(seen.answers[0].chunked);
  CHECK(seen.answers[0].body == pattern(100'000));
  CHECK(seen.answers[1].body.empty());
  CHECK(seen.answers[2].field("content-length") == "0");
  CHECK(seen.answers[3].body == "next");
  on.finish();
}
