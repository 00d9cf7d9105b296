// What a secure server does to peers before, and without, a session: TLS stages only.
//
// Raw peers put on the wire what stands in their script; their flights are those of a real client.
#include <algorithm>
#include <utility>

#include <weir/http/problem.hpp>

#include "behaviour/post_conditions.hpp"
#include "behaviour/tls_stages.hpp"
#include "support/wrapped_layer.hpp"
#include "tls/identities.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::behaviour;
using namespace std::string_literals;

namespace {

constexpr time_ns deadline_ns = 300 * millisecond_ns;
constexpr std::size_t whole_flood = 2'000 / WEIR_TLS_SOCKETS_ONE_IN;
constexpr char handshake_record = 0x16;
constexpr char alert_record = 0x15;

limits hasty() {
  limits l;
  l.handshake_deadline = deadline_ns;
  return l;
}

// What a client says first, as one record.
std::string hello(const stage& on) {
  return std::exchange(on.make_layer()->outgoing(), {});
}

std::string record(char type, std::string_view body) {
  const std::size_t size = body.size();
  return std::string{type, 3, 3, static_cast<char>(size >> 8), static_cast<char>(size & 255)} +
         std::string(body);
}

// The first flight, its message cut into records of so many bytes.
std::string cut_up(const stage& on, std::size_t first, std::size_t further) {
  const std::string message = hello(on).substr(5);
  std::string out = record(handshake_record, message.substr(0, first));
  for (std::size_t at = first; at < message.size(); at += further) {
    out += record(handshake_record, message.substr(at, further));
  }
  return out;
}

// Nothing but records: never a word of HTTP to one who is in a handshake.
void check_only_records(std::string_view received) {
  while (!received.empty()) {
    REQUIRE(received.size() >= 5);
    CHECK((received[0] == handshake_record || received[0] == alert_record || received[0] == 0x14 ||
           received[0] == 0x17));
    const std::size_t size = static_cast<std::size_t>(static_cast<unsigned char>(received[3]))
                                 << 8 |
                             static_cast<unsigned char>(received[4]);
    REQUIRE(received.size() >= 5 + size);
    received.remove_prefix(5 + size);
  }
}

bool is_silent_or_alert(std::string_view received) {
  return received.empty() || received[0] == alert_record;
}

// Peers that do not finish their handshake, and others who are served all the while.
void held_to_the_deadline(stage& on, const std::vector<script>& scripts) {
  on.serve(hasty());
  others good(on);
  std::vector<peer_id> peers;
  for (const script& each : scripts) peers.push_back(on.connect_over(nullptr, each));
  good.check();
  for (const peer_id peer : peers) {
    const sim_record& r = on.record(peer);
    check_only_records(r.received);
    on.check_span(r.ended_ns - r.connected_ns, deadline_ns);
  }
  const ending how = on.finish();
  CHECK(how.counters.timed_out_handshake_deadline == peers.size());
  CHECK(how.counters.handshakes_failed == peers.size());
  CHECK(how.counters.handshakes == others::count);
  CHECK(bites(how.counters) == peers.size());
}

// Peers whose handshake is refused; returns what each of them was told.
std::vector<std::string> refused(stage& on, const std::vector<std::string>& flights) {
  on.serve({});
  others good(on);
  std::vector<peer_id> peers;
  for (const std::string& each : flights) {
    peers.push_back(on.connect_over(nullptr, {sim_step::send(each), sim_step::await_end()}));
  }
  good.check();
  std::vector<std::string> told;
  for (const peer_id peer : peers) {
    CHECK(on.record(peer).end == sim_end::eof);
    told.push_back(on.record(peer).received);
  }
  const ending how = on.finish();
  CHECK(how.counters.handshakes_failed == peers.size());
  CHECK(how.counters.handshakes == others::count);
  CHECK(how.counters.requests == others::count);
  CHECK(bites(how.counters) == 0);
  return told;
}

script staying(std::string bytes) {
  return {sim_step::send(std::move(bytes)), sim_step::await_end()};
}

// A peer that says hello, and reads nothing until its time is over.
peer_id connect_deaf(stage& on) {
  return on.connect_over(nullptr,
                         {sim_step::stop_reading(), sim_step::send(hello(on)),
                          sim_step::pause(deadline_ns + millisecond_ns), sim_step::read_fully(),
                          sim_step::await_end()},
                         true);
}

}  // namespace

HANDSHAKE_BEHAVIOUR(
    "S01 S02 S03 a peer that is silent, or stops inside a record, is held to the deadline") {
  held_to_the_deadline(on, {{sim_step::await_end()},
                            staying("\x16\x03\x01\x02"s + '\0'),
                            staying("\x16\x03\x01\x02"s + '\0' + "\x01"s + '\0' + "\x01"s)});
}

HANDSHAKE_BEHAVIOUR(
    "S04 S10 a first flight that is dripped, or the last one heard of a peer, renews nothing") {
  const std::string first = hello(on);
  held_to_the_deadline(
      on, {{sim_step::drip(first, 1, 20 * millisecond_ns), sim_step::await_end()},
           staying(first),
           {sim_step::send(first.substr(0, first.size() / 2)), sim_step::await_end()}});
}

HANDSHAKE_BEHAVIOUR("S11 a peer that never reads its handshake is held to the deadline") {
  on.serve(hasty());
  others good(on);
  const peer_id deaf = connect_deaf(on);
  good.check();
  check_only_records(on.record(deaf).received);
  CHECK(on.finish().counters.timed_out_handshake_deadline == 1);
}

// What mbedTLS cannot put into one message is refused when it is loaded: tests/tls.
HANDSHAKE_BEHAVIOUR("S11 the longest chain there can be, and a peer that does not read it") {
  on.serve(hasty());
  tls::server_options options;
  options.identities = {test::long_identity()};
  renew(on, std::move(options));
  others good(on);
  const peer_id deaf = connect_deaf(on);
  good.check();
  const sim_record& r = on.record(deaf);
  if (on.exact()) CHECK(r.ended_ns - r.connected_ns == deadline_ns + millisecond_ns);
  const ending how = on.finish();
  CHECK(how.counters.timed_out_handshake_deadline == 1);
  CHECK(how.counters.handshakes == others::count);
  CHECK(bites(how.counters) == 1);
}

HANDSHAKE_BEHAVIOUR("S04 handshake_deadline: a handshake that is slow and in time is done") {
  limits bounds;
  bounds.handshake_deadline = on.real_time() ? 60 * second_ns : deadline_ns;
  on.serve(bounds);
  const std::string first = hello(on);
  const peer_id slow =
      on.connect_over(nullptr, {sim_step::drip(first, first.size() / 50 + 1, 2 * millisecond_ns),
                                sim_step::await_bytes(1), sim_step::close()});
  on.until_ended();
  CHECK(on.record(slow).received[0] == handshake_record);
  CHECK(on.finish().counters.timed_out_handshake_deadline == 0);
}

HANDSHAKE_BEHAVIOUR("S05 S07 what is no handshake is told so by an alert at most") {
  const std::string first = hello(on);
  const std::string length_past_all = "\x16\x03\x03\x48\x01"s + first;
  std::string version_unknown = first;
  version_unknown[1] = version_unknown[2] = 5;
  const std::vector<std::string> told =
      refused(on, {cut_up(on, 1, 1), length_past_all, version_unknown,
                   record(0x17, "application data"), record(handshake_record, ""),
                   record(alert_record, "\x02\x28"), std::string(600, '\xff'), "get / http/1.1"});
  for (const std::string& each : told) CHECK(is_silent_or_alert(each));
}

HANDSHAKE_BEHAVIOUR("S06 a first flight in several records is answered") {
  on.serve({});
  std::vector<peer_id> peers;
  for (const std::size_t first : {64u, 100u, 200u}) {
    peers.push_back(
        on.connect_over(nullptr, {sim_step::send(cut_up(on, first, first == 64 ? 10'000 : first)),
                                  sim_step::await_bytes(1), sim_step::close()}));
  }
  on.until_ended();
  for (const peer_id peer : peers) CHECK(on.record(peer).received[0] == handshake_record);
  on.finish();
}

HANDSHAKE_BEHAVIOUR(
    "S08 R72 plain HTTP on a TLS port gets one 400 in plain text, and is never served") {
  const std::string plainly = get("/echo/smuggled");
  const std::vector<std::string> told = refused(
      on, {plainly, plainly + plainly, post("/submit", std::string(5'000, 'x')),
           "GET / HTTP/1.0\r\n\r\n", "OPTIONS * HTTP/1.1\r\n", "GARBAGE", "PRI * HTTP/2.0"});
  for (const std::string& each : told) {
    if (on.has_weather() && each.empty()) continue;  // it took nothing at once
    const test::answer_reader reader = test::read_answers(each, true);
    CHECK(reader.broken() == "");
    REQUIRE(reader.complete() == 1);
    CHECK(reader.answers()[0].status == 400);
    CHECK(reader.answers()[0].closes());
    CHECK(reader.answers()[0].field("content-type") == "application/problem+json");
    CHECK(reader.answers()[0].body.find("\"code\":\"plain_http\"") != std::string::npos);
  }
  CHECK(on.state.smuggled == 0);
}

HANDSHAKE_BEHAVIOUR("S09 a peer that breaks off behind any flight leaves nothing") {
  on.serve({});
  others good(on);
  const std::string first = hello(on);
  const std::vector<script> flights = {
      {sim_step::reset()},
      {sim_step::send(first.substr(0, 40)), sim_step::reset()},
      {sim_step::send(first), sim_step::reset()},
      {sim_step::send(first), sim_step::await_bytes(1), sim_step::reset()},
      {sim_step::send(first), sim_step::await_bytes(1), sim_step::close()},
      {sim_step::send(first), sim_step::half_close(), sim_step::await_end()},
  };
  for (int i = 0; i < 4; ++i) {
    for (const script& each : flights) on.connect_over(nullptr, each);
    on.connect({sim_step::reset()});
  }
  good.check();
  const ending how = on.finish();
  CHECK(how.counters.requests == others::count);
  CHECK(bites(how.counters) == 0);
}

// How long others wait meanwhile on a real machine is for benchmarks to say.
HANDSHAKE_BEHAVIOUR("S16 a flood of handshakes that are broken off holds up nobody, and is gone") {
  // They are computed one at a time, at this rate for four fifths of it.
  on.virtual_handshake_step_ns = 4 * millisecond_ns;
  constexpr time_ns apart_ns = 5 * millisecond_ns;
  on.serve({});
  others good(on);
  const std::size_t flood = on.exact() ? whole_flood : whole_flood / 10;
  constexpr std::size_t asked = 100;
  const time_ns span_ns = on.exact() ? time_ns(flood) * apart_ns / time_ns(asked) : millisecond_ns;
  answer_count answers;
  script steps;
  for (std::size_t i = 1; i <= asked; ++i) {
    steps.push_back(sim_step::pause(span_ns));
    steps.push_back(sim_step::send(get("/plaintext")));
    steps.push_back(answers.await(i));
  }
  steps.push_back(sim_step::half_close());
  steps.push_back(sim_step::await_end());
  const peer_id client = on.connect(std::move(steps));
  on.until([&] { return on.counters().handshakes == others::count; });  // `good` and the client
  const std::string first = hello(on);
  for (std::size_t i = 0; i < flood; ++i) {
    on.connect_over(nullptr, {sim_step::send(first), sim_step::pause(apart_ns - millisecond_ns),
                              sim_step::reset()});
    const time_ns next_ns = on.now_ns() + (on.real_time() ? 0 : apart_ns);
    do {
      on.turn(std::max<time_ns>(next_ns - on.now_ns(), 0));
    } while (on.now_ns() < next_ns);
  }
  good.check();
  const stage::seen seen = on.see(client);
  CHECK(seen.broken == "");
  CHECK(seen.complete == asked);
  if (on.exact()) {
    // Not one of its answers took any time at all.
    const std::vector<platform::sim_chunk>& came = on.record(client).chunks;
    REQUIRE(came.size() == asked);
    for (std::size_t i = 1; i < asked; ++i) CHECK(came[i].at_ns - came[i - 1].at_ns == span_ns);
  }
  const ending how = on.finish();
  CHECK(how.counters.handshakes == others::count + 1);
  // A system may drop one that dies before it is accepted.
  CHECK(how.counters.handshakes_failed == how.counters.connections_accepted - others::count - 1);
  if (!on.real_time()) CHECK(how.counters.handshakes_failed == flood);
  CHECK(how.counters.requests == others::count + asked);
  CHECK(bites(how.counters) == 0);
}

HANDSHAKE_BEHAVIOUR(
    "S12 R74 an end without close_notify inside a body discards the request, and is counted") {
  on.serve({});
  others good(on);
  const std::string asked = post("/submit", "whole");
  const peer_id rude = on.connect_over(std::make_shared<test::mute_end>(on.make_layer()),
                                       {sim_step::send(asked.substr(0, asked.size() - 1)),
                                        sim_step::half_close(), sim_step::await_end()});
  good.check();
  CHECK(on.received_bytes(rude) == 0);
  const ending how = on.finish();
  CHECK(how.counters.sessions_truncated == 1);
  CHECK(how.counters.responses_2xx == others::count);
}

HANDSHAKE_BEHAVIOUR("idle_deadline: a record that is dripped says nothing, and renews nothing") {
  limits bounds;
  bounds.idle_deadline = second_ns;
  on.serve(bounds);
  script steps = {sim_step::send(get("/plaintext")), await_answers(1),
                  sim_step::send(get("/echo/smuggled"))};
  for (int i = 0; i < 12; ++i) {
    steps.push_back(sim_step::pause(200 * millisecond_ns));
    steps.push_back(sim_step::send("x"));
  }
  steps.push_back(sim_step::await_end());
  const peer_id dripping =
      on.connect_over(std::make_shared<test::dripped_record>(on.make_layer()), std::move(steps));
  on.until_ended();
  const auto seen = on.see(dripping);
  CHECK(seen.broken == "");
  CHECK(seen.complete == 1);
  on.check_span(seen.lasted_ns, bounds.idle_deadline);
  CHECK(on.state.smuggled == 0);
  const ending how = on.finish();
  CHECK(how.counters.timed_out_idle_deadline == 1);
  CHECK(bites(how.counters) == 1);
}

HANDSHAKE_BEHAVIOUR("S12 R74 an end without close_notify between requests is an end like another") {
  on.serve({});
  const auto rude = [&on] { return std::make_shared<test::mute_end>(on.make_layer()); };
  const peer_id behind = on.connect_over(rude(), ask(get("/plaintext") + get("/bytes/300000")));
  const peer_id idle = on.connect_over(rude(), ask(get("/plaintext"), 1));
  const peer_id fresh = on.connect_over(rude(), {sim_step::half_close(), sim_step::await_end()});
  on.until_ended();
  CHECK(on.see(behind).broken == "");
  CHECK(on.see(behind).complete == 2);
  CHECK(on.see(idle).complete == 1);
  for (const peer_id peer : {behind, idle, fresh}) CHECK(on.record(peer).end == sim_end::eof);
  const ending how = on.finish();
  CHECK(how.counters.sessions_truncated == 3);
  CHECK(how.counters.connections_reset == 0);
  CHECK(bites(how.counters) == 0);
}

HANDSHAKE_BEHAVIOUR("S13 R73 close_notify behind a request does not cost its answer") {
  on.serve({});
  const peer_id peer =
      on.connect_over(std::make_shared<test::early_end>(on.make_layer()),
                      {sim_step::send(get("/bytes/300000")), sim_step::await_end()});
  on.until_ended();
  const auto seen = on.see(peer);
  CHECK(seen.broken == "");
  REQUIRE(seen.complete == 1);
  CHECK(seen.answers[0].body == pattern(300'000));
  CHECK(seen.end == sim_end::eof);
  CHECK(bites(on.finish().counters) == 0);
}

HANDSHAKE_BEHAVIOUR("S15 one bit of a record is another, and the session is over") {
  on.serve({});
  others good(on);
  const std::string asked = get("/echo/smuggled");
  const peer_id altered =
      on.connect_over(std::make_shared<test::flipped_bit>(on.make_layer()),
                      {sim_step::send(get("/plaintext")), await_answers(1), sim_step::send(asked),
                       sim_step::send(asked), sim_step::await_end()});
  good.check();
  CHECK(on.see(altered).complete == 1);
  CHECK(on.state.smuggled == 0);
  CHECK(on.finish().counters.sessions_failed == 1);
}

HANDSHAKE_BEHAVIOUR("S18 a client of another version is refused, and never served") {
  on.serve({});
  others good(on);
  std::vector<peer_id> peers;
  for (std::shared_ptr<platform::sim_layer> each : one_of_each_version()) {
    peers.push_back(on.connect_over(std::move(each), ask(get("/plaintext"), 1)));
  }
  good.check();
  std::size_t served = 0;
  for (const peer_id peer : peers) served += on.see(peer).complete;
  CHECK(served == 1);
  const ending how = on.finish();
  CHECK(how.counters.handshakes_failed == 1);
  CHECK(how.counters.handshakes == others::count + 1);
}

HANDSHAKE_BEHAVIOUR("S20 tls_records_per_second_max: past it, a cut") {
  limits bounds;
  bounds.tls_records_per_second_max = 200;
  on.serve(bounds);
  others good(on);
  const std::string head = "POST /submit HTTP/1.1\r\nHost: weir\r\nContent-Length: 5000\r\n\r\n";
  const std::string body(5'000, 'x');
  // A record for each byte, or one for all of them.
  const peer_id crumbs =
      on.connect({sim_step::send(head), sim_step::drip(body, 1, 0), sim_step::await_end()});
  const peer_id whole = on.connect(ask(head + body, 1));
  good.check();
  CHECK(on.see(crumbs).complete == 0);
  CHECK(on.see(whole).complete == 1);
  const ending how = on.finish();
  CHECK(how.counters.ended_tls_records_per_second_max == 1);
  CHECK(bites(how.counters) == 1);
}

HANDSHAKE_BEHAVIOUR("tls_records_per_second_max: what it allows is served") {
  limits bounds;
  bounds.tls_records_per_second_max = 5'100;
  on.serve(bounds);
  const std::string head = "POST /submit HTTP/1.1\r\nHost: weir\r\nContent-Length: 5000\r\n\r\n";
  const peer_id crumbs =
      on.connect({sim_step::send(head), sim_step::drip(std::string(5'000, 'x'), 1, 0),
                  await_answers(1), sim_step::half_close(), sim_step::await_end()});
  on.until_ended();
  CHECK(on.see(crumbs).complete == 1);
  CHECK(bites(on.finish().counters) == 0);
}

// How long a step takes on a real stage is not ours to say.
HANDSHAKE_BEHAVIOUR(
    "handshakes_max: so many steps at once are computed, and one more waits its turn") {
  if (on.real_time()) return;
  on.virtual_handshake_step_ns = 50 * millisecond_ns;
  limits bounds;
  bounds.handshakes_max = 3;
  on.serve(bounds);
  for (int i = 0; i < 3; ++i) on.connect_over(nullptr, staying(hello(on)));
  on.until([&] { return on.counters().connections_accepted == 3; });
  on.turn(5 * millisecond_ns);
  CHECK(on.counters().paused_handshakes_max == 0);
  const peer_id extra = on.connect(ask(get("/plaintext"), 1));
  on.until([&] { return on.ended(extra); });
  CHECK(on.counters().paused_handshakes_max >= 1);
  CHECK(on.see(extra).complete == 1);
  CHECK(bites(on.finish().counters) == 0);
}

HANDSHAKE_BEHAVIOUR(
    "handshake_deadline: a worker that is stuck keeps nobody waiting, nor a drain") {
  if (on.real_time()) return;
  on.virtual_handshake_step_ns = never_ns;
  limits bounds = hasty();
  bounds.drain_timeout = second_ns;
  on.serve(bounds);
  const peer_id first = on.connect_over(nullptr, staying(hello(on)));
  const peer_id second = on.connect_over(nullptr, staying(hello(on)));
  on.until_ended();
  for (const peer_id peer : {first, second}) {
    CHECK(on.received_bytes(peer) == 0);
    on.check_span(on.record(peer).ended_ns - on.record(peer).connected_ns, deadline_ns);
  }
  CHECK(on.finish().counters.timed_out_handshake_deadline == 2);
}

HANDSHAKE_BEHAVIOUR("connections_max: past it, a secure connection ends before its handshake") {
  limits bounds;
  bounds.connections_max = bounds.connections_per_peer_max = 2;
  on.serve(bounds);
  for (int i = 0; i < 2; ++i) on.connect(ask(get("/gate"), 1));
  on.until([&] { return on.state.at_gate == 2; });
  const peer_id extra = on.connect_over(nullptr, {sim_step::await_end()});
  on.until([&] { return on.ended(extra); });
  CHECK(on.received_bytes(extra) == 0);
  on.state.gate_open = true;
  on.until_ended();
  CHECK(on.finish().counters.shed_connections_max == 1);
}

HANDSHAKE_BEHAVIOUR(
    "W10 a drain ends peers in their handshake at once, and waits for nobody who never reads") {
  limits bounds;
  bounds.handshake_deadline = 600 * second_ns;
  bounds.head_deadline = 600 * second_ns;
  bounds.drain_timeout = on.real_time() ? 30 * second_ns : second_ns;
  on.serve(bounds);
  const std::string first = hello(on);
  constexpr std::size_t peers = 64;
  for (std::size_t i = 0; i < peers; ++i) {
    script steps{sim_step::send(first), sim_step::await_end()};
    if (i % 3 == 0) steps = {sim_step::await_end()};
    if (i % 3 == 1) steps = {sim_step::stop_reading(), sim_step::send(first)};
    on.connect_over(nullptr, std::move(steps), true);
  }
  on.until([&] { return on.counters().connections_accepted == peers; });
  on.turn(20 * millisecond_ns);
  const time_ns began_ns = on.now_ns();
  on.drain();
  on.until([&] { return on.stopped(); });
  if (on.exact()) CHECK(on.now_ns() == began_ns);
  const ending how = on.finish();
  CHECK(how.report.forced == 0);
  CHECK(how.counters.handshakes == 0);
}
