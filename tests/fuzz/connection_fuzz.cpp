// fuzz/connection_fuzz.cpp - any script of a peer against a whole connection of the server, over a
// simulated network.
//
// A script is what the peer sends, as it is, with a few bytes that no seed needs as marks between
// (see `mark`). Properties: the same bytes get the same answers however they are cut; nothing is
// answered after a refusal, whatever stands behind it; answers are well-formed and in number those
// that the server says it gave; memory is bounded while it runs and none is left; every connection
// ends by itself; the poller's contract holds.
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <weir/http/server.hpp>
#include <weir/platform/assert.hpp>
#include <weir/platform/sim.hpp>
#include <weir/runtime/scheduler.hpp>
#include <weir/runtime/waits.hpp>

#include "cuts.hpp"
#include "support/answer_reader.hpp"
#include "support/contract_auditor.hpp"

namespace http = weir::http;
using weir::millisecond_ns;
using weir::second_ns;
using weir::time_ns;
namespace platform = weir::platform;
using platform::sim_end;
using platform::sim_network;
using platform::sim_step;

namespace {

// Marks: bytes that stand for an act of the peer.
enum mark : unsigned char {
  reads_fully = 0xf8,
  stops_reading = 0xf9,
  resets = 0xfa,
  ends_its_side = 0xfb,
  waits_long = 0xfc,   // longer than most deadlines
  waits_short = 0xfd,  // a second
  cuts = 0xfe,         // what follows is a segment of its own
};
bool is_mark(char c) {
  return static_cast<unsigned char>(c) >= reads_fully && static_cast<unsigned char>(c) <= cuts;
}

constexpr std::size_t script_bytes_max = 4'096;
constexpr std::size_t dripped_bytes_max = 160;
constexpr time_ns lifetime_max_ns = 600 * second_ns;
// A script that waits longer than its connection may live would only find itself.
constexpr time_ns waits_max_ns = 300 * second_ns;
// Coroutine frames of a connection with everything it can have under way.
constexpr std::size_t connection_frames_bytes_max = 16 * 1024;

// Small enough that a fuzzer finds every limit.
http::limits small_limits() {
  http::limits bounds;
  bounds.head_bytes_max = 512;
  bounds.target_bytes_max = 64;
  bounds.header_fields_max = 8;
  bounds.body_bytes_max = 256;
  bounds.chunk_line_bytes_max = 32;
  bounds.chunk_extension_bytes_max = 64;
  bounds.trailer_bytes_max = 128;
  bounds.trailer_fields_max = 3;
  bounds.pipelined_requests_max = 3;
  bounds.requests_per_connection_max = 12;
  return bounds;
}

using weir::runtime::task;

task<weir::error> read_all(http::exchange& x) {
  const weir::result<std::string_view> body = co_await x.read_all();
  if (!body.ok()) co_return body.why();
  http::response answer = http::response::text(std::to_string(body.value().size()));
  const weir::error sent = co_await x.send(std::move(answer));
  co_return sent;
}

task<weir::error> stream_lines(http::exchange& x) {
  http::response head;
  head.set_stream(std::nullopt, http::text_plain);
  const weir::error began = co_await x.begin(std::move(head));
  if (began) co_return began;
  for (int i = 0; i < 3; ++i) {
    const weir::error wrote = co_await x.write("a line\n");
    if (wrote) co_return wrote;
  }
  const weir::error finished = co_await x.finish();
  co_return finished;
}

task<weir::error> answer_late(http::exchange& x) {
  const weir::error slept = co_await weir::runtime::sleep_until(x.loop().now_ns() + second_ns);
  if (slept) co_return slept;
  http::response answer = http::response::view("late");
  const weir::error sent = co_await x.send(std::move(answer));
  co_return sent;
}

const http::routes& table() {
  static const http::routes all = [] {
    http::routes r;
    const weir::error failed[] = {
        r.get("/", [](const http::request&) { return http::response::view("weir\n"); }),
        r.get("/echo/{text}",
              [](const http::request& q) {
                return http::response::text(std::string(q.param("text")));
              }),
        r.post("/submit",
               [](const http::request& q) { return http::response::text(std::string(q.body)); }),
        r.post_async("/collect", &read_all),
        r.get_async("/stream", &stream_lines),
        r.get_async("/late", &answer_late),
    };
    for (const weir::error& why : failed) WEIR_ASSERT(!why);
    return r;
  }();
  return all;
}

// What a peer saw, as far as it may not depend on how its bytes were cut.
struct outcome {
  std::string answers;  // status, whether it closes, body
  bool last_closes = false;
  bool interim = false;
};

// Answers given, in order, by the port of the peer they were for.
using asked_methods = std::map<std::uint16_t, std::vector<std::string>>;

outcome read(const platform::sim_record& seen, const std::vector<std::string>& methods) {
  outcome out;
  const auto answers = weir::test::read_answers(seen.received, seen.end == sim_end::eof, methods);
  // Who resets or stops reading may find an answer cut short; what comes in order is well-formed.
  if (seen.end == sim_end::eof) WEIR_ASSERT(answers.broken().empty());
  WEIR_ASSERT(answers.complete() <= methods.size());
  for (std::size_t i = 0; i < answers.complete(); ++i) {
    const weir::test::answer& a = answers.answers()[i];
    out.last_closes = a.closes();
    if (a.closes()) WEIR_ASSERT(i + 1 == answers.answers().size());  // it is the last one
    out.answers += std::to_string(a.status) + (a.closes() ? " close [" : " [") + a.body + "]\n";
  }
  out.interim = answers.interim() != 0;
  return out;
}

// One server, and all these peers at once.
std::vector<outcome> play(std::vector<std::vector<sim_step>> scripts, const http::limits& bounds) {
  sim_network net;
  auto opened = net.open_poller();
  WEIR_ASSERT(opened.ok());
  auto audited = std::make_unique<weir::test::contract_auditor>(
      std::move(opened).value(), [&net] { return net.stalled_operations(); });
  const auto violations = audited->shared_violations();
  std::optional<weir::runtime::scheduler> loop(std::in_place, std::move(audited));
  const std::size_t frames_before = loop->frames().bytes_in_use();
  asked_methods asked;
  http::server_options options;
  options.bounds = bounds;
  options.observe = [](void* context, const http::access_record& record) noexcept {
    auto& all = *static_cast<asked_methods*>(context);
    all[record.peer->port()].emplace_back(record.method);
  };
  options.observe_context = &asked;
  std::optional<http::server> server(std::in_place, *loop, table(), options);
  const auto at = server->listen(weir::address::loopback_ipv4(8'080));
  WEIR_ASSERT(at.ok());
  const weir::error started = server->start();
  WEIR_ASSERT(!started);

  std::vector<platform::sim_peer_id> peers;
  const auto address_of = [](std::size_t i) {
    return weir::address::loopback_ipv4(static_cast<std::uint16_t>(20'000 + i));
  };
  for (std::vector<sim_step>& steps : scripts) {
    steps.push_back(sim_step::read_fully());
    steps.push_back(sim_step::half_close());
    steps.push_back(sim_step::await_end());
    const auto peer = net.add_peer(
        {.at = at.value(), .from = address_of(peers.size()), .steps = std::move(steps)});
    WEIR_ASSERT(peer.ok());
    peers.push_back(peer.value());
  }
  const auto under_way = [&](platform::sim_peer_id peer) {
    const sim_end end = net.record(peer).end;
    return end == sim_end::unconnected || end == sim_end::open;
  };
  const time_ns end_ns = net.now_ns() + lifetime_max_ns;
  const std::size_t frames_max = frames_before + peers.size() * connection_frames_bytes_max;
  const auto turn = [&] {
    const weir::error why = loop->poll_once(net.now_ns() + second_ns);
    WEIR_ASSERT(!why);
    WEIR_ASSERT(loop->frames().bytes_in_use() <= frames_max);
    WEIR_ASSERT(net.now_ns() < end_ns);
  };
  while (std::any_of(peers.begin(), peers.end(), under_way) || server->connections() != 0) turn();
  server->drain();
  while (!server->stopped()) turn();
  for (int i = 0; i < 100 && loop->poller().counters().operations_open > 0; ++i) turn();

  std::vector<outcome> out;
  for (std::size_t i = 0; i < peers.size(); ++i) {
    out.push_back(read(net.record(peers[i]), asked[address_of(i).port()]));
  }
  const http::server_counters counters = server->counters();
  WEIR_ASSERT(counters.connections_accepted == peers.size());
  std::uint64_t refusals = 0;
  for (const std::uint64_t n : counters.refused) refusals += n;
  WEIR_ASSERT(refusals <= peers.size());

  WEIR_ASSERT(server->connections() == 0);
  WEIR_ASSERT(loop->poller().counters().sockets_open == 0);
  WEIR_ASSERT(loop->poller().counters().operations_open == 0);
  WEIR_ASSERT(loop->poller().counters().slots_leaked == 0);
  server.reset();
  WEIR_ASSERT(loop->frames().bytes_in_use() == frames_before);
  WEIR_ASSERT(loop->timers().soonest() == nullptr);
  loop.reset();
  WEIR_ASSERT(violations->empty());
  WEIR_ASSERT(net.violations().empty());
  return out;
}

std::vector<sim_step> played(std::string_view script) {
  std::vector<sim_step> steps;
  std::string segment;
  time_ns waited_ns = 0;
  const auto send = [&] {
    if (!segment.empty()) steps.push_back(sim_step::send(std::move(segment)));
    segment.clear();
  };
  const auto wait = [&](time_ns span_ns) {
    if (waited_ns + span_ns > waits_max_ns) return;
    waited_ns += span_ns;
    steps.push_back(sim_step::pause(span_ns));
  };
  for (const char c : script) {
    if (!is_mark(c)) {
      segment += c;
      continue;
    }
    send();
    switch (static_cast<mark>(static_cast<unsigned char>(c))) {
      case reads_fully: steps.push_back(sim_step::read_fully()); break;
      case stops_reading: steps.push_back(sim_step::stop_reading()); break;
      case resets: steps.push_back(sim_step::reset()); return steps;
      case ends_its_side: steps.push_back(sim_step::half_close()); return steps;
      case waits_long: wait(12 * second_ns); break;
      case waits_short: wait(second_ns); break;
      case cuts: wait(millisecond_ns); break;
    }
  }
  send();
  return steps;
}

std::vector<sim_step> cut(std::string_view text, const std::vector<std::size_t>& places) {
  std::vector<sim_step> steps;
  std::size_t from = 0;
  for (const std::size_t place : places) {
    if (place == from) continue;
    steps.push_back(sim_step::send(std::string(text.substr(from, place - from))));
    steps.push_back(sim_step::pause(millisecond_ns));
    from = place;
  }
  if (from != text.size()) steps.push_back(sim_step::send(std::string(text.substr(from))));
  return steps;
}

void check(std::string_view script, const http::limits& bounds) {
  std::string text;
  for (const char c : script) {
    if (!is_mark(c)) text += c;
  }
  weir::fuzz::dice random(script);
  std::vector<std::vector<sim_step>> scripts;
  scripts.push_back(cut(text, {}));
  for (const std::size_t count : {1u, 6u}) {
    scripts.push_back(cut(text, weir::fuzz::random_cuts(random, text.size(), count)));
  }
  if (text.size() <= dripped_bytes_max) {
    std::vector<std::size_t> everywhere;
    for (std::size_t i = 1; i < text.size(); ++i) everywhere.push_back(i);
    scripts.push_back(cut(text, everywhere));
  }
  const std::size_t ways = scripts.size();
  scripts.push_back(cut(text + "GET /echo/smuggled HTTP/1.1\r\nHost: a\r\n\r\n", {}));
  // As it is written, with its acts: here only what holds for every peer.
  scripts.push_back(played(script));

  const std::vector<outcome> seen = play(std::move(scripts), bounds);
  const outcome& whole = seen[0];
  for (std::size_t i = 1; i < ways; ++i) {
    // A 100 is left out when the body is there already, and then an early answer need not close.
    if (seen[i].interim) continue;
    WEIR_ASSERT(seen[i].answers == whole.answers);
  }
  if (whole.last_closes) WEIR_ASSERT(seen[ways].answers == whole.answers);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > script_bytes_max) size = script_bytes_max;
  const std::string_view script(reinterpret_cast<const char*>(data), size);
  check(script, {});
  check(script, small_limits());
  return 0;
}
