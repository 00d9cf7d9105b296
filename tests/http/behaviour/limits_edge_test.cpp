// Each limit at its edge: what it still lets through, what it does not, and the counter that moves.
//
// A row for every field of `limit_fields`, and for each row two tests over all networks. A side
// sees exact answers; afterwards the counter of the row has moved by one past the limit and not at
// all within it, and no other limit, deadline or refusal has bitten. Spans are compared to the
// nanosecond where time is virtual; elsewhere the side that has to be in time does not wait at all,
// so that a busy machine cannot make it late.
#include <algorithm>
#include <utility>

#include <weir/http/problem.hpp>

#include "behaviour/post_conditions.hpp"
#include "behaviour/probe.hpp"

namespace weir::http::behaviour {
namespace {

enum class side : bool { within, past };

using play = std::function<void(stage&)>;
// Takes the count of a limit out of the counters, so that what stands there then is of others.
using take = std::function<std::uint64_t(ending&)>;

struct edge {
  std::string_view field;
  std::string_view answer;  // past it, for the name of the test
  std::function<void(stage&, limits&, side)> set;
  play within, past;
  take counted;
  // How often a peer is made to wait depends on the network: once at least, where it is calm.
  bool pauses = false;
};

// What has no edge that a peer could find.
struct exempt {
  std::string_view field, why;
};
constexpr exempt exemptions[] = {
    {"accept_backlog", "the queue is the system's, which rounds it as it likes"},
    {"handshake_deadline", "of secure stages alone: handshake_test.cpp"},
    {"handshakes_max", "of secure stages alone: handshake_test.cpp"},
    {"tls_records_per_second_max", "of secure stages alone: handshake_test.cpp"},
};

constexpr time_ns limit_ns = 300 * millisecond_ns;
constexpr time_ns endless_ns = 60 * second_ns;
const std::string hello = "Hello, World!";
const std::string end_of_chunks = "0\r\n\r\n";

time_ns in_time(const stage& on) {
  return on.exact() ? limit_ns - 1 : 0;
}
time_ns too_late(const stage& on) {
  return on.exact() ? limit_ns + 1 : 4 * limit_ns;
}

// More than the sockets of this stage take without being read.
std::string much(const stage& on) {
  return get(on.real_time() ? "/large" : "/bytes/1000000");
}

// What peers see. ---------------------------------------------------------------------------------

void check_one(stage& on, peer_id peer, const reply& wanted, bool closes) {
  const stage::seen seen = on.see(peer);
  CHECK(seen.broken == "");
  CHECK(seen.end == sim_end::eof);
  REQUIRE(seen.complete == 1);
  const test::answer& got = seen.answers[0];
  CHECK(got.status == wanted.status);
  CHECK(got.closes() == closes);
  if (wanted.has_body) CHECK(got.body == wanted.body);
  if (wanted.status == 503) CHECK(got.field("retry-after") == "1");
  if (!wanted.code.empty()) {
    CHECK(got.body.find("\"code\":\"" + wanted.code + "\"") != std::string::npos);
  }
}

// One peer sends this and is served, or refused for good.
play served(std::string bytes, reply wanted) {
  return [bytes = std::move(bytes), wanted = std::move(wanted)](stage& on) {
    const peer_id peer = on.connect(ask(bytes, 1));
    on.until_ended();
    check_one(on, peer, wanted, false);
  };
}
play refused(std::string bytes, reply wanted) {
  return [bytes = std::move(bytes), wanted = std::move(wanted)](stage& on) {
    const peer_id peer = on.connect({sim_step::send(bytes), sim_step::await_end()});
    on.until_ended();
    check_one(on, peer, wanted, true);
  };
}

// `first`, a pause, `second`.
play after_pause(std::string first, std::string second, side which, reply wanted) {
  return [=](stage& on) {
    const time_ns pause_ns = which == side::within ? in_time(on) : too_late(on);
    const peer_id peer =
        on.connect({sim_step::send(first), sim_step::pause(pause_ns), sim_step::send(second),
                    await_answers(1), sim_step::half_close(), sim_step::await_end()});
    on.until_ended();
    check_one(on, peer, wanted, which == side::past);
  };
}

// Counters. ---------------------------------------------------------------------------------------

take counter(std::uint64_t server_counters::* of) {
  return [of](ending& how) { return std::exchange(how.counters.*of, 0); };
}
take refusal(const refusal_kind& kind) {
  return [&kind](ending& how) {
    const auto at = std::find(refusals::all.begin(), refusals::all.end(), &kind);
    REQUIRE(at != refusals::all.end());
    return std::exchange(how.counters.refused[at - refusals::all.begin()], 0);
  };
}

// Setting. ----------------------------------------------------------------------------------------

template <class T, class V>
std::function<void(stage&, limits&, side)> to(T limits::* field, V value) {
  return [field, value](stage&, limits& bounds, side) { bounds.*field = T{value}; };
}

// A deadline; where time is real, what has to be in time has plenty.
std::function<void(stage&, limits&, side)> deadline(time_ns limits::* field) {
  return [field](stage& on, limits& bounds, side which) {
    bounds.*field = which == side::within && on.real_time() ? endless_ns : limit_ns;
  };
}

// Rows. -------------------------------------------------------------------------------------------

std::string head_of(std::size_t bytes) {
  const std::string front = "GET /plaintext HTTP/1.1\r\nHost: weir\r\nPad: ";
  return front + std::string(bytes - front.size() - 4, 'x') + "\r\n\r\n";
}

std::string fields(int count) {
  std::string lines;
  for (int i = 1; i < count; ++i) lines += "X-" + std::to_string(i) + ": y\r\n";
  return get("/plaintext", lines);
}

std::string target_of(std::size_t bytes) {
  const std::string path = "/plaintext?";
  return get(path + std::string(bytes - path.size(), 'q'));
}

std::vector<edge> sizes() {
  const auto small_head = [](stage&, limits& l, side) {
    l.head_bytes_max = 9'000;
    l.target_bytes_max = 4'096;
  };
  return {
      {"head_bytes_max", "431", small_head, served(head_of(9'000), hello),
       refused(head_of(9'001), {431, "head_too_large"}), refusal(refusals::head_too_large)},
      {"header_fields_max", "431", to(&limits::header_fields_max, 64u), served(fields(64), hello),
       refused(fields(65), {431, "too_many_headers"}), refusal(refusals::too_many_headers)},
      {"target_bytes_max", "414", to(&limits::target_bytes_max, 4'096u),
       served(target_of(4'096), hello), refused(target_of(4'097), {414, "target_too_long"}),
       refusal(refusals::target_too_long)},
      {"body_bytes_max", "413", to(&limits::body_bytes_max, 10u),
       served(chunked("5\r\n01234\r\n5\r\n56789\r\n" + end_of_chunks), "0123456789"),
       refused(chunked("5\r\n01234\r\n6\r\n567890\r\n" + end_of_chunks), {413, "body_too_large"}),
       refusal(refusals::body_too_large)},
      {"chunk_line_bytes_max", "400", to(&limits::chunk_line_bytes_max, 8u),
       served(chunked("1;aaaaaa\r\nx\r\n" + end_of_chunks), "x"),
       refused(chunked("1;aaaaaaa\r\nx\r\n" + end_of_chunks), {400, "chunk_line_too_long"}),
       refusal(refusals::chunk_line_too_long)},
      {"chunk_extension_bytes_max", "400", to(&limits::chunk_extension_bytes_max, 12u),
       served(chunked("1;aaaaa\r\nx\r\n1;aaaaa\r\ny\r\n" + end_of_chunks), "xy"),
       refused(chunked("1;aaaaa\r\nx\r\n1;aaaaaa\r\ny\r\n" + end_of_chunks),
               {400, "chunk_extensions_too_large"}),
       refusal(refusals::chunk_extensions_too_large)},
      {"trailer_bytes_max", "431", to(&limits::trailer_bytes_max, 12u),
       served(chunked("0\r\nA: bcdef\r\n\r\n"), ""),
       refused(chunked("0\r\nA: bcdefg\r\n\r\n"), {431, "trailers_too_large"}),
       refusal(refusals::trailers_too_large)},
      {"trailer_fields_max", "431", to(&limits::trailer_fields_max, 2u),
       served(chunked("0\r\nA: 1\r\nB: 2\r\n\r\n"), ""),
       refused(chunked("0\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n"), {431, "too_many_trailers"}),
       refusal(refusals::too_many_trailers)},
  };
}

// A burst of so many requests; all of them are answered, in one turn or in more.
play burst(std::size_t requests) {
  return [requests](stage& on) {
    std::string all;
    for (std::size_t i = 0; i < requests; ++i) all += get("/echo/n" + std::to_string(i));
    const peer_id peer = on.connect(ask(all, requests));
    on.until_ended();
    CHECK(on.see(peer).broken == "");
    CHECK(on.see(peer).complete == requests);
  };
}

// Peers that ask for the gate, as many as are let in; then the gate opens, and all are served.
void fill(stage& on, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) on.connect(ask(get("/gate"), 1));
  on.until([&] { return on.state.at_gate == static_cast<int>(count); });
}
void let_through(stage& on, std::size_t count) {
  on.state.gate_open = true;
  on.until_ended();
  for (peer_id p = 0; p < count; ++p) check_one(on, p, "through", false);
}
play crowd(std::size_t count) {
  return [count](stage& on) {
    fill(on, count);
    let_through(on, count);
  };
}
// One connection more is told so before it has said anything.
play one_connection_more(std::size_t count) {
  return [count](stage& on) {
    fill(on, count);
    const peer_id extra = on.connect({sim_step::await_end()});
    on.until([&] { return on.ended(extra); });
    if (on.tells_when_full()) check_one(on, extra, {503, "overloaded"}, true);
    let_through(on, count);
  };
}
play one_request_more(std::size_t count) {
  return [count](stage& on) {
    fill(on, count);
    const peer_id extra = on.connect(ask(get("/gate"), 1));
    on.until([&] { return on.ended(extra); });
    check_one(on, extra, {503, "overloaded"}, false);
    let_through(on, count);
  };
}

std::vector<edge> counts() {
  const auto four_connections = [](stage&, limits& l, side) {
    l.connections_max = l.connections_per_peer_max = 4;
  };
  return {
      {"pipelined_requests_max", "the next turn", to(&limits::pipelined_requests_max, 8u), burst(8),
       burst(9), counter(&server_counters::paused_pipelined_requests_max), true},
      {"requests_per_connection_max", "Connection: close",
       to(&limits::requests_per_connection_max, 2u), served(get("/plaintext"), hello),
       [](stage& on) {
         const std::string three = get("/echo/one") + get("/echo/two") + get("/echo/three");
         const peer_id peer = on.connect({sim_step::send(three), sim_step::await_end()});
         on.until_ended();
         const stage::seen seen = on.see(peer);
         CHECK(seen.end == sim_end::eof);
         REQUIRE(seen.complete == 2);
         CHECK_FALSE(seen.answers[0].closes());
         CHECK(seen.answers[1].closes());
         CHECK(on.state.echoes == 2);
       },
       counter(&server_counters::ended_requests_per_connection_max)},
      {"connections_max", "503", four_connections, crowd(4), one_connection_more(4),
       counter(&server_counters::shed_connections_max)},
      {"connections_per_peer_max", "503", to(&limits::connections_per_peer_max, 2u), crowd(2),
       one_connection_more(2), counter(&server_counters::shed_connections_per_peer_max)},
      {"requests_in_flight_max", "503", to(&limits::requests_in_flight_max, 2u), crowd(2),
       one_request_more(2), counter(&server_counters::shed_requests_in_flight_max)},
      {"response_queue_bytes_max", "a pause", to(&limits::response_queue_bytes_max, 64u * 1'024),
       served(get("/plaintext"), hello),
       [](stage& on) {
         const peer_id stuck =
             on.connect({sim_step::stop_reading(), sim_step::send(much(on) + get("/echo/behind")),
                         sim_step::pause(limit_ns), sim_step::read_fully(), await_answers(2),
                         sim_step::half_close(), sim_step::await_end()},
                        true);
         on.until([&] { return on.counters().paused_response_queue_bytes_max >= 1; });
         // While an answer stands nothing more is started.
         CHECK(on.state.echoes == 0);
         on.until_ended();
         CHECK(on.see(stuck).complete == 2);
       },
       counter(&server_counters::paused_response_queue_bytes_max), true},
  };
}

// One handler has the only worker, for as long as `held` is shut, or `virtual_blocking_ns`; then
// `queued` wait for it.
void occupy(stage& on, std::uint32_t queued) {
  on.connect(ask(get("/hold"), 1));
  on.until([&] { return on.blocking().running == 1; });
  for (std::uint32_t i = 0; i < queued; ++i) on.connect(ask(get("/hold"), 1));
  on.until([&] { return on.blocking().queued == queued; });
}
play all_get_the_worker(std::uint32_t queued) {
  return [queued](stage& on) {
    occupy(on, queued);
    on.state.held->open();
    on.until_ended();
    for (peer_id p = 0; p < on.peers(); ++p) check_one(on, p, "let go", false);
  };
}
play the_last_gets_no_worker(std::uint32_t queued) {
  return [queued](stage& on) {
    occupy(on, queued);
    const peer_id last = on.connect(ask(get("/hold"), 1));
    on.until([&] { return on.ended(last); });
    check_one(on, last, {503, "overloaded"}, false);
    on.state.held->open();
    on.until_ended();
    for (peer_id p = 0; p < last; ++p) check_one(on, p, "let go", false);
  };
}

std::vector<edge> workers() {
  const auto one_worker = [](stage& on, limits& l, side which) {
    l.blocking_workers_max = 1;
    l.blocking_queue_deadline = which == side::within && on.real_time() ? endless_ns : limit_ns;
    // Virtual handlers let go of the worker just in time, or too late.
    on.virtual_blocking_ns = which == side::within ? limit_ns - 1 : too_late(on);
  };
  const auto one_place = [](stage& on, limits& l, side) {
    l.blocking_workers_max = 1;
    l.blocking_queue_max = 1;
    on.virtual_blocking_ns = limit_ns;
  };
  return {
      {"blocking_workers_max", "a wait for a worker", one_worker, all_get_the_worker(0),
       the_last_gets_no_worker(0), counter(&server_counters::timed_out_blocking_queue_deadline)},
      {"blocking_queue_deadline", "503", one_worker, all_get_the_worker(1),
       the_last_gets_no_worker(0), counter(&server_counters::timed_out_blocking_queue_deadline)},
      {"blocking_queue_max", "503", one_place, all_get_the_worker(1), the_last_gets_no_worker(1),
       counter(&server_counters::shed_blocking_queue_max)},
  };
}

// A handler that answers just in time, or would answer too late.
std::string delay(const stage& on, side which) {
  if (which == side::within) return get(on.exact() ? "/delay/299" : "/delay/1");
  return get(on.exact() ? "/delay/301" : "/delay/9999");
}

play stands_still(side which) {
  return [which](stage& on) {
    const time_ns pause_ns = which == side::within ? in_time(on) : too_late(on);
    const peer_id peer = on.connect(
        {sim_step::stop_reading(), sim_step::send(much(on)), sim_step::pause(pause_ns),
         sim_step::read_fully(), await_answers(1), sim_step::half_close(), sim_step::await_end()},
        true);
    on.until_ended();
    CHECK(on.see(peer).complete == (which == side::within ? 1 : 0));
  };
}

// Of a rate. Over sockets far less, as their buffers take a megabyte that nobody reads.
std::size_t too_little(const stage& on, std::size_t rate) {
  return on.exact() ? rate / 10 * 9 : rate / 10;
}

// 10,000 bytes in 10 ms are the rate.
play reads(side which) {
  return [which](stage& on) {
    const std::size_t bytes = which == side::within ? 10'000 : too_little(on, 10'000);
    script steps{sim_step::read_slowly(bytes, 10 * millisecond_ns),
                 sim_step::send(get("/bytes/6000000")), await_answers(1), sim_step::half_close(),
                 sim_step::await_end()};
    if (which == side::within && !on.exact()) steps.erase(steps.begin());
    const peer_id peer = on.connect(std::move(steps), true);
    on.until_ended();
    CHECK(on.see(peer).complete == (which == side::within ? 1 : 0));
  };
}

// 50 bytes in 50 ms are the rate.
play sends(side which) {
  return [which](stage& on) {
    const std::string head = "POST /collect HTTP/1.1\r\nHost: weir\r\nContent-Length: 5000\r\n\r\n";
    const std::string body(5'000, 'b');
    const std::size_t bytes = which == side::within ? 50 : too_little(on, 50);
    sim_step sending = sim_step::drip(body, bytes, 50 * millisecond_ns);
    if (which == side::within && !on.exact()) sending = sim_step::send(body);
    const peer_id peer = on.connect({sim_step::send(head), std::move(sending), await_answers(1),
                                     sim_step::half_close(), sim_step::await_end()});
    on.until_ended();
    check_one(on, peer, which == side::within ? reply("5000") : reply(408, "body_timeout"),
              which == side::past);
  };
}

// A stream that was handed over, and rests in between.
play rests(side which) {
  return [which](stage& on) {
    const std::string asked = get("/tunnel", "Connection: upgrade\r\nUpgrade: echo\r\n");
    const peer_id peer =
        on.connect({sim_step::send(asked), await_interim(1),
                    sim_step::pause(which == side::within ? in_time(on) : too_late(on)),
                    sim_step::send("on"), sim_step::half_close(), sim_step::await_end()});
    on.until_ended();
    const std::string& received = on.record(peer).received;
    CHECK(received.ends_with(which == side::within ? "\r\n\r\non" : "\r\n\r\n"));
  };
}

std::vector<edge> deadlines() {
  const std::string asked = get("/plaintext");
  const std::string said = post("/submit", "hello");
  const std::string collected = post("/collect", "hello");
  const auto but_last = [](const std::string& text) { return text.substr(0, text.size() - 1); };
  const auto rate = [](std::uint64_t limits::* of, std::uint64_t bytes) {
    return [=](stage& on, limits& l, side which) {
      l.*of = bytes;
      l.rate_grace = which == side::within && !on.exact() ? endless_ns : limit_ns;
      l.write_deadline = endless_ns;
      l.linger_deadline = endless_ns;  // what drips on after its answer is heard to its end
    };
  };
  const auto still = [](stage& on, limits& l, side which) {
    deadline (&limits::write_deadline)(on, l, which);
    l.rate_grace = endless_ns;
  };
  return {
      {"head_deadline", "408", deadline(&limits::head_deadline),
       after_pause(but_last(asked), "\n", side::within, hello),
       after_pause(but_last(asked), "\n", side::past, {408, "head_timeout"}),
       counter(&server_counters::timed_out_head_deadline)},
      {"body_deadline", "408", deadline(&limits::body_deadline),
       after_pause(but_last(said), "o", side::within, "hello"),
       after_pause(but_last(said), "o", side::past, {408, "body_timeout"}),
       counter(&server_counters::timed_out_body_deadline)},
      {"handler_deadline", "504", deadline(&limits::handler_deadline),
       [](stage& on) { served(delay(on, side::within), "late")(on); },
       [](stage& on) { refused(delay(on, side::past), {504, "handler_timeout"})(on); },
       counter(&server_counters::timed_out_handler_deadline)},
      {"idle_deadline", "a silent close", deadline(&limits::idle_deadline),
       [](stage& on) {
         const peer_id peer =
             on.connect({sim_step::send(get("/plaintext")), await_answers(1),
                         sim_step::pause(in_time(on)), sim_step::send(get("/plaintext")),
                         await_answers(2), sim_step::half_close(), sim_step::await_end()});
         on.until_ended();
         CHECK(on.see(peer).complete == 2);
       },
       [](stage& on) {
         const peer_id peer = on.connect({sim_step::send(get("/plaintext")), await_answers(1),
                                          sim_step::pause(too_late(on)), sim_step::await_end()});
         on.until_ended();
         check_one(on, peer, hello, false);
       },
       counter(&server_counters::timed_out_idle_deadline)},
      {"loop_hold_max", "an answer, and a line of log", deadline(&limits::loop_hold_max),
       served(get("/compute/300"), "done"), served(get("/compute/400"), "done"),
       counter(&server_counters::held_loop_hold_max)},
      {"upgraded_idle_deadline", "a close", deadline(&limits::upgraded_idle_deadline),
       rests(side::within), rests(side::past),
       counter(&server_counters::timed_out_upgraded_idle_deadline)},
      {"write_deadline", "a cut", still, stands_still(side::within), stands_still(side::past),
       counter(&server_counters::timed_out_write_deadline)},
      {"write_rate_min", "a cut", rate(&limits::write_rate_min, 1'000'000), reads(side::within),
       reads(side::past), counter(&server_counters::too_slow_write_rate_min)},
      {"body_rate_min", "408", rate(&limits::body_rate_min, 1'000), sends(side::within),
       sends(side::past), counter(&server_counters::too_slow_body_rate_min)},
      // A byte is worth nothing at this rate: what counts is the grace.
      {"rate_grace", "408", rate(&limits::body_rate_min, 1'000'000'000'000),
       after_pause(but_last(collected), "o", side::within, "5"),
       after_pause(but_last(collected), "o", side::past, {408, "body_timeout"}),
       counter(&server_counters::too_slow_body_rate_min)},
  };
}

// Answered, and then told to close, because nobody reads so large a body: what lingers is no
// refusal. `rest` of it comes after the answer, and `pause_ns` later the peer ends its side.
void linger(stage& on, std::size_t rest, time_ns pause_ns, bool ends_in_order) {
  const peer_id peer = on.connect(
      {sim_step::send("OPTIONS * HTTP/1.1\r\nHost: weir\r\nContent-Length: 70000\r\n\r\n"),
       await_answers(1), sim_step::send(std::string(rest, 'x')), sim_step::pause(pause_ns),
       sim_step::half_close(), sim_step::await_end()});
  on.until_ended();
  const stage::seen seen = on.see(peer);
  REQUIRE(seen.complete == 1);
  CHECK(seen.answers[0].status == 204);
  CHECK(seen.answers[0].closes());
  if (ends_in_order) CHECK(seen.end == sim_end::eof);
}

std::vector<edge> ends() {
  const auto idle = [](stage& on) {
    const peer_id peer =
        on.connect({sim_step::send(get("/plaintext")), await_answers(1), sim_step::await_end()});
    on.until([&on, peer] { return on.see(peer).complete == 1; });
    return peer;
  };
  return {
      {"linger_deadline", "a close", deadline(&limits::linger_deadline),
       [](stage& on) { linger(on, 0, in_time(on), true); },
       [](stage& on) { linger(on, 0, too_late(on), false); },
       counter(&server_counters::timed_out_linger_deadline)},
      // On the wire: inside TLS with what two records cost.
      {"linger_bytes_max", "a close",
       [](stage& on, limits& l, side) { l.linger_bytes_max = on.secure() ? 10'080 : 10'000; },
       [](stage& on) { linger(on, 10'000, 0, true); },
       [](stage& on) { linger(on, on.secure() ? 10'081 : 10'001, 0, false); },
       counter(&server_counters::linger_bytes_max_reached)},
      {"drain_timeout", "a reset", deadline(&limits::drain_timeout),
       [](stage& on) {
         const bool timed = on.exact();
         const peer_id peer = on.connect(
             {sim_step::send(get(timed ? "/delay/299" : "/gate")), sim_step::await_end()});
         on.until([&] { return on.counters().requests == 1; });
         on.drain();
         static_cast<void>(on.counters());  // behind the drain on the server's thread
         on.state.gate_open = true;
         on.until_ended();
         check_one(on, peer, timed ? "late" : "through", true);
       },
       [](stage& on) {
         const peer_id peer =
             on.connect({sim_step::send(delay(on, side::past)), sim_step::await_end()});
         on.until([&] { return on.counters().requests == 1; });
         on.drain();
         on.until_ended();
         CHECK(on.received_bytes(peer) == 0);
         CHECK(on.record(peer).end == sim_end::reset);
       },
       [](ending& how) {
         CHECK(how.report.forced == how.counters.connections_reset);
         return std::uint64_t{how.report.forced};
       }},
      // Nothing is refused by it: until it has passed all is served, and then what is idle ends.
      {"drain_delay", "a close", to(&limits::drain_delay, second_ns),
       [idle](stage& on) {
         const peer_id before = idle(on);
         on.drain();
         const peer_id during =
             on.connect({sim_step::pause(on.exact() ? second_ns - 1 : 0),
                         sim_step::send(get("/plaintext")), sim_step::await_end()});
         on.until([&] { return on.ended(during); });
         check_one(on, during, hello, true);
         on.until_ended();
         check_one(on, before, hello, false);
       },
       [idle](stage& on) {
         const peer_id before = idle(on);
         const time_ns began_ns = on.now_ns();
         on.drain();
         on.until_ended();
         on.check_span(on.record(before).ended_ns - began_ns, second_ns);
       },
       nullptr},
  };
}

// Running. ----------------------------------------------------------------------------------------

void run_edge(stage& on, const edge& e, side which) {
  limits bounds;
  e.set(on, bounds, which);
  on.serve(bounds);
  (which == side::within ? e.within : e.past)(on);
  ending how = on.finish();
  if (e.counted) {
    const std::uint64_t moved = e.counted(how);
    if (!e.pauses) {
      CHECK(moved == (which == side::past ? 1 : 0));
    } else if (on.exact()) {
      CHECK((moved > 0) == (which == side::past));
    }
  }
  CHECK(bites(how.counters) == 0);
}

const std::vector<edge>& table() {
  static const std::vector<edge> rows = [] {
    std::vector<edge> all;
    for (auto some : {&sizes, &counts, &workers, &deadlines, &ends}) {
      for (edge& e : some()) all.push_back(std::move(e));
    }
    return all;
  }();
  return rows;
}

bool add_edges() {
  for (const edge& e : table()) {
    const std::string field(e.field);
    add_behaviour(field + ": what it allows is served",
                  [&e](stage& on) { run_edge(on, e, side::within); });
    add_behaviour(field + ": past it, " + std::string(e.answer),
                  [&e](stage& on) { run_edge(on, e, side::past); });
  }
  return true;
}

const bool added = add_edges();

}  // namespace

TEST_CASE("limits: every field has a test at its edge, or says why it has none", "[behaviour]") {
  for (const limit_field& field : limit_fields) {
    INFO(field.name);
    const auto same = [&](const auto& row) { return row.field == field.name; };
    const auto rows = std::count_if(table().begin(), table().end(), same);
    const auto reasons = std::count_if(std::begin(exemptions), std::end(exemptions), same);
    CHECK(rows + reasons == 1);
  }
  CHECK(table().size() + std::size(exemptions) == limit_fields.size());
}

}  // namespace weir::http::behaviour
