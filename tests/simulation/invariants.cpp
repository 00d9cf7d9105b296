// simulation/invariants.cpp - the promises of the server, as a simulation can see them.
//
// A new promise is a new row in the table at the end. What a row says has to hold for every seed:
// when it does not, either the server or the sentence is wrong.
#include "simulation/invariants.hpp"

#include <algorithm>

namespace weir::simulation {

using platform::sim_end;

namespace {

std::string name(std::size_t index, const outcome& o) {
  return "client " + std::to_string(index) + " (" + o.what.clients[index].plan + "): ";
}

bool drains_early(const outcome& o) {
  return o.what.drain_after_ns != never_ns;
}

// A connection that was lost before the server had it.
bool turned_away(const outcome& o, const witness& w) {
  return o.what.turns_away() && w.record.received_bytes == 0 &&
         (w.record.end == sim_end::reset || w.record.end == sim_end::unconnected ||
          w.record.end == sim_end::closed);
}

// Calls `f(client, witness)` until it finds something.
template <class F>
std::string each_client(const outcome& o, F f) {
  for (std::size_t i = 0; i < o.seen.size(); ++i) {
    std::string found = f(o.what.clients[i], o.seen[i]);
    if (!found.empty()) return name(i, o) + found;
  }
  return {};
}

std::string first(const std::vector<std::string>& lines) {
  return lines.empty() ? "" : lines.front();
}

// "" when answer `n` is the right one.
std::string mismatch(const test::answer& a, const exchange& e, std::size_t n) {
  const std::string which = "answer " + std::to_string(n + 1) + " ";
  if (a.status != e.status) {
    return which + "is " + std::to_string(a.status) + ", not " + std::to_string(e.status);
  }
  const bool has_body = e.method != "HEAD" && e.status == 200;
  if (has_body && a.body != e.body) {
    return which + "has another body (" + std::to_string(a.body.size()) + " bytes, not " +
           std::to_string(e.body.size()) + ")";
  }
  if (e.method == "HEAD" && !a.body.empty()) return which + "to HEAD has a body";
  return {};
}

std::string well_formed(const outcome& o) {
  return each_client(o, [](const client&, const witness& w) { return w.broken; });
}

std::string one_answer_each(const outcome& o) {
  if (drains_early(o)) return {};
  return each_client(o, [&o](const client& c, const witness& w) -> std::string {
    if (!c.healthy() || turned_away(o, w)) return {};
    const std::size_t wanted = c.exchanges.size() + (c.refusal != 0 ? 1 : 0);
    for (std::size_t i = 0; i < std::min(w.complete, c.exchanges.size()); ++i) {
      const std::string why = mismatch(w.answers[i], c.exchanges[i], i);
      if (!why.empty()) return why;
    }
    if (w.complete == wanted) return {};
    return "got " + std::to_string(w.complete) + " answers, not " + std::to_string(wanted);
  });
}

// Whose words reach the server as they were said.
bool has_session(const outcome& o, const client& c) {
  return !o.what.secure || c.wire.has_session();
}

std::string right_as_far_as_they_came(const outcome& o) {
  return each_client(o, [](const client& c, const witness& w) -> std::string {
    for (std::size_t i = 0; i < w.complete; ++i) {
      const test::answer& a = w.answers[i];
      // A drain, or the end of patience, may be the last answer of any connection.
      if (a.closes() && (a.status == 503 || a.status == 408)) continue;
      // A handler was told of the end in the middle of a body, or waited for the rest.
      if (c.wire.harms() && a.closes() && a.status >= 500) continue;
      if (i < c.exchanges.size()) {
        const std::string why = mismatch(a, c.exchanges[i], i);
        if (!why.empty()) return why;
      } else if (a.status != c.refusal) {
        return "got an answer nobody asked for: " + std::to_string(a.status);
      }
    }
    return {};
  });
}

std::string refusal_is_last(const outcome& o) {
  return each_client(o, [&o](const client& c, const witness& w) -> std::string {
    for (std::size_t i = 0; i < w.complete; ++i) {
      const bool refuses = w.answers[i].status >= 400 && w.answers[i].status != 404;
      if (refuses && (!w.answers[i].closes() || i + 1 != w.answers.size())) {
        return "the refusal " + std::to_string(w.answers[i].status) + " is not the last answer";
      }
    }
    if (c.refusal == 0 || !c.healthy() || drains_early(o) || w.answers.empty()) return {};
    const int last = w.answers.back().status;
    if (last == c.refusal) return {};
    return "the last answer is " + std::to_string(last) + ", not " + std::to_string(c.refusal);
  });
}

std::string orderly_end(const outcome& o) {
  if (drains_early(o)) return {};
  return each_client(o, [&o](const client& c, const witness& w) -> std::string {
    if (!c.healthy() || turned_away(o, w)) return {};
    if (w.record.end == sim_end::eof || w.record.end == sim_end::closed) return {};
    return "its connection ended otherwise than in order";
  });
}

std::size_t requests_bytes(const client& c) {
  std::size_t bytes = 0;
  for (const exchange& e : c.exchanges) bytes += e.bytes.size();
  return bytes;
}

std::string nothing_harmed_is_served(const outcome& o) {
  return each_client(o, [&o](const client& c, const witness& w) -> std::string {
    if (!o.what.secure || c.healthy()) return {};
    const std::size_t refused = c.refusal != 0 && w.whole_bytes > requests_bytes(c) ? 1 : 0;
    if (w.complete <= c.begun_in(w.whole_bytes) + refused) return {};
    return "got " + std::to_string(w.complete) + " answers, and asked " +
           std::to_string(c.begun_in(w.whole_bytes)) + " times before its wire broke";
  });
}

// Records of a handshake and alerts, the last one as far as it came.
bool only_records(std::string_view wire) {
  while (!wire.empty()) {
    if (wire[0] != 0x15 && wire[0] != 0x16) return false;
    if (wire.size() < 5) return true;
    const std::size_t body = static_cast<std::size_t>(static_cast<unsigned char>(wire[3])) << 8 |
                             static_cast<unsigned char>(wire[4]);
    wire.remove_prefix(std::min(wire.size(), 5 + body));
  }
  return true;
}

std::string without_a_session(const outcome& o) {
  return each_client(o, [&o](const client& c, const witness& w) -> std::string {
    if (has_session(o, c)) return {};
    const std::string_view told = w.record.received;
    constexpr std::string_view plainly = "HTTP/1.1 400 ";
    const bool text = c.sent[0] >= 'A' && c.sent[0] <= 'Z';
    if (!text) return only_records(told) ? "" : "was told something that is no record";
    if (told.substr(0, plainly.size()) != plainly.substr(0, told.size())) {
      return "was told something else than 400";
    }
    if (told.find("HTTP/1.1 ", 1) != std::string_view::npos) return "was told more than once";
    return {};
  });
}

std::string contract(const outcome& o) {
  return first(o.contract);
}
std::string memory(const outcome& o) {
  return first(o.memory);
}

std::string no_deadlock(const outcome& o) {
  if (o.poller_failed) return "nothing could ever happen again";
  if (!o.clients_ended) return "a client never saw an end\n" + o.tree;
  if (!o.stopped) return "the server never stopped\n" + o.tree;
  return {};
}

std::string drains_in_time(const outcome& o) {
  if (!o.stopped) return {};
  const time_ns bound_ns = o.what.bounds.drain_delay + o.what.bounds.drain_timeout + second_ns;
  if (o.drain_took_ns > bound_ns) {
    return "it took " + std::to_string(o.drain_took_ns / millisecond_ns) + " ms";
  }
  // Whoever saw an end because its session failed may still hold its connection.
  const auto harmed = std::count_if(o.what.clients.begin(), o.what.clients.end(),
                                    [](const client& c) { return c.wire.harms(); });
  if (!drains_early(o) && o.report.forced > static_cast<std::uint64_t>(harmed)) {
    return "it forced connections nobody used";
  }
  if (o.report.drained + o.report.forced > o.what.clients.size()) return "it counted too many";
  return {};
}

std::string nothing_left(const outcome& o) {
  if (!o.stopped) return {};
  if (o.connections_left > 0) return "connections";
  if (o.sockets_left > 0) return "sockets";
  if (o.operations_left > 0) return "operations\n" + o.tree;
  if (o.slots_leaked > 0) return "leaked slots";
  if (o.timers_left) return "a timer";
  if (o.frame_bytes_left > 0) return std::to_string(o.frame_bytes_left) + " bytes of frames";
  if (o.clients_ended && o.endpoints_left > 0) return "ends of connections in the network";
  return {};
}

std::string counters_reconcile(const outcome& o) {
  const http::server_counters& c = o.counters;
  const std::uint64_t answers =
      c.responses_2xx + c.responses_3xx + c.responses_4xx + c.responses_5xx;
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  std::uint64_t seen = 0;
  std::uint64_t asked = 0;
  for (std::size_t i = 0; i < o.seen.size(); ++i) {
    if (has_session(o, o.what.clients[i])) received += o.seen[i].record.received_bytes;
    sent += o.seen[i].record.sent_bytes;
    seen += o.seen[i].complete;
    asked += o.what.clients[i].exchanges.size() + 1;
  }
  if (o.stopped && c.connections_accepted != c.connections_closed) return "accepted, not closed";
  if (c.connections_accepted > o.what.clients.size()) return "more accepted than there were";
  if (o.what.secure && o.stopped && c.handshakes + c.handshakes_failed != c.connections_accepted) {
    return "a connection had no handshake that ended";
  }
  if (c.bytes_sent < received) return "clients received more than was sent";
  if (c.bytes_received > sent) return "more was received than clients sent";
  if (answers < seen) return "clients saw more answers than were counted";
  if (answers > asked) return "more answers were counted than there were questions";
  if (c.requests > asked) return "more requests were counted than were sent";
  if (c.handlers_failed > 0 && !drains_early(o)) {
    const auto breaks = [](const client& one) { return !one.healthy(); };
    if (std::none_of(o.what.clients.begin(), o.what.clients.end(), breaks)) {
      return "a handler failed although nobody broke off";
    }
  }
  return {};
}

constexpr invariant table[] = {
    {"contract",
     "The poller's contract is kept: each operation ends once, in time, for its socket.", contract},
    {"memory", "Nobody touches memory while it is the kernel's.", memory},
    {"no deadlock", "Every client sees an end, and the server stops, in bounded time.",
     no_deadlock},
    {"well-formed", "Whatever a client receives, whole or broken off, is well-formed.",
     well_formed},
    {"one answer each",
     "Every complete request on a healthy connection gets exactly one answer, in order, with the "
     "body it asked for; a refused or unfinished one gets its refusal.",
     one_answer_each},
    {"right as far as they came",
     "On any connection the answers that arrive are the right ones, in order.",
     right_as_far_as_they_came},
    {"refusal is last", "A refusal says close, and nothing comes after it.", refusal_is_last},
    {"nothing harmed is served",
     "What comes behind an altered byte or a cut of a client's wire is never served.",
     nothing_harmed_is_served},
    {"without a session",
     "Who speaks no TLS to a secure server is told so, in plain text once or by an alert, and is "
     "never served.",
     without_a_session},
    {"orderly end", "A healthy connection is never reset by the server.", orderly_end},
    {"drains in time", "A drain ends within its deadline and counts what it ended.",
     drains_in_time},
    {"nothing left",
     "At the end no connection, socket, operation, timer or coroutine frame is left.",
     nothing_left},
    {"counters reconcile", "The server's counters agree with each other and with the clients.",
     counters_reconcile},
};

}  // namespace

std::span<const invariant> invariants() {
  return table;
}

std::vector<broken> check(const outcome& o) {
  std::vector<broken> found;
  for (const invariant& i : table) {
    std::string detail = i.check(o);
    if (!detail.empty()) found.push_back({&i, std::move(detail)});
  }
  return found;
}

}  // namespace weir::simulation
