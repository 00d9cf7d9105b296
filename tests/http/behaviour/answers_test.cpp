// What a peer that behaves gets: one answer for each request, in order, framed as asked.
#include "behaviour/post_conditions.hpp"
#include "support/temp_file.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::behaviour;

BEHAVIOUR("answers: one connection is kept for one request after the other") {
  on.serve({});
  script steps;
  for (std::size_t i = 0; i < 5; ++i) {
    steps.push_back(sim_step::send(get("/echo/n" + std::to_string(i))));
    steps.push_back(await_answers(i + 1));
  }
  steps.push_back(sim_step::half_close());
  steps.push_back(sim_step::await_end());
  const peer_id peer = on.connect(std::move(steps));
  on.until_ended();
  const auto seen = on.see(peer);
  CHECK(seen.broken == "");
  CHECK(seen.end == sim_end::eof);
  REQUIRE(seen.complete == 5);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(seen.answers[i].status == 200);
    CHECK(seen.answers[i].body == "n" + std::to_string(i));
    CHECK(seen.answers[i].field("connection") == "");
    CHECK(seen.answers[i].field("server") == "weir");
    CHECK(seen.answers[i].field("content-type") == "text/plain; charset=utf-8");
  }
  const ending how = on.finish();
  CHECK(how.counters.connections_accepted == 1);
  CHECK(how.counters.requests == 5);
  CHECK(how.counters.responses_2xx == 5);
}

BEHAVIOUR("answers: 64 requests in one piece are answered in their order") {
  on.serve({});
  std::string all;
  for (int i = 0; i < 64; ++i) all += get("/echo/n" + std::to_string(i));
  const peer_id peer = on.connect(ask(all, 64));
  on.until_ended();
  const auto seen = on.see(peer);
  CHECK(seen.broken == "");
  REQUIRE(seen.complete == 64);
  for (std::size_t i = 0; i < 64; ++i) CHECK(seen.answers[i].body == "n" + std::to_string(i));
  CHECK(on.finish().counters.requests == 64);
}

BEHAVIOUR("answers: a pipeline of every kind of handler keeps its order") {
  on.serve({});
  const std::string all = get("/delay/20") + get("/plaintext") + post("/submit", "first") +
                          get("/stream/3") + chunked_post("/stream-echo", {"sec", "ond"}) +
                          get("/bytes/100000") + get("/nowhere") + post("/collect", "12345") +
                          get("/echo/last");
  const peer_id peer = on.connect(ask(all, 9));
  on.until_ended();
  const auto seen = on.see(peer);
  CHECK(seen.broken == "");
  REQUIRE(seen.complete == 9);
  CHECK(seen.answers[0].body == "late");
  CHECK(seen.answers[1].body == "Hello, World!");
  CHECK(seen.answers[2].body == "first");
  CHECK(seen.answers[3].body == "line 0\nline 1\nline 2\n");
  CHECK(seen.answers[3].chunked);
  CHECK(seen.answers[4].body == "second");
  CHECK(seen.answers[5].body == pattern(100'000));
  CHECK_FALSE(seen.answers[5].chunked);
  CHECK(seen.answers[6].status == 404);
  CHECK(seen.answers[6].field("content-type") == "application/problem+json");
  CHECK(seen.answers[7].body == "5");
  CHECK(seen.answers[8].body == "last");
  on.finish();
}

BEHAVIOUR("answers: HEAD gets what GET would, without the body, and the connection goes on") {
  on.serve({});
  const auto head = [](std::string_view target) {
    std::string r = get(target);
    return r.replace(0, 3, "HEAD");
  };
  const std::vector<std::string> methods = {"HEAD", "HEAD", "HEAD", "HEAD", "GET"};
  const std::string all = head("/plaintext") + head("/stream/3") + head("/bytes/1000") +
                          head("/nowhere") + get("/plaintext");
  const peer_id peer = on.connect({sim_step::send(all), await_answers(5, methods),
                                   sim_step::half_close(), sim_step::await_end()});
  on.until_ended();
  const auto seen = on.see(peer, methods);
  CHECK(seen.broken == "");
  REQUIRE(seen.complete == 5);
  CHECK(seen.answers[0].field("content-length") == "13");
  CHECK(seen.answers[2].field("content-length") == "1000");
  CHECK(seen.answers[3].status == 404);
  CHECK(seen.answers[4].body == "Hello, World!");
  on.finish();
}

BEHAVIOUR("answers: a body arrives whole by length and by chunks, in any pieces") {
  on.serve({});
  const std::string body(pattern(20'000));
  const std::string_view b = body;
  std::vector<std::string_view> chunks;
  for (std::size_t at = 0; at < b.size(); at += 1'777) chunks.push_back(b.substr(at, 1'777));
  const std::string all = post("/submit", body) + chunked_post("/submit", chunks) +
                          chunked_post("/stream-echo", chunks) + post("/stream-echo", body) +
                          chunked_post("/collect", chunks) + post("/submit", "") +
                          chunked_post("/submit", {});
  const peer_id whole = on.connect(ask(all, 7));
  const peer_id pieces =
      on.connect({sim_step::split(all, 900, 50 * microsecond_ns), await_answers(7),
                  sim_step::half_close(), sim_step::await_end()});
  on.until_ended();
  for (const peer_id peer : {whole, pieces}) {
    const auto seen = on.see(peer);
    CHECK(seen.broken == "");
    REQUIRE(seen.complete == 7);
    for (const std::size_t i : {0u, 1u, 2u, 3u}) CHECK(seen.answers[i].body == body);
    CHECK(seen.answers[4].body == "20000");
    CHECK(seen.answers[5].body.empty());
    CHECK(seen.answers[6].body.empty());
  }
  on.finish();
}

BEHAVIOUR("F28 R83 R87 V11 whoever waits for 100 gets it once, before the body") {
  on.serve({});
  const auto patient = [](std::string_view target) {
    return script{sim_step::send("POST " + std::string(target) +
                                 " HTTP/1.1\r\nHost: weir\r\nContent-Length: 5\r\n"
                                 "Expect: 100-continue\r\n\r\n"),
                  await_interim(1),
                  sim_step::send("hello"),
                  await_answers(1),
                  sim_step::half_close(),
                  sim_step::await_end()};
  };
  const peer_id plain = on.connect(patient("/submit"));
  const peer_id collected = on.connect(patient("/collect"));
  on.until_ended();
  for (const peer_id peer : {plain, collected}) {
    const auto seen = on.see(peer);
    CHECK(seen.broken == "");
    REQUIRE(seen.complete == 1);
    CHECK(seen.answers[0].interim == std::vector<int>{100});
    CHECK(seen.answers[0].body == (peer == plain ? "hello" : "5"));
  }
  CHECK(on.finish().counters.responses_1xx == 2);
}

BEHAVIOUR("V11 each of three requests on one connection that wait for 100 gets one") {
  on.serve({});
  // So many interim answers, whatever else there is.
  const auto await_hundreds = [](std::size_t n) {
    return sim_step::await_text([n](std::string_view received) {
      return test::read_answers(received, false).interim() >= n;
    });
  };
  script steps;
  for (std::size_t i = 1; i <= 3; ++i) {
    steps.push_back(
        sim_step::send("POST /submit HTTP/1.1\r\nHost: weir\r\nContent-Length: 5\r\n"
                       "Expect: 100-continue\r\n\r\n"));
    steps.push_back(await_hundreds(i));
    steps.push_back(sim_step::send("hello"));
    steps.push_back(await_answers(i));
  }
  steps.push_back(sim_step::half_close());
  steps.push_back(sim_step::await_end());
  const peer_id peer = on.connect(std::move(steps));
  on.until_ended();
  const auto seen = on.see(peer);
  // The reader calls an interim answer with framing fields broken.
  CHECK(seen.broken == "");
  REQUIRE(seen.complete == 3);
  for (const test::answer& a : seen.answers) {
    CHECK(a.interim == std::vector<int>{100});
    CHECK(a.status == 200);
    CHECK(a.body == "hello");
  }
  CHECK(on.finish().counters.responses_1xx == 3);
}

BEHAVIOUR("F28 V10 a body that may not come is refused without 100") {
  limits small;
  small.body_bytes_max = 1'000;
  on.serve(small);
  const peer_id large =
      on.connect({sim_step::send("POST /submit HTTP/1.1\r\nHost: weir\r\nContent-Length: 1001\r\n"
                                 "Expect: 100-continue\r\n\r\n"),
                  sim_step::await_end()});
  const peer_id odd = on.connect({sim_step::send("POST /submit HTTP/1.1\r\nHost: weir\r\n"
                                                 "Content-Length: 5\r\nExpect: miracles\r\n\r\n"),
                                  sim_step::await_end()});
  // Nobody would read this body: the final answer comes instead of 100.
  const peer_id nowhere =
      on.connect({sim_step::send("POST /nowhere HTTP/1.1\r\nHost: weir\r\n"
                                 "Content-Length: 5\r\n"
                                 "Expect: 100-continue\r\n\r\n"),
                  await_answers(1), sim_step::half_close(), sim_step::await_end()});
  on.until_ended();
  const auto first = on.see(large);
  CHECK(first.broken == "");
  REQUIRE(first.complete == 1);
  CHECK(first.answers[0].status == 413);
  CHECK(first.answers[0].closes());
  CHECK(first.interim == 0);
  CHECK(first.end == sim_end::eof);
  const auto second = on.see(odd);
  REQUIRE(second.complete == 1);
  CHECK(second.answers[0].status == 417);
  CHECK(second.interim == 0);
  const auto third = on.see(nowhere);
  REQUIRE(third.complete == 1);
  CHECK(third.answers[0].status == 404);
  CHECK(third.interim == 0);
  on.finish();
}

BEHAVIOUR("R47 R84 V11 HTTP/1.0 gets no 1xx, no chunks, and a close unless it asked to be kept") {
  on.serve({});
  const peer_id closing =
      on.connect({sim_step::send("GET /plaintext HTTP/1.0\r\n\r\n"), sim_step::await_end()});
  const peer_id kept = on.connect(
      {sim_step::send("GET /plaintext HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
       await_answers(1), sim_step::send("GET /plaintext HTTP/1.0\r\n\r\n"), sim_step::await_end()});
  const peer_id expecting =
      on.connect({sim_step::send("POST /submit HTTP/1.0\r\nContent-Length: 5\r\n"
                                 "Expect: 100-continue\r\n\r\nhello"),
                  sim_step::await_end()});
  const peer_id streamed =
      on.connect({sim_step::send("GET /firehose/70000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
                  sim_step::await_end()});
  on.until_ended();
  for (const peer_id peer : {closing, kept, expecting, streamed}) {
    const auto seen = on.see(peer);
    CHECK(seen.broken == "");
    CHECK(seen.interim == 0);
    CHECK(seen.end == sim_end::eof);
    REQUIRE(seen.complete == (peer == kept ? 2 : 1));
    CHECK(seen.answers.back().closes());
  }
  CHECK(on.see(kept).answers[0].field("connection") == "keep-alive");
  CHECK(on.see(expecting).answers[0].body == "hello");
  const auto stream = on.see(streamed).answers[0];
  CHECK(stream.until_close);
  CHECK(stream.body == pattern(70'000));
  on.finish();
}

BEHAVIOUR("answers: Connection: close is answered, kept to, and nothing behind it is served") {
  on.serve({});
  const peer_id asked =
      on.connect({sim_step::send(get("/echo/one", "Connection: close\r\n") + get("/echo/two")),
                  sim_step::await_end()});
  const peer_id told =
      on.connect({sim_step::send(get("/close") + get("/echo/two")), sim_step::await_end()});
  on.until_ended();
  for (const peer_id peer : {asked, told}) {
    const auto seen = on.see(peer);
    CHECK(seen.broken == "");
    CHECK(seen.end == sim_end::eof);
    REQUIRE(seen.complete == 1);
    CHECK(seen.answers[0].status == 200);
    CHECK(seen.answers[0].closes());
  }
  CHECK(on.state.echoes == 1);
  on.finish();
}

BEHAVIOUR("answers: 404, 405 with Allow, 501 and OPTIONS * tell what is served") {
  on.serve({});
  const std::string all = get("/nowhere") +
                          "DELETE /submit HTTP/1.1\r\nHost: weir\r\n\r\n"
                          "OPTIONS * HTTP/1.1\r\nHost: weir\r\n\r\n" +
                          get("/plaintext");
  const peer_id known = on.connect(ask(all, 4));
  const peer_id unknown =
      on.connect({sim_step::send("BREW / HTTP/1.1\r\nHost: weir\r\n\r\n"), sim_step::await_end()});
  on.until_ended();
  const auto seen = on.see(known);
  CHECK(seen.broken == "");
  REQUIRE(seen.complete == 4);
  CHECK(seen.answers[0].status == 404);
  CHECK(seen.answers[1].status == 405);
  CHECK(seen.answers[1].field("allow").find("POST") != std::string_view::npos);
  CHECK(seen.answers[2].status == 204);
  CHECK(seen.answers[2].field("allow").find("GET") != std::string_view::npos);
  CHECK(seen.answers[3].status == 200);
  REQUIRE(on.see(unknown).complete == 1);
  CHECK(on.see(unknown).answers[0].status == 501);
  on.finish();
}

BEHAVIOUR("D08 a peer that half-closes behind its request still gets the answer") {
  on.serve({});
  others good(on);
  const peer_id plain = on.connect(ask(get("/plaintext")));
  const peer_id waiting = on.connect(ask(get("/delay/30")));
  const peer_id large = on.connect(ask(get("/bytes/300000")));
  const peer_id several = on.connect(ask(get("/delay/10") + get("/echo/two") + get("/stream/2")));
  good.check();
  REQUIRE(on.see(plain).complete == 1);
  CHECK(on.see(plain).answers[0].body == "Hello, World!");
  REQUIRE(on.see(waiting).complete == 1);
  CHECK(on.see(waiting).answers[0].body == "late");
  REQUIRE(on.see(large).complete == 1);
  CHECK(on.see(large).answers[0].body == pattern(300'000));
  CHECK(on.see(several).complete == 3);
  for (peer_id p = 0; p < on.peers(); ++p) {
    CHECK(on.see(p).broken == "");
    CHECK(on.see(p).end == sim_end::eof);
  }
  const ending how = on.finish();
  CHECK(bites(how.counters) == 0);
  CHECK(how.counters.connections_reset == 0);
}

BEHAVIOUR("R55 R64 a half-closed request that is not whole gets no answer, and an end in order") {
  on.serve({});
  const peer_id head = on.connect(ask("GET /plaintext HTTP/1.1\r\nHost: w"));
  const peer_id body =
      on.connect(ask("POST /submit HTTP/1.1\r\nHost: weir\r\nContent-Length: 10\r\n\r\nhello"));
  const peer_id chunk = on.connect(
      ask("POST /submit HTTP/1.1\r\nHost: weir\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"));
  const peer_id nothing = on.connect(ask(""));
  on.until_ended();
  for (const peer_id peer : {head, body, chunk, nothing}) {
    CHECK(on.received_bytes(peer) == 0);
    CHECK(on.record(peer).end == sim_end::eof);
  }
  CHECK(on.finish().counters.responses_2xx == 0);
}

BEHAVIOUR("answers: a file arrives byte for byte, twice on one connection") {
  const test::temp_file source(pattern(3'000'000));
  result<file> opened = file::open_read(source.path());
  REQUIRE(opened.ok());
  on.state.served = std::move(opened).value();
  on.serve({});
  const peer_id peer = on.connect(ask(get("/file") + get("/file") + get("/plaintext"), 3));
  const peer_id head =
      on.connect({sim_step::send("HEAD /file HTTP/1.1\r\nHost: weir\r\n\r\n"),
                  await_answers(1, {"HEAD"}), sim_step::half_close(), sim_step::await_end()});
  on.until_ended();
  const auto seen = on.see(peer);
  CHECK(seen.broken == "");
  REQUIRE(seen.complete == 3);
  CHECK(seen.answers[0].body == pattern(3'000'000));
  CHECK(seen.answers[1].body == seen.answers[0].body);
  CHECK(seen.answers[0].field("content-length") == "3000000");
  CHECK(on.see(head, {"HEAD"}).broken == "");
  CHECK(on.see(head, {"HEAD"}).complete == 1);
  on.finish();
  on.state.served.close();
}

BEHAVIOUR("answers: a file is a whole answer behind others, of any size, and a bad head is a 500") {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{200'000}}) {
    const test::temp_file source(pattern(size));
    result<file> opened = file::open_read(source.path());
    REQUIRE(opened.ok());
    on.state.served = std::move(opened).value();
    if (size == 0) on.serve({});
    const peer_id peer = on.connect(
        ask(get("/plaintext") + get("/whole-file") + get("/bad-file") + get("/whole-file"), 4));
    const peer_id head =
        on.connect({sim_step::send("HEAD /whole-file HTTP/1.1\r\nHost: weir\r\n\r\n"),
                    await_answers(1, {"HEAD"}), sim_step::half_close(), sim_step::await_end()});
    on.until_ended();
    const auto seen = on.see(peer);
    CHECK(seen.broken == "");
    REQUIRE(seen.complete >= 2);
    CHECK(seen.answers[1].body == pattern(size));
    CHECK(seen.answers[1].field("content-length") == std::to_string(size));
    CHECK(seen.answers[1].field("content-type") == "text/plain; charset=utf-8");
    CHECK(seen.answers[1].field("x-whole") == "yes");
    REQUIRE(seen.complete == 3);  // a handler's own mistake ends the connection
    CHECK(seen.answers[2].status == 500);
    CHECK(on.see(head, {"HEAD"}).complete == 1);
    CHECK(on.see(head, {"HEAD"}).broken == "");
    on.state.served.close();
  }
  on.finish();
}

BEHAVIOUR("answers: a body nobody reads is skipped when small, and ends the connection when not") {
  on.serve({});
  const peer_id small = on.connect(ask(post("/ignore", "unread") + get("/echo/next"), 2));
  const peer_id large = on.connect(
      {sim_step::send(post("/ignore", pattern(900'000))), await_answers(1), sim_step::await_end()});
  on.until_ended();
  const auto kept = on.see(small);
  CHECK(kept.broken == "");
  REQUIRE(kept.complete == 2);
  CHECK(kept.answers[0].body == "ignored");
  CHECK(kept.answers[1].body == "next");
  const auto ended = on.see(large);
  CHECK(ended.broken == "");
  REQUIRE(ended.complete == 1);
  CHECK(ended.answers[0].body == "ignored");
  CHECK(ended.answers[0].closes());
  on.finish();
}
