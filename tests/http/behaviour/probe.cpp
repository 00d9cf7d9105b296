// behaviour/probe.cpp - see the header.
#include "behaviour/probe.hpp"
#include <weir/http/date.hpp>
#include <weir/http/problem.hpp>

#include "behaviour/post_conditions.hpp"

namespace weir::http::behaviour {

namespace {

// What stands behind a refused request, and may never be served.
const std::string smuggled = get("/echo/smuggled");

// Where in `refusals::all` a code stands; -1 for the problems that no parser makes.
int refusal_index(std::string_view code) {
  for (std::size_t i = 0; i < refusals::all.size(); ++i) {
    if (code == refusals::all[i]->code) return static_cast<int>(i);
  }
  return -1;
}

bool is_refused(const probe& p) {
  return refusal_index(p.replies.back().code) >= 0;
}

script play(const probe& p, sim_step sending) {
  if (p.closes) return {std::move(sending), sim_step::await_end()};
  return {std::move(sending), await_answers(p.replies.size(), p.methods), sim_step::half_close(),
          sim_step::await_end()};
}

void check_reply(const test::answer& got, const reply& wanted, bool is_head) {
  CHECK(got.status == wanted.status);
  // RFC 9110 6.6.1: every answer of a server with a clock, those of its parser included.
  CHECK(parse_date(got.field("date"), 1'750'000'000).has_value());
  CHECK(got.field("date").size() == date_bytes);
  CHECK(got.field("server") == "weir");
  if (wanted.has_body) CHECK(got.body == wanted.body);
  for (const auto& [name, value] : wanted.fields) {
    INFO(name);
    CHECK(got.field(name) == value);
  }
  if (wanted.code.empty()) return;
  CHECK(got.field("content-type") == "application/problem+json");
  CHECK(got.field("content-length") != "");
  if (is_head) return;
  CHECK(got.body.find("\"status\":" + std::to_string(wanted.status) + ",") != std::string::npos);
  CHECK(got.body.find("\"code\":\"" + wanted.code + "\"") != std::string::npos);
}

void check_peer(stage& on, const probe& p, peer_id peer) {
  const stage::seen seen = on.see(peer, p.methods);
  CHECK(seen.broken == "");
  CHECK(seen.end == sim_end::eof);
  REQUIRE(seen.complete == p.replies.size());
  for (std::size_t i = 0; i < p.replies.size(); ++i) {
    const bool is_head = i < p.methods.size() && p.methods[i] == "HEAD";
    check_reply(seen.answers[i], p.replies[i], is_head);
    CHECK(seen.answers[i].closes() == (p.closes && i + 1 == p.replies.size()));
  }
  if (p.also) p.also(seen);
}

// Every answer is counted, the one counter the probe is about moved, and no other did.
void check_accounts(const probe& p, std::size_t peers, std::size_t interim, const ending& how) {
  std::uint64_t classes[6] = {0, interim, others::count, 0, 0, 0};
  std::uint64_t failed = 0;
  for (const reply& r : p.replies) {
    classes[r.status / 100] += peers;
    for (const refusal_kind* kind : {&problems::bad_response, &problems::handler_failed}) {
      if (r.code == kind->code) failed += peers;
    }
  }
  const server_counters& counted = how.counters;
  CHECK(counted.connections_accepted == peers + others::count);
  CHECK(counted.connections_reset == 0);
  CHECK(counted.responses_1xx == classes[1]);
  CHECK(counted.responses_2xx == classes[2]);
  CHECK(counted.responses_3xx == classes[3]);
  CHECK(counted.responses_4xx == classes[4]);
  CHECK(counted.responses_5xx == classes[5]);
  CHECK(counted.handlers_failed == failed);
  const int refusal = refusal_index(p.replies.back().code);
  CHECK(bites(counted) == (refusal < 0 ? 0 : peers));
  if (refusal >= 0) CHECK(counted.refused[refusal] == peers);
}

}  // namespace

probe served(std::string name, std::string bytes, std::vector<reply> replies) {
  return {.name = std::move(name), .bytes = std::move(bytes), .replies = std::move(replies)};
}

probe last(std::string name, std::string bytes, std::vector<reply> replies) {
  probe out = served(std::move(name), std::move(bytes), std::move(replies));
  out.closes = true;
  return out;
}

probe refused(std::string name, std::string bytes, int status, std::string code) {
  return last(std::move(name), std::move(bytes), {reply(status, std::move(code))});
}

std::string post_with(std::string_view lines, std::string_view body) {
  return "POST /submit HTTP/1.1\r\nHost: weir\r\n" + std::string(lines) + "\r\n" +
         std::string(body);
}

std::string get_with(std::string_view lines) {
  return "GET /plaintext HTTP/1.1\r\nHost: weir\r\n" + std::string(lines) + "\r\n";
}

std::string request_line(std::string_view line) {
  return std::string(line) + "\r\nHost: weir\r\n\r\n";
}

std::string chunked(std::string_view raw, std::string_view target) {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: weir\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(raw);
}

// Inside TLS the targets that are ours are those of https.
std::string in_the_scheme_of(const stage& on, std::string bytes) {
  if (!on.secure()) return bytes;
  if (const std::size_t at = bytes.find(" https://"); at != std::string::npos) {
    return bytes.erase(at + 5, 1);
  }
  if (const std::size_t at = bytes.find(" http://"); at != std::string::npos) {
    return bytes.insert(at + 5, "s");
  }
  return bytes;
}

void run_probe(stage& on, const probe& row) {
  probe p = row;
  p.bytes = in_the_scheme_of(on, std::move(p.bytes));
  limits bounds;
  if (p.set) p.set(bounds);
  on.serve(bounds);
  std::vector<peer_id> peers = {
      on.connect(play(p, sim_step::send(p.closes ? p.bytes + smuggled : p.bytes)))};
  if (p.bytes.size() < 4'000) {
    // One that asked for the close has said all it may (RFC 9112 9.6): what it sends later meets
    // a closed connection. One that was refused may not know yet.
    const std::string pieces = is_refused(p) ? p.bytes + smuggled : p.bytes;
    peers.push_back(on.connect(play(p, sim_step::split(pieces, 40, 50 * microsecond_ns))));
  }
  others good(on);
  good.check();
  std::size_t interim = 0;
  for (const peer_id peer : peers) {
    check_peer(on, p, peer);
    interim += on.see(peer, p.methods).interim;
  }
  CHECK(on.state.smuggled == 0);
  check_accounts(p, peers.size(), interim, on.finish());
}

bool register_probes(std::vector<probe> table) {
  for (probe& row : table) {
    const std::string name = row.name;
    add_behaviour(name, [row = std::move(row)](stage& on) { run_probe(on, row); });
  }
  return true;
}

}  // namespace weir::http::behaviour
