// support/real_peers.cpp - see the header.
#include "support/real_peers.hpp"

#include <algorithm>

#include <weir/platform/clock.hpp>

namespace weir::test {

using platform::sim_end;
using platform::sim_step;

std::size_t real_peers::connect(const address& to, std::vector<sim_step> steps,
                                const raw_options& options,
                                std::shared_ptr<platform::sim_layer> layer) {
  actor& p = peers_.emplace_back();
  p.steps = std::move(steps);
  p.layer = std::move(layer);
  p.dice = peers_.size() * 0x9e3779b97f4a7c15u;
  // Taken before: the other side may see the connection sooner than we do.
  const time_ns now_ns = system_clock().now_ns();
  p.socket = raw_client::connect(to, options);
  if (p.socket.connected()) {
    p.record.end = sim_end::open;
    p.record.connected_ns = now_ns;
  } else {
    p.record.why = error(errc::refused, "connect");
  }
  run(p, now_ns);
  return peers_.size() - 1;
}

std::size_t real_peers::open_sockets() const {
  return static_cast<std::size_t>(std::count_if(
      peers_.begin(), peers_.end(), [](const actor& p) { return p.socket.connected(); }));
}

bool real_peers::over(const actor& p) const {
  return p.record.end != sim_end::open;
}

bool real_peers::may_read(const actor& p, time_ns now_ns) const {
  if (over(p) || !p.socket.connected()) return false;
  return !p.slow || p.mid_record || (p.slow_bytes > 0 && now_ns >= p.next_read_ns);
}

// As peer_read of the simulator.
void real_peers::read(actor& p, std::size_t bytes_max) {
  const std::uint64_t before = p.record.received_bytes;
  std::size_t taken = 1;
  if (!p.mid_record) {
    const std::size_t paid = std::min(p.read_ahead, bytes_max);
    p.read_ahead -= paid;
    if (bytes_max == paid) return;
    taken = read_once(p, bytes_max - paid);
  }
  const bool whole_records = p.slow && p.layer != nullptr;
  while (taken > 0 && whole_records && p.record.received_bytes == before) {
    taken = read_once(p, 256);
    p.read_ahead += taken;
  }
  p.mid_record = whole_records && p.record.received_bytes == before;
}

// How many bytes came off the wire.
std::size_t real_peers::read_once(actor& p, std::size_t bytes_max) {
  const raw_count n = p.socket.try_read(bytes_max);
  const time_ns now_ns = system_clock().now_ns();
  if (n.outcome == raw_outcome::done) {
    const std::string& all = p.socket.received();
    const std::size_t before = p.record.received.size();
    if (p.layer == nullptr) {
      p.record.received.append(all, before);
    } else {
      p.layer->hear(all, p.record.received);
      p.socket.forget_received();
    }
    const std::size_t heard = p.record.received.size() - before;
    p.record.received_bytes += heard;
    if (heard > 0) p.record.chunks.push_back({now_ns, heard});
    return n.bytes;
  }
  if (n.outcome != raw_outcome::blocked) {
    const bool in_order =
        n.outcome == raw_outcome::eof && (p.layer == nullptr || p.layer->heard_end());
    p.record.end = in_order ? sim_end::eof : sim_end::reset;
    p.record.ended_ns = now_ns;
  }
  return 0;
}

// What the layer has to send. Done: all of it has left.
raw_count real_peers::flush(actor& p) {
  if (p.layer == nullptr) return {raw_outcome::done, 0};
  std::string& bytes = p.layer->outgoing();
  while (!bytes.empty()) {
    const raw_count n = p.socket.try_send(bytes);
    if (n.outcome == raw_outcome::blocked) {
      p.wants_write = true;
      return n;
    }
    if (n.outcome != raw_outcome::done) {
      bytes.clear();
      return n;
    }
    bytes.erase(0, n.bytes);
  }
  return {raw_outcome::done, 0};
}

raw_count real_peers::say(actor& p, std::string_view text) {
  if (p.layer == nullptr) return p.socket.try_send(text);
  const raw_count before = flush(p);
  if (before.outcome != raw_outcome::done) return before;
  const std::size_t taken = p.layer->say(text);
  const raw_count after = flush(p);
  if (after.outcome != raw_outcome::done && after.outcome != raw_outcome::blocked) return after;
  return {taken > 0 ? raw_outcome::done : raw_outcome::blocked, taken};
}

// As peer_send of the simulator: pieces, pauses between them, and waiting for room.
void real_peers::send(actor& p, time_ns now_ns) {
  const sim_step& step = p.steps[p.step];
  while (p.step_sent < step.bytes.size()) {
    const std::size_t rest = step.bytes.size() - p.step_sent;
    if (p.piece_left == 0) {
      p.piece_left = step.count == 0 ? rest : step.count;
      p.dice = p.dice * 6364136223846793005u + 1442695040888963407u;
      if (step.random_pieces) p.piece_left = 1 + (p.dice >> 33) % p.piece_left;
      p.piece_left = std::min(p.piece_left, rest);
    }
    const raw_count n = say(p, std::string_view(step.bytes).substr(p.step_sent, p.piece_left));
    if (n.outcome == raw_outcome::blocked) {
      p.wants_write = true;
      return;
    }
    if (n.outcome != raw_outcome::done) break;  // over: the rest of the step is dropped
    p.step_sent += n.bytes;
    p.piece_left -= n.bytes;
    p.record.sent_bytes += n.bytes;
    if (p.piece_left == 0 && step.span_ns > 0 && p.step_sent < step.bytes.size()) {
      p.sleeps_until_ns = now_ns + step.span_ns;
      return;
    }
  }
  ++p.step;
  p.step_sent = 0;
  p.piece_left = 0;
}

void real_peers::run(actor& p, time_ns now_ns) {
  p.wants_write = false;
  if (p.socket.connected()) flush(p);
  while (p.socket.connected() && now_ns >= p.sleeps_until_ns) {
    if (p.step == p.steps.size()) {
      p.record.steps_done = true;
      if (over(p)) p.socket.close();
      return;
    }
    if (p.layer != nullptr && !p.layer->ready() && !over(p)) return;
    const sim_step& step = p.steps[p.step];
    const std::size_t before = p.step;
    switch (step.what) {
      case sim_step::action::send: send(p, now_ns); break;
      case sim_step::action::pause:
        p.sleeps_until_ns = now_ns + step.span_ns;
        ++p.step;
        break;
      case sim_step::action::await_bytes:
        if (over(p) || p.record.received_bytes >= step.count) ++p.step;
        break;
      case sim_step::action::await_text:
        if (over(p) || step.enough(p.record.received)) ++p.step;
        break;
      case sim_step::action::await_end:
        if (over(p)) ++p.step;
        break;
      case sim_step::action::half_close:
        if (p.layer != nullptr) p.layer->end();
        if (flush(p).outcome == raw_outcome::blocked) return;
        p.socket.half_close();
        ++p.step;
        break;
      case sim_step::action::reset:
      case sim_step::action::close:
        if (!over(p)) {
          p.record.end = sim_end::closed;
          p.record.ended_ns = now_ns;
        }
        if (step.what == sim_step::action::reset) {
          p.socket.reset();
        } else {
          if (p.layer != nullptr) p.layer->end();
          flush(p);  // as far as it can leave
          p.socket.close();
        }
        p.step = p.steps.size();
        p.record.steps_done = true;
        return;
      case sim_step::action::read_slowly:
        p.slow = true;
        p.slow_bytes = step.count;
        p.slow_interval_ns = step.span_ns;
        p.next_read_ns = now_ns;
        ++p.step;
        break;
      case sim_step::action::read_fully:
        p.slow = p.mid_record = false;
        ++p.step;
        break;
    }
    if (p.step == before) return;  // it waits
  }
}

void real_peers::turn(time_ns at_most_ns) {
  time_ns now_ns = system_clock().now_ns();
  time_ns due_ns = due_after(now_ns, at_most_ns);
  std::vector<raw_interest> interests;
  interests.reserve(peers_.size());
  for (const actor& p : peers_) {
    interests.push_back({.of = &p.socket,
                         .read = may_read(p, now_ns),
                         .write = p.wants_write && p.socket.connected()});
    if (!p.socket.connected()) continue;
    if (p.sleeps_until_ns > now_ns) due_ns = std::min(due_ns, p.sleeps_until_ns);
    if (p.slow && p.slow_bytes > 0 && p.next_read_ns > now_ns) {
      due_ns = std::min(due_ns, p.next_read_ns);
    }
  }
  raw_wait(interests, due_ns);
  now_ns = system_clock().now_ns();
  for (std::size_t i = 0; i < peers_.size(); ++i) {
    actor& p = peers_[i];
    if (!p.socket.connected()) continue;
    if (interests[i].readable) {
      read(p, p.slow ? p.slow_bytes : 64 * 1024);
      if (p.slow) p.next_read_ns = now_ns + p.slow_interval_ns;
    }
    run(p, now_ns);
  }
}

}  // namespace weir::test
