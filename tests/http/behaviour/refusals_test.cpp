// What a peer that breaks the protocol gets: one answer it can read, and nothing behind it.
#include "behaviour/post_conditions.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::behaviour;

namespace {

const std::string smuggled = get("/echo/smuggled");
const std::string chunked_head =
    " /submit HTTP/1.1\r\nHost: weir\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::size_t mib = 1'024 * 1'024;
const std::size_t one_receive = runtime::scheduler_options().receive_buffer_bytes;

struct attack {
  const char* what;
  std::string bytes;
  int status;
};

std::vector<attack> attacks() {
  const std::string head = "POST /submit HTTP/1.1\r\nHost: weir\r\n";
  return {
      {"CL and TE", head + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
       400},
      {"two lengths", head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400},
      {"a length with a sign", head + "Content-Length: +5\r\n\r\nhello", 400},
      {"two codings", head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"TE twice", head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"TE in HTTP/1.0",
       "POST /submit HTTP/1.0\r\nHost: weir\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"a bare LF", "GET / HTTP/1.1\nHost: weir\r\n\r\n", 400},
      {"a folded line", "GET / HTTP/1.1\r\nHost: weir\r\nX: a\r\n b\r\n\r\n", 400},
      {"space before a colon", "GET / HTTP/1.1\r\nHost : weir\r\n\r\n", 400},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: weir\r\n\r\n", 505},
      {"a chunk size with a sign",
       head + "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n", 400},
      {"a chunk that is too long",
       head + "Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n", 400},
      {"LF in a chunk extension",
       head + "Transfer-Encoding: chunked\r\n\r\n5;a\nhello\r\n0\r\n\r\n", 400},
      {"a forbidden trailer",
       head + "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n", 400},
      {"a path that leaves the root", "GET /../secret HTTP/1.1\r\nHost: weir\r\n\r\n", 400},
  };
}

}  // namespace

BEHAVIOUR("refusals: an attack on framing gets one answer, and nothing behind it is parsed") {
  on.serve({});
  std::vector<peer_id> peers;
  for (const attack& a : attacks()) {
    peers.push_back(on.connect({sim_step::send(a.bytes + smuggled), sim_step::await_end()}));
  }
  on.until_ended();
  const std::vector<attack> all = attacks();
  for (std::size_t i = 0; i < all.size(); ++i) {
    INFO(all[i].what);
    const auto seen = on.see(peers[i]);
    CHECK(seen.broken == "");
    CHECK(seen.end == sim_end::eof);
    REQUIRE(seen.complete == 1);
    CHECK(seen.answers[0].status == all[i].status);
    CHECK(seen.answers[0].closes());
    CHECK(seen.answers[0].field("content-type") == "application/problem+json");
  }
  CHECK(on.state.echoes == 0);
  on.finish();
}

BEHAVIOUR("refusals: those before it are answered first, in order") {
  on.serve({});
  const peer_id peer =
      on.connect({sim_step::send(get("/delay/20") + get("/echo/two") + "BAD\r\n\r\n" + smuggled),
                  sim_step::await_end()});
  on.until_ended();
  const auto seen = on.see(peer);
  CHECK(seen.broken == "");
  REQUIRE(seen.complete == 3);
  CHECK(seen.answers[0].body == "late");
  CHECK(seen.answers[1].body == "two");
  CHECK(seen.answers[2].status == 400);
  CHECK(seen.answers[2].closes());
  CHECK(on.state.echoes == 1);
  on.finish();
}

BEHAVIOUR("F11 R69 R71 a refusal can be read although the peer goes on sending") {
  limits bounds;
  bounds.body_bytes_max = 1'000;
  on.serve(bounds);
  // More than any socket buffers, but within what is discarded: a close would be a reset, and
  // would take the answer away.
  const std::string more(200'000, 'x');
  const peer_id large = on.connect(
      {sim_step::send("POST /submit HTTP/1.1\r\nHost: weir\r\nContent-Length: 200000\r\n\r\n" +
                      more),
       sim_step::await_end()});
  const peer_id bad =
      on.connect({sim_step::send("G@T / HTTP/1.1\r\n\r\n" + more), sim_step::await_end()});
  on.until_ended();
  for (const peer_id peer : {large, bad}) {
    const auto seen = on.see(peer);
    CHECK(seen.broken == "");
    CHECK(seen.end == sim_end::eof);
    REQUIRE(seen.complete == 1);
    CHECK(seen.answers[0].status == (peer == large ? 413 : 400));
  }
  on.finish();
}

BEHAVIOUR(
    "linger_bytes_max, linger_deadline: a peer that goes on for ever is cut off at the bound of "
    "lingering") {
  limits bounds;
  bounds.linger_deadline = 500 * millisecond_ns;
  bounds.linger_bytes_max = 10'000;
  on.serve(bounds);
  const peer_id flood =
      on.connect({sim_step::send("G@T / HTTP/1.1\r\n\r\n" + std::string(60'000'000, 'x')),
                  sim_step::await_end()});
  // Sends nothing more, and never ends its side.
  const peer_id mute =
      on.connect({sim_step::send("G@T / HTTP/1.1\r\n\r\n"), await_answers(1),
                  sim_step::stop_reading(), sim_step::pause(20 * second_ns), sim_step::close()});
  on.until([&] { return on.ended(flood); });
  on.until([&] { return on.counters().connections_closed == 2; });
  CHECK(on.see(mute).complete == 1);
  const ending how = on.finish();
  CHECK(how.counters.linger_bytes_max_reached >= 1);
  CHECK(how.counters.timed_out_linger_deadline >= 1);
}

BEHAVIOUR("R95 F14 a head without an end is refused at its limit, and no more of it is read") {
  limits bounds;
  bounds.head_bytes_max = 16 * 1'024;
  bounds.linger_bytes_max = 2 * mib;
  on.serve(bounds);
  others good(on);
  const std::string begin = "GET /plaintext HTTP/1.1\r\nHost: weir\r\nX: ";
  const peer_id field =
      on.connect({sim_step::send(begin + std::string(mib, 'a')), sim_step::await_end()});
  good.check();
  const auto seen = on.see(field);
  CHECK(seen.broken == "");
  CHECK(seen.end == sim_end::eof);
  REQUIRE(seen.complete == 1);
  CHECK(seen.answers[0].status == 431);
  CHECK(seen.answers[0].closes());
  const ending how = on.finish();
  CHECK(refused_as(how.counters, refusals::head_too_large) == 1);
  CHECK(bites(how.counters) == 1);
  // Lingering discards the rest, and does not count as reading it.
  CHECK(how.counters.bytes_received < bounds.head_bytes_max + one_receive + 1'024);
}

BEHAVIOUR("F25 R62 R95 an endless chunk extension is refused at its limit, wherever it stands") {
  limits bounds;
  bounds.chunk_line_bytes_max = 256;
  bounds.chunk_extension_bytes_max = 1'024;
  bounds.linger_bytes_max = 2 * mib;
  on.serve(bounds);
  others good(on);
  const peer_id line =
      on.connect({sim_step::send("POST" + chunked_head + "1;" + std::string(mib, 'a')),
                  sim_step::await_end()});
  std::string many = chunked_head;
  for (int i = 0; i < 100; ++i) many += "1;" + std::string(100, 'a') + "\r\nx\r\n";
  many += "0\r\n\r\n";
  const peer_id sum = on.connect({sim_step::send("POST" + many), sim_step::await_end()});
  good.check();
  for (const peer_id peer : {line, sum}) {
    const auto seen = on.see(peer);
    CHECK(seen.broken == "");
    CHECK(seen.end == sim_end::eof);
    REQUIRE(seen.complete == 1);
    CHECK(seen.answers[0].status == 400);
    CHECK(seen.answers[0].closes());
  }
  const ending how = on.finish();
  CHECK(refused_as(how.counters, refusals::chunk_line_too_long) == 1);
  CHECK(refused_as(how.counters, refusals::chunk_extensions_too_large) == 1);
  CHECK(bites(how.counters) == 2);
  CHECK(how.counters.bytes_received < many.size() + one_receive + 1'024);
}

BEHAVIOUR("F25 an endless chunk extension under an answer that has begun breaks that answer off") {
  limits bounds;
  bounds.chunk_extension_bytes_max = 1'024;
  on.serve(bounds);
  std::string many = "POST /stream-echo" + chunked_head.substr(8);
  for (int i = 0; i < 100; ++i) many += "1;" + std::string(100, 'a') + "\r\nx\r\n";
  const peer_id streamed = on.connect({sim_step::send(many + "0\r\n\r\n"), sim_step::await_end()});
  on.until_ended();
  // All that can be done: the peer can tell that it has not got the whole.
  CHECK(on.see(streamed).complete == 0);
  CHECK(on.finish().counters.responses_2xx <= 1);
}

BEHAVIOUR("refusals: limits of the head answer by position") {
  on.serve({});
  const std::string much(70'000, 'a');
  const peer_id target = on.connect(
      {sim_step::send("GET /" + much + " HTTP/1.1\r\nHost: weir\r\n\r\n"), sim_step::await_end()});
  const peer_id method =
      on.connect({sim_step::send(much + " / HTTP/1.1\r\n\r\n"), sim_step::await_end()});
  const peer_id field = on.connect(
      {sim_step::send("GET / HTTP/1.1\r\nHost: weir\r\nX: " + much), sim_step::await_end()});
  std::string fields = "GET / HTTP/1.1\r\nHost: weir\r\n";
  for (int i = 0; i < 200; ++i) fields += "X-" + std::to_string(i) + ": y\r\n";
  const peer_id count = on.connect({sim_step::send(fields + "\r\n"), sim_step::await_end()});
  on.until_ended();
  const auto status = [&on](peer_id p) {
    const auto seen = on.see(p);
    CHECK(seen.broken == "");
    return seen.complete == 1 ? seen.answers[0].status : 0;
  };
  CHECK(status(target) == 414);
  CHECK(status(method) == 501);
  CHECK(status(field) == 431);
  CHECK(status(count) == 431);
  on.finish();
}
