// platform/sim/waiting.cpp - cancels, waits, and whose memory it is meanwhile.
#include <algorithm>
#include <cstring>
#include <utility>

#include "sim_poller.hpp"

namespace weir::platform::sim {

namespace {

constexpr std::size_t scribble_bytes = 64;  // rewritten at each wait; the rest once

std::byte rubbish(std::uint64_t seed, std::size_t at) noexcept {
  const std::uint64_t word = (seed + at / 8) * 0x9e3779b97f4a7c15u;
  return static_cast<std::byte>(((word >> (8 * (at % 8))) & 0xffu) | 0x80u);  // never ASCII
}

std::uint64_t checksum(const std::byte* bytes, std::size_t count) noexcept {
  std::uint64_t sum = 0xcbf29ce484222325u;
  for (std::size_t i = 0; i < count; ++i) {
    sum = (sum ^ std::to_integer<std::uint64_t>(bytes[i])) * 0x100000001b3u;
  }
  return sum;
}

}  // namespace

// Cancelling. ------------------------------------------------------------------------------------

void sim_poller::cancel(operation_id id) noexcept {
  ask(id, false);
}

void sim_poller::ask(operation_id id, bool closing) {
  operation* op = operations_.find(id.index, id.generation);
  if (op == nullptr || op->ended || op->stuck) return;
  if (net_->roll.chance(net_->options.lost_cancels_permille)) {
    op->stuck = true;
    return;
  }
  const bool before = std::exchange(op->asked, true);
  if (!kernel()) {
    end(id, 0, error(errc::cancelled, name_of(op->what)));
    return;
  }
  if (closing) {
    const socket_slot* s = sockets_.find(op->socket.index, op->socket.generation);
    if (s != nullptr) keep_late(*op, s->key);
  }
  if (before) return;
  const time_ns delay_ns = net_->roll.between(0, net_->options.cancel_delay_max_ns);
  net_->schedule(delay_ns, {.what = event::kind::cancel,
                            .poller = position_,
                            .index = id.index,
                            .extra = id.generation});
}

// A kernel may have finished an operation by the time its socket is closed; the caller learns of
// the success afterwards (P8).
void sim_poller::keep_late(operation& op, endpoint_key key) {
  const endpoint& e = *net_->find(key);
  if (op.what == kind::receive && e.unread() > 0 && net_->roll.chance(500)) {
    op.late.resize(std::min(op.size, e.unread()));
    net_->take(key, op.late.data(), op.late.size());
    op.has_late = true;
  } else if (op.what == kind::accept && net_->roll.chance(500)) {
    const result<endpoint_key> taken = net_->take_connection(key);
    if (!taken) return;
    if (op.peer != nullptr) *op.peer = net_->find(taken.value())->remote;
    op.late_socket = to_native(taken.value());
    op.has_late = true;
  }
}

void sim_poller::end_cancelled(operation_id id) {
  operation* op = operations_.find(id.index, id.generation);
  if (op == nullptr || op->ended || op->stuck) return;
  if (op->has_late && op->what == kind::accept) {
    return end(id, to_key(op->late_socket), {});
  }
  if (op->has_late) {
    check_seal(*op);
    std::memcpy(op->into, op->late.data(), op->late.size());
    const std::size_t n = op->late.size();
    return end(id, n, {});
  }
  const socket_slot* s = sockets_.find(op->socket.index, op->socket.generation);
  if (s != nullptr && net_->roll.chance(500)) {
    const outcome first = attempt(*op, s->key);
    if (first.done) return end(id, first.value, first.why);
  }
  end(id, 0, error(errc::cancelled, name_of(op->what)));
}

// Waiting. ---------------------------------------------------------------------------------------

bool sim_poller::woken() noexcept {
  if (!woken_.exchange(false)) return false;
  return !net_->bug(sim_bug::lost_wake);
}

std::size_t sim_poller::hand_out(std::span<completion> out) {
  std::size_t n = 0;
  while (n < out.size()) {
    // One piece of news at a time: what does not fit stays news, and may be stale by then.
    // The seed decides how far ahead of its caller the poller works: what has ended may wait for
    // room beside what is still news.
    while (!notices_.empty() && (ready_.empty() || net_->roll.chance(500))) {
      const socket_id next = notices_.front();
      notices_.pop_front();
      service(next);
    }
    if (ready_.empty()) break;
    if (net_->options.shuffle && ready_.size() > 1) {
      std::swap(ready_.front(), ready_[net_->roll.below(ready_.size())]);
    }
    const finished f = ready_.front();
    ready_.pop_front();
    out[n++] = f.what;
    net_->note("completion", f.what.value, static_cast<std::uint64_t>(f.what.why.code));
    if (!f.id.valid()) continue;
    operations_.free(f.id.index);
    WEIR_ASSERT(counters_.operations_open > 0);
    --counters_.operations_open;
    if (net_->bug(sim_bug::double_completion)) ready_.push_back({{}, f.what});
  }
  return n;
}

result<std::size_t> sim_poller::wait(std::span<completion> out, time_ns due_ns) noexcept {
  ++counters_.waits;
  scribble_again();
  bool wake_now = woken();
  for (;;) {
    while (net_->events_done < net_->options.events_max && net_->run_next(net_->now_ns)) {
    }
    const std::size_t n = hand_out(out);
    if (n > 0) return n;
    wake_now = woken() || wake_now;
    if (wake_now) {
      ++counters_.wakes;
      return std::size_t{0};
    }
    if (due_ns <= net_->now_ns) return std::size_t{0};
    if (net_->events_done >= net_->options.events_max) return error(errc::limit, "events_max");
    if (net_->events.empty() || net_->events.front().at_ns > due_ns) {
      if (due_ns == never_ns) return error(errc::deadlock, "wait");
      net_->now_ns = due_ns;
      return std::size_t{0};
    }
    net_->run_next(due_ns);
  }
}

std::size_t sim_poller::stalled() noexcept {
  std::size_t count = 0;
  operations_.each([&](std::uint32_t, std::uint32_t, const operation& op) {
    if (op.ended || op.stuck || op.asked) return;
    const socket_slot* s = sockets_.find(op.socket.index, op.socket.generation);
    if (s == nullptr) return;
    const endpoint& e = *net_->find(s->key);
    const bool could = op.what == kind::accept    ? !e.queue.empty()
                       : op.what == kind::connect ? e.at != phase::connecting
                       : reads(op.what)           ? e.readable()
                                                  : e.rst_seen || e.fin_sent;
    if (could) ++count;
  });
  return count;
}

std::uint32_t sim_poller::close_all(time_ns bound_ns) noexcept {
  std::vector<socket_id> open;
  sockets_.each([&](std::uint32_t index, std::uint32_t generation, socket_slot&) {
    open.push_back({index, generation});
  });
  for (const socket_id id : open) close(id);
  const time_ns due_ns = due_after(net_->now_ns, bound_ns);
  for (;;) {
    while (net_->run_next(net_->now_ns)) {
    }
    for (const finished& f : ready_) {
      const operation* op = operations_.find(f.id.index, f.id.generation);
      if (op == nullptr) continue;
      // Nobody is left to adopt what an accept brought.
      if (op->what == kind::accept && !f.what.why) discard(to_native(f.what.value));
      operations_.free(f.id.index);
      --counters_.operations_open;
    }
    ready_.clear();
    notices_.clear();
    std::uint32_t coming = 0;
    operations_.each([&](std::uint32_t, std::uint32_t, const operation& op) {
      if (!op.stuck) ++coming;
    });
    if (coming == 0 || !net_->run_next(due_ns)) break;
  }
  // What is left stays in its slot for good: counted, never reused. There is no kernel that could
  // still write to it, so the slots may go with the poller.
  std::uint32_t leaked = 0;
  operations_.each([&](std::uint32_t, std::uint32_t, operation& op) {
    op.stuck = true;
    ++leaked;
  });
  const std::uint32_t fresh = leaked - counters_.slots_leaked;
  counters_.slots_leaked = leaked;
  return fresh;
}

// Kernel mode: whose memory it is. ---------------------------------------------------------------

void sim_poller::seal(operation& op) {
  if (op.what == kind::receive) {
    op.seal = net_->roll.next();
    op.head_seal = op.seal;
    for (std::size_t i = 0; i < op.size; ++i) op.into[i] = rubbish(op.seal, i);
  } else if (op.what == kind::send) {
    op.seal = checksum(op.from, op.size);
  }
  op.sealed = op.what == kind::receive || op.what == kind::send;
}

// Called when the kernel is about to give the memory back.
void sim_poller::check_seal(operation& op) {
  if (!op.sealed) return;
  op.sealed = false;
  bool touched = false;
  if (op.what == kind::receive) {
    for (std::size_t i = 0; i < op.size && !touched; ++i) {
      touched = op.into[i] != rubbish(i < scribble_bytes ? op.head_seal : op.seal, i);
    }
  } else if (op.what == kind::send) {
    touched = op.seal != checksum(op.from, op.size);
  }
  if (touched) violation(op);
}

void sim_poller::violation(const operation& op) {
  net_->violations.push_back(std::string(name_of(op.what)) +
                             ": memory was touched while the kernel owned it (P5)");
}

// A caller that peeks before the completion sees something else at every turn.
void sim_poller::scribble_again() {
  std::erase_if(receives_, [this](operation_id id) {
    const operation* op = operations_.find(id.index, id.generation);
    return op == nullptr || op->ended || op->stuck;
  });
  for (const operation_id id : receives_) {
    operation& op = *operations_.find(id.index, id.generation);
    if (!op.sealed) continue;
    const std::size_t n = std::min(op.size, scribble_bytes);
    bool touched = false;
    const std::uint64_t fresh = net_->roll.next();
    for (std::size_t i = 0; i < n; ++i) {
      touched = touched || op.into[i] != rubbish(op.head_seal, i);
      op.into[i] = rubbish(fresh, i);
    }
    op.head_seal = fresh;
    if (touched) violation(op);
  }
}

}  // namespace weir::platform::sim
