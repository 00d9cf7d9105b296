// platform/sim/peers.cpp - scripted peers: data in, what they saw out.
//
//   unconnected --peer_start--> connecting --> open --> (eof | reset | closed)
//
// A peer runs its steps until one has to wait: for time (a peer_step event is on its way and
// `sleeping` says so), for room to send, for bytes, or for the end. Whatever happens to its
// endpoint calls peer_changed(), which reads as the script says and runs on.
#include <algorithm>
#include <utility>

#include "state.hpp"

namespace weir::platform {

using sim::actor;
using sim::endpoint;
using sim::endpoint_key;
using sim::event;

sim_step sim_step::send(std::string bytes) {
  sim_step step{action::send};
  step.bytes = std::move(bytes);
  return step;
}
sim_step sim_step::drip(std::string bytes, std::size_t piece_bytes, time_ns gap_ns) {
  sim_step step = send(std::move(bytes));
  step.count = piece_bytes;
  step.span_ns = gap_ns;
  return step;
}
sim_step sim_step::split(std::string bytes, std::size_t piece_bytes_max, time_ns gap_max_ns) {
  sim_step step = drip(std::move(bytes), piece_bytes_max, gap_max_ns);
  step.random_pieces = true;
  return step;
}
sim_step sim_step::pause(time_ns span_ns) {
  sim_step step{action::pause};
  step.span_ns = span_ns;
  return step;
}
sim_step sim_step::await_bytes(std::size_t total) {
  sim_step step{action::await_bytes};
  step.count = total;
  return step;
}
sim_step sim_step::await_text(std::function<bool(std::string_view)> enough) {
  sim_step step{action::await_text};
  step.enough = std::move(enough);
  return step;
}
sim_step sim_step::await_end() {
  return sim_step{action::await_end};
}
sim_step sim_step::half_close() {
  return sim_step{action::half_close};
}
sim_step sim_step::reset() {
  return sim_step{action::reset};
}
sim_step sim_step::close() {
  return sim_step{action::close};
}
sim_step sim_step::read_slowly(std::size_t bytes, time_ns interval_ns) {
  sim_step step{action::read_slowly};
  step.count = bytes;
  step.span_ns = interval_ns;
  return step;
}
sim_step sim_step::stop_reading() {
  return read_slowly(0, 0);
}
sim_step sim_step::read_fully() {
  return sim_step{action::read_fully};
}

result<sim_peer_id> sim_network::add_peer(sim_peer peer) {
  if (state_->peers.size() >= state_->options.peers_max) return error(errc::limit, "peers_max");
  const auto index = static_cast<std::uint32_t>(state_->peers.size());
  if (peer.listens) {
    if (peer.at.is_ip() && peer.at.port() == 0) return error(errc::invalid, "sim_peer::at");
    endpoint_key at = state_->listener_at(peer.at);
    const endpoint* e = state_->find(at);
    if (e == nullptr) {
      at = state_->make_endpoint();
      if (at == sim::no_endpoint) return error(errc::limit, "endpoints_max");
      if (const error why = state_->listen(at, peer.at, 1, true)) {
        state_->free_endpoint(at);
        return why;
      }
    } else if (e->belongs.poller != sim::nobody) {
      return error(errc::address_in_use, "sim_peer::at");
    }
    state_->find(at)->serving.push_back(index);
  } else {
    state_->schedule(peer.start_ns, {.what = event::kind::peer_start, .index = index});
  }
  state_->peers.push_back({.script = std::move(peer)});
  return static_cast<sim_peer_id>(index);
}

const sim_record& sim_network::record(sim_peer_id peer) const {
  const auto index = static_cast<std::uint32_t>(peer);
  WEIR_ASSERT(index < state_->peers.size());
  return state_->peers[index].record;
}

void sim_network::state::peer_start(std::uint32_t index) {
  actor& a = peers[index];
  a.key = make_endpoint();
  if (a.key == sim::no_endpoint) {
    a.record.why = error(errc::limit, "endpoints_max");
    return;
  }
  endpoint& e = *find(a.key);
  e.peer = index;
  e.latency_ns = a.script.latency_ns;
  e.local = a.script.from;
  if (e.local.family() == address_family::none && a.script.at.family() == address_family::ipv4) {
    const std::uint32_t host = next_host++;
    e.local = address::ipv4({10, static_cast<std::uint8_t>(host >> 16),
                             static_cast<std::uint8_t>(host >> 8), static_cast<std::uint8_t>(host)},
                            40'000);
  }
  start_connect(a.key, a.script.at);
}

void sim_network::state::peer_over(std::uint32_t index, sim_end how) {
  sim_record& r = peers[index].record;
  if (r.end != sim_end::open) return;
  r.end = how;
  r.ended_ns = now_ns;
}

void sim_network::state::peer_read(std::uint32_t index, std::size_t count) {
  actor& a = peers[index];
  const endpoint* e = find(a.key);
  if (e == nullptr) return;
  if (a.mid_record) {
    count = 0;
  } else {
    const std::size_t paid = std::min(a.read_ahead, count);
    a.read_ahead -= paid;
    count -= paid;
  }
  bool waits_for_record = a.script.layer != nullptr && (count > 0 || a.mid_record);
  while (e->unread() > 0 && (count > 0 || waits_for_record)) {
    char piece[4096];
    const std::size_t taken = take(a.key, piece, std::min(count > 0 ? count : 256, sizeof piece));
    const std::size_t due = std::min(taken, count);
    count -= due;
    a.read_ahead += taken - due;
    std::string_view text(piece, taken);
    std::string from_layer;
    if (a.script.layer != nullptr) {
      a.script.layer->hear(text, from_layer);
      text = from_layer;
    }
    if (text.empty()) continue;
    waits_for_record = false;
    sim_record& r = a.record;
    r.received_bytes += text.size();
    r.received += text.substr(0, options.record_bytes_max - r.received.size());
    if (!r.chunks.empty() && r.chunks.back().at_ns == now_ns) {
      r.chunks.back().bytes += text.size();
    } else if (r.chunks.size() < options.record_bytes_max / sizeof(sim_chunk)) {
      r.chunks.push_back({now_ns, text.size()});
    }
  }
  a.mid_record = waits_for_record && a.slow;
}

void sim_network::state::peer_changed(std::uint32_t index) {
  actor& a = peers[index];
  const endpoint* e = find(a.key);
  if (e == nullptr) return;
  if (e->at == sim::phase::failed) {
    a.record.why = e->connect_error;
    free_endpoint(std::exchange(a.key, sim::no_endpoint));
    return;
  }
  if (e->at == sim::phase::connected && a.record.end == sim_end::unconnected) {
    a.record.end = sim_end::open;
    a.record.connected_ns = now_ns;
  }
  if (e->at == sim::phase::connected) static_cast<void>(peer_flush(index));
  if (!a.slow) {
    peer_read(index, options.pipe_bytes);
  } else if (a.slow_bytes > 0) {
    if (a.mid_record) peer_read(index, 0);
    // The timer runs only while there is something to read, behind that record too: a timer without
    // end would hide a deadlock.
    if (!a.mid_record && !a.read_armed && e->readable()) {
      a.read_armed = true;
      const time_ns due_ns = std::max(now_ns, due_after(a.last_read_ns, a.slow_interval_ns));
      schedule(due_ns - now_ns, {.what = event::kind::peer_read, .index = index});
    }
  }
  if (e->rst_seen) peer_over(index, sim_end::reset);
  if (e->fin_seen && e->unread() == 0 && !(a.slow && a.slow_bytes == 0)) {
    const bool in_order = a.script.layer == nullptr || a.script.layer->heard_end();
    peer_over(index, in_order ? sim_end::eof : sim_end::reset);
  }
  peer_run(index);
}

bool sim_network::state::peer_flush(std::uint32_t index) {
  actor& a = peers[index];
  if (a.script.layer == nullptr) return true;
  std::string& bytes = a.script.layer->outgoing();
  if (bytes.empty()) return true;
  if (send_trouble(*find(a.key))) {
    bytes.clear();
    return true;
  }
  bytes.erase(0, transmit(a.key, bytes.data(), bytes.size()));
  return bytes.empty();
}

// How much of it is on its way.
std::size_t sim_network::state::peer_say(std::uint32_t index, std::string_view text) {
  actor& a = peers[index];
  if (a.script.layer == nullptr) return transmit(a.key, text.data(), text.size());
  std::size_t said = 0;
  while (said < text.size() && peer_flush(index)) {
    const std::size_t n = a.script.layer->say(text.substr(said));
    if (n == 0) break;  // it waits for the other side
    said += n;
  }
  static_cast<void>(peer_flush(index));
  return said;
}

// One send step: pieces, pauses between them, and waiting for room.
void sim_network::state::peer_send(std::uint32_t index) {
  actor& a = peers[index];
  const sim_step& step = a.script.steps[a.step];
  while (a.step_sent < step.bytes.size()) {
    endpoint* e = find(a.key);
    if (send_trouble(*e)) {  // over: the rest of the step is dropped
      ++a.step;
      a.step_sent = 0;
      a.piece_left = 0;
      return;
    }
    const std::size_t rest = step.bytes.size() - a.step_sent;
    if (a.piece_left == 0) {
      a.piece_left = step.count == 0 ? rest : step.count;
      if (step.random_pieces) a.piece_left = 1 + roll.below(a.piece_left);
      a.piece_left = std::min(a.piece_left, rest);
    }
    const std::size_t n =
        peer_say(index, std::string_view(step.bytes).substr(a.step_sent, a.piece_left));
    a.step_sent += n;
    a.piece_left -= n;
    a.record.sent_bytes += n;
    if (a.piece_left > 0) return;  // no room: a room event runs us again
    if (step.span_ns > 0 && a.step_sent < step.bytes.size()) {
      a.sleeping = true;
      const time_ns gap_ns = step.random_pieces ? roll.between(0, step.span_ns) : step.span_ns;
      schedule(gap_ns, {.what = event::kind::peer_step, .index = index});
      return;
    }
  }
  ++a.step;
  a.step_sent = 0;
}

void sim_network::state::peer_run(std::uint32_t index) {
  for (;;) {
    actor& a = peers[index];
    const endpoint* e = find(a.key);
    if (e == nullptr || e->at != sim::phase::connected || a.sleeping) return;
    const bool ended = a.record.end == sim_end::eof || a.record.end == sim_end::reset;
    const bool flushed = peer_flush(index);
    if (a.script.layer != nullptr && !a.script.layer->ready()) {
      if (!ended) return;
      // What never began does not begin behind the end: nothing it said would be taken.
      if (a.step == 0 && a.step_sent == 0) a.step = a.script.steps.size();
    }
    if (a.step == a.script.steps.size()) {
      a.record.steps_done = true;
      if (ended && a.script.close_at_end) close(std::exchange(a.key, sim::no_endpoint));
      return;
    }
    const std::size_t before = a.step;
    const sim_step& step = a.script.steps[a.step];
    switch (step.what) {
      case sim_step::action::send: peer_send(index); break;
      case sim_step::action::pause:
        ++a.step;
        a.sleeping = true;
        schedule(step.span_ns, {.what = event::kind::peer_step, .index = index});
        break;
      case sim_step::action::await_bytes:
        if (a.record.received_bytes >= step.count || ended) ++a.step;
        break;
      case sim_step::action::await_text:
        if (ended || step.enough(a.record.received)) ++a.step;
        break;
      case sim_step::action::await_end:
        if (ended) ++a.step;
        break;
      case sim_step::action::half_close:
        if (!flushed) return;  // what was said leaves first
        if (a.script.layer != nullptr) a.script.layer->end();
        if (!peer_flush(index)) return;
        ++a.step;
        static_cast<void>(shut(a.key));
        break;
      case sim_step::action::reset:
      case sim_step::action::close: {
        const bool hard = step.what == sim_step::action::reset;
        if (!hard && a.script.layer != nullptr) {
          a.script.layer->end();
          static_cast<void>(peer_flush(index));  // as far as it can leave
        }
        peer_over(index, sim_end::closed);
        a.step = a.script.steps.size();
        a.record.steps_done = true;
        const endpoint_key key = std::exchange(a.key, sim::no_endpoint);
        hard ? reset(key) : close(key);
        return;
      }
      case sim_step::action::read_slowly:
        ++a.step;
        a.slow = true;
        a.slow_bytes = step.count;
        a.slow_interval_ns = step.span_ns;
        peer_changed(index);  // something may be here already
        return;
      case sim_step::action::read_fully:
        ++a.step;
        a.slow = a.mid_record = false;
        a.read_ahead = 0;
        peer_read(index, options.pipe_bytes);
        peer_changed(index);
        return;
    }
    if (a.step == before) return;  // it waits
  }
}

}  // namespace weir::platform
