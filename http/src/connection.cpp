// http/connection.cpp - see the header.
#include "connection.hpp"

#include <string_view>
#include <utility>

#include <weir/runtime/waits.hpp>
#include <weir/runtime/within.hpp>

namespace weir::http {

namespace {

constexpr const char* drain_reason = "drain";

}  // namespace

connection::connection(service& of, runtime::byte_stream& stream, const peer_address& peer) noexcept
    : service_(of), kept_(stream, peer) {
  kept_.head_due_ns = due_after(of.loop.now_ns(), of.bounds.head_deadline);
  kept_.last_look = of.phase == service_phase::draining;
}

connection::~connection() {
  if (talk_ == nullptr) return;
  talk_->abandon();
  service_.conversations.give_back(*talk_);
}

connection::next connection::advance(runtime::scope& in) noexcept {
  if (talk_ == nullptr) {
    if (kept_.how != ending::none) return next::end;
    talk_ = service_.conversations.take();
    if (talk_ == nullptr) {
      ++service_.counters.input_buffers_refused;
      kept_.end_with(ending::reset);
      return next::end;
    }
    talk_->attach(kept_);
  }
  if (turn_ == turn::used) {
    turn_ = turn::given;
    step_ = conversation::step::next_turn;
    in.set_deadline(never_ns, "");
    return next::work;
  }
  turn_ = turn::own;
  step_ = talk_->advance();
  if (step_ == conversation::step::wait_readable) return wait_for_peer(in);
  in.set_deadline(never_ns, "");  // what waits in work() has clocks of its own
  return step_ == conversation::step::end ? finish() : next::work;
}

// The deadline of a scope is lazy: setting a later one is a store.
connection::next connection::wait_for_peer(runtime::scope& in) noexcept {
  if (kept_.head_clock_runs) {
    in.set_deadline(kept_.head_due_ns, "head_deadline");
  } else {
    // Taken once: inside TLS a peer wakes us with each byte of a record that never comes whole.
    if (kept_.idle_due_ns == never_ns) {
      kept_.idle_due_ns = due_after(service_.loop.now_ns(), service_.bounds.idle_deadline);
    }
    in.set_deadline(kept_.idle_due_ns, "idle_deadline");
  }
  if (talk_->between_requests()) service_.conversations.give_back(*std::exchange(talk_, nullptr));
  return next::wait_readable;
}

// The last answer leaves; if the peer does not take it at once, that is worth waiting for.
connection::next connection::finish() noexcept {
  if (kept_.how == ending::reset) return next::end;
  if (talk_->flush_last()) return next::end;
  return next::work;
}

void connection::begin_wait(runtime::readable& wait) noexcept {
  if (talk_ == nullptr || !talk_->begun()) idle_wait_ = &wait;
}

// A wait between or inside heads is over: bytes, the end of the stream, or `why` not.
void connection::end_wait(error why, bool waited) noexcept {
  idle_wait_ = nullptr;
  if (talk_ != nullptr) talk_->on_readable();
  if (!why && !waited) turn_ = turn::used;
  if (!why) return;
  if (why == errc::cancelled && why.where == drain_reason) return;  // there is a last look
  if (why.code != errc::timed_out) return kept_.end_with(ending::reset);
  ++(kept_.head_clock_runs ? service_.counters.timed_out_head_deadline
                           : service_.counters.timed_out_idle_deadline);
  // 408 only once a request has begun: before that the peer asked for nothing.
  if (talk_ == nullptr || !talk_->begun()) return kept_.end_with(ending::close);
  talk_->refuse(problems::head_timeout);
}

runtime::task<error> connection::work() {
  const conversation::step what = std::exchange(step_, conversation::step::end);
  if (what != conversation::step::end) {
    const error why = co_await talk_->work(what);
    co_return why;
  }
  // Shielded: it is worth waiting for although the scope may be cancelled.
  const time_ns due_ns = due_after(service_.loop.now_ns(), service_.bounds.linger_deadline);
  const error why = co_await runtime::shielded(due_ns, "last answer", talk_->flush_all());
  if (kept_.how == ending::close) kept_.how = ending::linger;  // meanwhile more may have come
  if (why) kept_.how = ending::reset;
  co_return why;
}

void connection::on_drain() noexcept {
  const bool gives_way = turn_ == turn::given && !talk_->begun();
  kept_.last_look = idle_wait_ != nullptr || gives_way;
  kept_.came_before_drain = talk_ != nullptr && talk_->begun_or_more();
  if (talk_ != nullptr) talk_->on_drain();
  if (idle_wait_ != nullptr) idle_wait_->interrupt(error(errc::cancelled, drain_reason));
}

}  // namespace weir::http
