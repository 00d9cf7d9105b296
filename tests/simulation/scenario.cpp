// simulation/scenario.cpp - see the header.
#include "simulation/scenario.hpp"

#include <algorithm>
#include <memory>

#include "http/behaviour/routes.hpp"
#include "support/answer_reader.hpp"

namespace weir::simulation {

using http::behaviour::pattern;
using platform::sim_step;

namespace {

// splitmix64, the same on every system: a seed means the same simulation everywhere.
class dice {
 public:
  explicit dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15u;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : next() % bound; }
  std::size_t between(std::size_t low, std::size_t high) { return low + below(high - low + 1); }
  time_ns span(time_ns high_ns) {
    return static_cast<time_ns>(next() % (static_cast<std::uint64_t>(high_ns) + 1));
  }
  bool chance(std::uint32_t permille) { return below(1'000) < permille; }
  // Mostly none: storms that are everywhere hide what happens between them.
  std::uint32_t storm() { return chance(400) ? static_cast<std::uint32_t>(below(400)) : 0; }
  std::string_view text(std::size_t bytes) {
    return pattern(1'000'000 + bytes).substr(below(1'000'000), bytes);
  }

  bool secure = false;  // what is drawn is for a server that speaks TLS

 private:
  std::uint64_t state_;
};

// A head that means the same in many spellings.
// `may_be_old`: HTTP/1.0 gets the same answer.
std::string head(dice& roll, std::string_view method, std::string_view target,
                 bool may_be_old = false) {
  std::string out;
  if (roll.chance(100)) out += "\r\n";
  out += method;
  out += ' ';
  if (roll.chance(50)) out += roll.secure ? "https://weir" : "http://weir";
  out += target;
  const bool old = may_be_old && roll.chance(150);
  out += old ? " HTTP/1.0\r\nConnection: keep-alive\r\n" : " HTTP/1.1\r\n";
  out += roll.chance(500) ? "Host: weir\r\n" : "hOsT:\tweir:8080 \r\n";
  for (std::size_t i = roll.below(4); i > 0; --i) {
    out += "X-Filler-" + std::to_string(i) + ": " + std::string(roll.text(roll.below(60))) + "\r\n";
  }
  return out;
}

void add_body(dice& roll, std::string& out, std::string_view body) {
  if (roll.chance(500)) {
    out += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    out += body;
    return;
  }
  out += "Transfer-Encoding: chunked\r\n\r\n";
  constexpr char digits[] = "0123456789abcdef";
  while (!body.empty()) {
    const std::size_t n = std::min(body.size(), 1 + roll.below(roll.chance(500) ? 20 : 5'000));
    std::string size;
    for (std::size_t left = n; left > 0; left /= 16) size.insert(size.begin(), digits[left % 16]);
    if (roll.chance(200)) size.insert(0, "00");
    out += size;
    if (roll.chance(100)) out += ";name=\"value\"";
    out += "\r\n";
    out += body.substr(0, n);
    out += "\r\n";
    body.remove_prefix(n);
  }
  out += roll.chance(200) ? "0\r\nX-Trailer: t\r\n\r\n" : "0\r\n\r\n";
}

exchange draw_exchange(dice& roll) {
  exchange e;
  const auto get = [&](const std::string& target, bool may_be_old = false) {
    e.method = roll.chance(100) ? "HEAD" : "GET";
    e.bytes = head(roll, e.method, target, may_be_old) + "\r\n";
  };
  const auto post = [&](const std::string& target, std::string_view body, bool may_expect = false) {
    e.method = "POST";
    e.bytes = head(roll, e.method, target);
    // Without patience: the body follows at once, and 100 may come or not.
    if (may_expect && roll.chance(150)) e.bytes += "Expect: 100-continue\r\n";
    add_body(roll, e.bytes, body);
  };
  const std::size_t size = roll.chance(100) ? roll.below(100'000) : roll.below(3'000);
  switch (roll.below(12)) {
    case 0:
      get("/", true);
      e.body = "weir\n";
      break;
    case 1:
    case 2:
      e.body = "n" + std::to_string(roll.next());
      get("/echo/" + e.body, true);
      break;
    case 3:
    case 4:
      e.body = roll.text(size);
      post("/submit", e.body, true);
      break;
    case 5:
      e.body = roll.text(size);
      post("/stream-echo", e.body);
      break;
    case 6:
      post("/collect", roll.text(size), true);
      e.body = std::to_string(size);
      break;
    case 7: {
      const std::size_t n = roll.below(30);
      get("/stream/" + std::to_string(n));
      for (std::size_t i = 0; i < n; ++i) e.body += "line " + std::to_string(i) + "\n";
      break;
    }
    case 8:
      get("/bytes/" + std::to_string(size));
      e.body = pattern(size);
      break;
    case 9:
      get("/delay/" + std::to_string(roll.below(200)));
      e.body = "late";
      break;
    case 10:
      get("/nowhere");
      e.status = 404;
      break;
    default:
      post("/ignore", roll.text(roll.below(2'000)));
      e.body = "ignored";
      break;
  }
  return e;
}

struct offence {
  const char* bytes;
  int status;
};
constexpr offence offences[] = {
    {"GET / HTTP/1.1\nHost: weir\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost : weir\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n\r\n", 400},
    {"GET /../up HTTP/1.1\r\nHost: weir\r\n\r\n", 400},
    {"GET / HTTP/3.0\r\nHost: weir\r\n\r\n", 505},
    {"BREW / HTTP/1.1\r\nHost: weir\r\n\r\n", 501},
    {"POST /submit HTTP/1.1\r\nHost: weir\r\nContent-Length: 4\r\nTransfer-Encoding: "
     "chunked\r\n\r\n"
     "0\r\n\r\n",
     400},
    {"POST /submit HTTP/1.1\r\nHost: weir\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
     400},
    {"POST /submit HTTP/1.1\r\nHost: weir\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", 400},
    {"POST /submit HTTP/1.1\r\nHost: weir\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcde\r\n",
     400},
    {"POST /collect HTTP/1.1\r\nHost: weir\r\nTransfer-Encoding: chunked\r\n\r\n1;\n\r\na\r\n",
     400},
    {"POST /submit HTTP/1.1\r\nHost: weir\r\nContent-Length: 99999999\r\n\r\n", 413},
};
constexpr const char* half_requests[] = {
    "GET /echo/half HTTP/1.1\r\nHos",
    "POST /submit HTTP/1.1\r\nHost: weir\r\nContent-Length: 10\r\n\r\nfive.",
    "POST /submit HTTP/1.1\r\nHost: weir\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
};

// Waits until so many answers are whole, or something is wrong with them.
sim_step await_answers(const std::vector<exchange>& all, std::size_t n) {
  struct watch {
    test::answer_reader reader;
    std::size_t fed = 0;
  };
  auto w = std::make_shared<watch>();
  for (const exchange& e : all) w->reader.expect(e.method);
  return sim_step::await_text([w, n](std::string_view received) {
    w->reader.feed(received.substr(w->fed));
    w->fed = received.size();
    return w->reader.complete() >= n || !w->reader.broken().empty();
  });
}

sim_step draw_send(dice& roll, std::string bytes) {
  // However small the pieces, all is sent within seconds: long before any deadline.
  const std::size_t least = 1 + bytes.size() / 2'000;
  switch (roll.below(4)) {
    case 0: return sim_step::send(std::move(bytes));
    case 1: {
      const std::size_t piece = 2 * least + roll.below(2'000);
      return sim_step::split(std::move(bytes), piece, roll.span(millisecond_ns));
    }
    case 2: return sim_step::drip(std::move(bytes), least, roll.span(300 * microsecond_ns));
    default: {
      const std::size_t piece = least + roll.below(1'000);
      return sim_step::drip(std::move(bytes), piece, roll.span(millisecond_ns));
    }
  }
}

client draw_client(dice& roll) {
  client c;
  // Most are well-behaved: they are the witnesses of what the others do.
  constexpr manner usual[] = {manner::orderly, manner::hasty, manner::idle, manner::slow_reader};
  c.how = roll.chance(500) ? usual[roll.below(4)] : static_cast<manner>(roll.below(manners));
  const std::size_t n = roll.chance(100) ? roll.below(40) : roll.below(6);
  const bool rest_may_be_empty = c.how == manner::attacker || c.how == manner::staller;
  for (std::size_t i = 0; i < n + (rest_may_be_empty ? 0 : 1); ++i) {
    c.exchanges.push_back(draw_exchange(roll));
  }
  if (!rest_may_be_empty && roll.chance(150)) {
    // Asks for the end: whatever it would send behind this is not served.
    exchange last;
    last.body = "last";
    last.bytes = head(roll, "GET", "/echo/last") + "Connection: close\r\n\r\n";
    c.exchanges.push_back(std::move(last));
  }
  c.plan = std::string(to_string(c.how)) + ", " + std::to_string(c.exchanges.size()) + " requests";

  std::vector<sim_step>& steps = c.peer.steps;
  c.peer.start_ns = roll.span(20 * millisecond_ns);
  if (c.how == manner::slow_reader) {
    steps.push_back(
        sim_step::read_slowly(100 + roll.below(8'000), 1 + roll.span(3 * millisecond_ns)));
  }
  // Who does not read cannot wait for answers.
  const bool pipelines =
      roll.chance(500) || c.how == manner::hasty || c.how == manner::stuck_reader;
  std::string together;
  for (std::size_t i = 0; i < c.exchanges.size(); ++i) {
    c.sent += c.exchanges[i].bytes;
    if (pipelines) {
      together += c.exchanges[i].bytes;
      continue;
    }
    steps.push_back(draw_send(roll, c.exchanges[i].bytes));
    steps.push_back(await_answers(c.exchanges, i + 1));
    if (roll.chance(200)) steps.push_back(sim_step::pause(roll.span(50 * millisecond_ns)));
  }
  if (pipelines && !together.empty()) steps.push_back(draw_send(roll, std::move(together)));

  switch (c.how) {
    case manner::orderly:
      steps.push_back(await_answers(c.exchanges, c.exchanges.size()));
      steps.push_back(roll.chance(500) ? sim_step::half_close() : sim_step::close());
      break;
    case manner::slow_reader:
      steps.push_back(await_answers(c.exchanges, c.exchanges.size()));
      steps.push_back(sim_step::read_fully());
      steps.push_back(sim_step::half_close());
      break;
    case manner::hasty: steps.push_back(sim_step::half_close()); break;
    case manner::idle: break;
    case manner::attacker: {
      const offence& o = offences[roll.below(std::size(offences))];
      c.refusal = o.status;
      const std::string behind = o.bytes + draw_exchange(roll).bytes;
      c.sent += behind;
      steps.push_back(draw_send(roll, behind));
      break;
    }
    case manner::staller: {
      const char* const half = half_requests[roll.below(std::size(half_requests))];
      c.refusal = 408;
      c.sent += half;
      steps.push_back(draw_send(roll, half));
      break;
    }
    case manner::breaker: {
      // Cuts its own script short, or breaks off after some answer bytes.
      if (roll.chance(500)) steps.resize(roll.below(steps.size() + 1));
      if (roll.chance(300)) steps.push_back(sim_step::await_bytes(roll.below(2'000)));
      if (roll.chance(300)) steps.push_back(sim_step::pause(roll.span(20 * millisecond_ns)));
      steps.push_back(roll.chance(500) ? sim_step::reset() : sim_step::close());
      break;
    }
    case manner::stuck_reader:
      if (roll.chance(500)) {
        exchange large;
        large.bytes = "GET /large HTTP/1.1\r\nHost: weir\r\n\r\n";
        large.body = pattern(http::behaviour::large_bytes);
        c.sent += large.bytes;
        steps.push_back(sim_step::stop_reading());
        steps.push_back(sim_step::send(large.bytes));
        c.exchanges.push_back(std::move(large));
      } else {
        steps.insert(steps.begin(), sim_step::stop_reading());
      }
      steps.push_back(sim_step::pause(roll.span(40 * second_ns)));
      steps.push_back(sim_step::reset());
      break;
  }
  return c;
}

// What no session begins with.
std::string garbage(dice& roll) {
  // Now and then the start of a record.
  std::string out =
      roll.chance(300) ? std::string("\x16\x03\x01\x00\x80\x01\x00", 7) : std::string();
  for (std::size_t i = 1 + roll.below(roll.chance(500) ? 20 : 2'000); i > 0; --i) {
    out += static_cast<char>(roll.below(256));
  }
  return out;
}

void end_somehow(dice& roll, std::vector<sim_step>& steps) {
  switch (roll.below(4)) {
    case 0: steps.push_back(sim_step::reset()); break;
    case 1: steps.push_back(sim_step::close()); break;
    case 2: steps.push_back(sim_step::half_close()); break;
    default: break;  // and waits
  }
}

// Of a secure server's client: its session, and what it does to it.
void draw_wire(dice& roll, client& c) {
  wire_plan& w = c.wire;
  w.older = roll.chance(400);
  // Most keep to it: they see what the others do to them.
  if (roll.chance(400)) w.how = static_cast<wire_manner>(roll.below(wire_manners));
  std::vector<sim_step>& steps = c.peer.steps;
  const auto instead = [&](std::string bytes) {
    c.exchanges.clear();
    c.refusal = 0;
    c.sent = std::move(bytes);
    steps.clear();
  };
  switch (w.how) {
    case wire_manner::honest:
    case wire_manner::mute_end: break;
    case wire_manner::altered:
    case wire_manner::cut_short:
      // In the handshake, or anywhere.
      w.at = roll.below(roll.chance(300) ? 700 : 700 + c.sent.size() + c.sent.size() / 20);
      w.bit = static_cast<unsigned>(roll.below(8));
      if (w.how == wire_manner::altered) break;
      // Nobody who waits for an answer to what did not leave.
      steps.clear();
      steps.push_back(draw_send(roll, c.sent));
      steps.push_back(sim_step::pause(roll.span(20 * millisecond_ns)));
      end_somehow(roll, steps);
      break;
    case wire_manner::leaves_early:
      instead({});
      steps.push_back(sim_step::pause(roll.span(3 * millisecond_ns)));
      end_somehow(roll, steps);
      break;
    case wire_manner::deaf:
      instead({});
      steps.push_back(sim_step::stop_reading());
      steps.push_back(sim_step::pause(roll.span(40 * second_ns)));
      steps.push_back(sim_step::reset());
      break;
    case wire_manner::plain:
      instead(draw_exchange(roll).bytes);
      if (roll.chance(300)) c.sent.resize(1 + roll.below(c.sent.size()));
      steps.push_back(draw_send(roll, c.sent));
      end_somehow(roll, steps);
      break;
    case wire_manner::garbage:
      instead(garbage(roll));
      steps.push_back(draw_send(roll, c.sent));
      end_somehow(roll, steps);
      break;
  }
  c.plan += w.older ? ", TLS 1.2, " : ", TLS 1.3, ";
  c.plan += to_string(w.how);
}

// The rest of a scenario whose server is secure. Handshakes are what it costs: fewer clients.
void secure(dice& roll, scenario& s) {
  s.secure = true;
  s.sessions.seed = roll.next();
  if (roll.chance(500)) s.sessions.handshake_step_ns = roll.span(2 * millisecond_ns);
  if (roll.chance(300)) s.bounds.handshakes_max = 1 + static_cast<std::uint32_t>(roll.below(3));
  // Crumbs are a client's way to send here.
  s.bounds.tls_records_per_second_max = 10'000'000;
  for (client& c : s.clients) draw_wire(roll, c);
}

}  // namespace

std::size_t client::begun_in(std::size_t bytes) const noexcept {
  std::size_t begun = 0;
  for (std::size_t at = 0; begun < exchanges.size() && at < bytes; ++begun) {
    at += exchanges[begun].bytes.size();
  }
  return begun;
}

const char* to_string(manner m) noexcept {
  switch (m) {
    case manner::orderly: return "orderly";
    case manner::hasty: return "hasty";
    case manner::idle: return "idle";
    case manner::slow_reader: return "slow reader";
    case manner::attacker: return "attacker";
    case manner::staller: return "staller";
    case manner::breaker: return "breaker";
    case manner::stuck_reader: return "stuck reader";
  }
  return "?";
}

scenario draw(std::uint64_t seed, const asked_for& what) {
  // Not the seed itself: the numbers of one are those of the next, moved by a place.
  dice roll(dice(seed).next());
  roll.secure = what.secure;
  scenario s;
  s.seed = seed;
  platform::sim_options& o = s.network;
  o.seed = roll.next();
  o.latency_min_ns = roll.span(100 * microsecond_ns);
  o.latency_max_ns = o.latency_min_ns + (roll.chance(300) ? roll.span(5 * millisecond_ns)
                                                          : roll.span(200 * microsecond_ns));
  o.pipe_bytes = roll.chance(300) ? 1'000 + roll.below(10'000) : 20'000 + roll.below(200'000);
  o.segment_bytes = roll.chance(300) ? 1 + roll.below(1'500) : 1'000 + roll.below(60'000);
  o.kernel_owns_buffers = roll.chance(500);
  o.cancel_delay_max_ns = roll.span(200 * microsecond_ns);
  o.shuffle = roll.chance(500);
  o.short_receive_permille = roll.storm();
  o.short_send_permille = roll.storm();
  o.would_block_permille = roll.storm();
  o.early_readable_permille = roll.storm();
  o.reset_discards = roll.chance(500);
  if (roll.chance(50)) o.accept_aborted_permille = static_cast<std::uint32_t>(roll.below(500));
  if (roll.chance(50)) o.accept_exhausted_permille = static_cast<std::uint32_t>(roll.below(500));
  o.planted = what.planted;

  http::limits& b = s.bounds;
  if (roll.chance(300)) b.pipelined_requests_max = 1 + static_cast<std::uint32_t>(roll.below(8));
  if (roll.chance(300)) b.response_queue_bytes_max = 1 + roll.below(10'000);
  b.linger_deadline = 100 * millisecond_ns + roll.span(2 * second_ns);
  b.drain_timeout = 100 * millisecond_ns + roll.span(5 * second_ns);
  if (roll.chance(200)) b.drain_delay = roll.span(second_ns);
  // Patience is for the well-behaved here: what cuts off slow peers has tests of its own.
  b.rate_grace = 30 * second_ns;

  const std::size_t clients_max = what.secure ? 4 : 7;
  for (std::size_t i = roll.between(1, clients_max); i > 0; --i) {
    s.clients.push_back(draw_client(roll));
  }
  if (roll.chance(200)) s.drain_after_ns = roll.span(100 * millisecond_ns);
  if (what.secure) secure(roll, s);
  s.sessions.planted = what.planted_in_sessions;
  return s;
}

}  // namespace weir::simulation
