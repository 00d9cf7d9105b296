// platform/sim/endpoints.cpp - time, and the bytes that travel in it.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "sim_poller.hpp"
#include "state.hpp"

namespace weir::platform {

using sim::endpoint;
using sim::endpoint_key;
using sim::event;
using sim::segment;

namespace {

constexpr endpoint_key key_from(std::uint32_t index, std::uint32_t generation) noexcept {
  return (std::uint64_t{generation} << 32) | index;
}
constexpr std::uint32_t index_of(endpoint_key key) noexcept {
  return static_cast<std::uint32_t>(key & 0xffffffffu);
}
constexpr std::uint32_t generation_of(endpoint_key key) noexcept {
  return static_cast<std::uint32_t>(key >> 32);
}

const char* name_of(event::kind what) noexcept {
  switch (what) {
    case event::kind::arrive: return "arrive";
    case event::kind::room: return "room";
    case event::kind::connect: return "connect";
    case event::kind::give_up: return "give_up";
    case event::kind::fail: return "fail";
    case event::kind::peer_start: return "peer_start";
    case event::kind::peer_step: return "peer_step";
    case event::kind::peer_read: return "peer_read";
    case event::kind::operation: return "operation";
    case event::kind::cancel: return "cancel";
    case event::kind::early: return "early";
    case event::kind::stale: return "stale";
  }
  return "?";
}

}  // namespace

sim_network::state::state(const sim_options& o)
    : options(o),
      roll(o.seed),
      bug_roll(o.seed ^ 0x6275677321u),
      now_ns(o.start_ns),
      endpoints(o.endpoints_max) {
  WEIR_ASSERT(options.pipe_bytes > 0);
  WEIR_ASSERT(options.segment_bytes > 0);
  WEIR_ASSERT(options.latency_min_ns >= 0);
}

// Time and events. -------------------------------------------------------------------------------

void sim_network::state::schedule(time_ns delay_ns, event what) {
  what.at_ns = due_after(now_ns, delay_ns < 0 ? 0 : delay_ns);
  what.tie = options.shuffle ? roll.next() : 0;
  what.sequence = ++sequence;
  events.push_back(what);
  std::push_heap(events.begin(), events.end());
}

bool sim_network::state::run_next(time_ns until_ns) {
  if (events.empty() || events.front().at_ns > until_ns) return false;
  std::pop_heap(events.begin(), events.end());
  const event e = events.back();
  events.pop_back();
  WEIR_ASSERT(e.at_ns >= now_ns);
  now_ns = e.at_ns;
  ++events_done;
  note(name_of(e.what), e.key != 0 ? e.key : e.index, e.extra);
  sim::sim_poller* p = e.poller < pollers.size() ? pollers[e.poller] : nullptr;
  switch (e.what) {
    case event::kind::arrive: arrive(e.key); break;
    case event::kind::room: changed(e.key); break;
    case event::kind::connect: connect_arrives(e.key, e.extra); break;
    case event::kind::give_up: connect_fails(e.key, errc::timed_out); break;
    case event::kind::fail: connect_fails(e.key, static_cast<errc>(e.extra)); break;
    case event::kind::peer_start: peer_start(e.index); break;
    case event::kind::peer_step:
      peers[e.index].sleeping = false;
      peer_run(e.index);
      break;
    case event::kind::peer_read: {
      sim::actor& a = peers[e.index];
      a.read_armed = false;
      a.last_read_ns = now_ns;
      if (a.slow) peer_read(e.index, a.slow_bytes);
      peer_changed(e.index);
      break;
    }
    case event::kind::operation:
      if (p != nullptr) p->look_again({e.index, e.extra});
      break;
    case event::kind::cancel:
      if (p != nullptr) p->end_cancelled({e.index, e.extra});
      break;
    case event::kind::early:
      if (p != nullptr) p->end_early({e.index, e.extra});
      break;
    case event::kind::stale:
      if (p != nullptr) p->notice({e.index, e.extra});
      break;
  }
  return true;
}

void sim_network::state::run_until(time_ns until_ns) {
  while (run_next(until_ns)) {
  }
  now_ns = std::max(now_ns, until_ns);
}

void sim_network::state::note(const char* what, std::uint64_t a, std::uint64_t b) {
  const auto mix = [this](std::uint64_t word) {
    digest = (digest ^ word) * 0x100000001b3u;
    digest ^= digest >> 29;
  };
  for (const char* c = what; *c != 0; ++c) mix(static_cast<unsigned char>(*c));
  mix(static_cast<std::uint64_t>(now_ns));
  mix(a);
  mix(b);
  if (trace.size() >= options.trace_lines_max) return;
  char line[160];
  std::snprintf(line, sizeof line, "%lld %s %llx %llx",
                static_cast<long long>(now_ns - options.start_ns), what,
                static_cast<unsigned long long>(a), static_cast<unsigned long long>(b));
  trace.emplace_back(line);
}

bool sim_network::state::bug(sim_bug which) noexcept {
  if (options.planted != which || !bug_roll.chance(options.planted_permille)) return false;
  ++planted;
  return true;
}

// Endpoints. -------------------------------------------------------------------------------------

endpoint* sim_network::state::find(endpoint_key key) noexcept {
  return endpoints.find(index_of(key), generation_of(key));
}

endpoint_key sim_network::state::make_endpoint() {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;
  if (endpoints.take(index, generation) == nullptr) return sim::no_endpoint;
  return key_from(index, generation);
}

void sim_network::state::free_endpoint(endpoint_key key) noexcept {
  WEIR_ASSERT(find(key) != nullptr);
  endpoints.free(index_of(key));
}

time_ns sim_network::state::latency(const endpoint& e) noexcept {
  if (e.latency_ns >= 0) return e.latency_ns;
  return roll.between(options.latency_min_ns, options.latency_max_ns);
}

void sim_network::state::push(endpoint_key to, const endpoint& from, segment what) {
  endpoint* e = find(to);
  if (e == nullptr) return;
  // A connection has one latency: the scripted side's, when it has one.
  const time_ns delay_ns = latency(from.latency_ns >= 0 ? from : *e);
  e->last_arrival_ns = std::max(e->last_arrival_ns, due_after(now_ns, delay_ns));
  e->arriving_bytes += what.bytes.size();
  e->arriving.push_back(std::move(what));
  schedule(e->last_arrival_ns - now_ns, {.what = event::kind::arrive, .key = to});
}

void sim_network::state::arrive(endpoint_key key) {
  endpoint* e = find(key);
  if (e == nullptr || e->arriving.empty()) return;
  segment s = std::move(e->arriving.front());
  e->arriving.pop_front();
  WEIR_ASSERT(e->arriving_bytes >= s.bytes.size());
  e->arriving_bytes -= s.bytes.size();
  if (e->rst_seen) return;  // nothing comes after a reset
  switch (s.what) {
    case segment::kind::established:
      if (e->at != sim::phase::connecting) return;
      e->at = sim::phase::connected;
      break;
    case segment::kind::refused: connect_fails(key, s.why.code); return;
    case segment::kind::bytes: e->inbox += s.bytes; break;
    case segment::kind::fin: e->fin_seen = true; break;
    case segment::kind::rst:
      e->rst_seen = true;
      if (options.reset_discards) {
        e->inbox.clear();
        e->inbox_taken = 0;
      }
      break;
  }
  changed(key);
}

void sim_network::state::changed(endpoint_key key) {
  endpoint* e = find(key);
  if (e == nullptr) return;
  if (e->peer != sim::nobody) {
    peer_changed(e->peer);
  } else if (e->belongs.poller < pollers.size() && pollers[e->belongs.poller] != nullptr) {
    pollers[e->belongs.poller]->notice(e->belongs.socket);
  }
}

std::size_t sim_network::state::room(const endpoint& from) noexcept {
  const endpoint* to = find(from.other);
  // Nobody is there any more. The host does not know it yet: a full pipe stays full until the
  // reset arrives, an empty one takes bytes all the same.
  if (to == nullptr) return from.wants_room ? 0 : options.pipe_bytes;
  const std::size_t used = to->unread() + to->arriving_bytes;
  return used >= options.pipe_bytes ? 0 : options.pipe_bytes - used;
}

std::size_t sim_network::state::transmit(endpoint_key from, const char* bytes, std::size_t count) {
  endpoint* e = find(from);
  WEIR_ASSERT(e != nullptr);
  const std::size_t taken = std::min(count, room(*e));
  e->wants_room = taken < count;
  if (taken == 0) return 0;
  if (find(e->other) == nullptr) {
    // The other host answers bytes for a closed socket with a reset.
    const time_ns there_ns = latency(*e);
    if (e->ghost.poller != sim::nobody) {
      schedule(there_ns, {.what = event::kind::stale,
                          .poller = e->ghost.poller,
                          .index = e->ghost.socket.index,
                          .extra = e->ghost.socket.generation});
    }
    if (!e->rst_coming) {
      e->rst_coming = true;
      e->last_arrival_ns = std::max(e->last_arrival_ns, due_after(now_ns, 2 * there_ns));
      e->arriving.push_back({.what = segment::kind::rst});
      schedule(e->last_arrival_ns - now_ns, {.what = event::kind::arrive, .key = from});
    }
    return taken;
  }
  for (std::size_t at = 0; at < taken; at += options.segment_bytes) {
    const std::size_t n = std::min(options.segment_bytes, taken - at);
    push(e->other, *e, {.what = segment::kind::bytes, .bytes = std::string(bytes + at, n)});
  }
  return taken;
}

error sim_network::state::send_trouble(endpoint& e) noexcept {
  if (e.at == sim::phase::failed) return e.connect_error;
  if (e.at != sim::phase::connected) return error(errc::not_connected, "send");
  if (e.rst_seen) {
    // The first to hear of a reset is told so; after that it is a stream that is over.
    if (e.rst_reported) return error(errc::broken_pipe, "send");
    e.rst_reported = true;
    return error(errc::reset, "send");
  }
  if (e.fin_sent) return error(errc::broken_pipe, "send");
  return {};
}

std::size_t sim_network::state::take(endpoint_key key, char* into, std::size_t count) {
  endpoint* e = find(key);
  WEIR_ASSERT(e != nullptr);
  WEIR_ASSERT(e->unread() > 0);
  const std::size_t n = std::min(count, e->unread());
  std::memcpy(into, e->inbox.data() + e->inbox_taken, n);
  e->inbox_taken += n;
  if (e->inbox_taken == e->inbox.size()) {
    e->inbox.clear();
    e->inbox_taken = 0;
  } else if (e->inbox_taken > options.pipe_bytes) {
    e->inbox.erase(0, e->inbox_taken);
    e->inbox_taken = 0;
  }
  endpoint* o = find(e->other);
  if (o != nullptr && o->wants_room) {
    o->wants_room = false;
    const time_ns back_ns = latency(o->latency_ns >= 0 ? *o : *e);
    schedule(back_ns, {.what = event::kind::room, .key = e->other});
  }
  return n;
}

error sim_network::state::shut(endpoint_key key) {
  endpoint* e = find(key);
  WEIR_ASSERT(e != nullptr);
  if (e->at != sim::phase::connected) return error(errc::not_connected, "shutdown");
  if (e->fin_sent) return {};
  e->fin_sent = true;
  push(e->other, *e, {.what = segment::kind::fin});
  return {};
}

void sim_network::state::close(endpoint_key key) {
  endpoint* e = find(key);
  WEIR_ASSERT(e != nullptr);
  // Bytes that nobody will read make a close a reset; what is still travelling will meet a closed
  // socket, which comes to the same.
  if (e->unread() != 0 || e->arriving_bytes != 0) return reset(key);
  if (e->at == sim::phase::connected || e->at == sim::phase::connecting) {
    if (!e->fin_sent && !e->rst_seen) push(e->other, *e, {.what = segment::kind::fin});
  }
  if (endpoint* o = find(e->other)) o->ghost = e->belongs;
  if (e->at == sim::phase::listening) {
    std::erase_if(listeners, [key](const auto& entry) { return entry.second == key; });
    const std::deque<endpoint_key> queue = std::move(e->queue);
    free_endpoint(key);
    for (const endpoint_key waiting : queue) {
      if (find(waiting) != nullptr) reset(waiting);
    }
    return;
  }
  free_endpoint(key);
}

void sim_network::state::reset(endpoint_key key) {
  endpoint* e = find(key);
  WEIR_ASSERT(e != nullptr);
  if (e->at == sim::phase::listening) return close(key);
  if (endpoint* o = find(e->other)) {
    o->ghost = e->belongs;
    if (!e->rst_seen) push(e->other, *e, {.what = segment::kind::rst});
  }
  free_endpoint(key);
}

}  // namespace weir::platform
