// http/upgrade.cpp - see the header: from the 101 on, and how it comes to be sent.
#include <weir/http/upgrade.hpp>

#include <cstring>
#include <utility>

#include <weir/http/header.hpp>

#include "conversation.hpp"

namespace weir::http {

// An Upgrade without its connection option was meant for somebody else, one from HTTP/1.0 is to be
// ignored (RFC 9110 7.8), and who says close, or asks for a head alone, wants no conversation.
bool exchange::asks_for(std::string_view protocol) const noexcept {
  return head_.version_minor > 0 && head_.keep_alive && head_.verb != method::head &&
         has_list_token(head_.fields, "connection", "upgrade") &&
         has_list_token(head_.fields, "upgrade", protocol);
}

runtime::task<result<upgraded_stream*>> exchange::upgrade(std::string_view protocol,
                                                          response with) {
  conversation& c = talk_;
  if (!asks_for(protocol)) co_return error(errc::invalid, "upgrade: not asked for");
  if (error why = may_answer()) co_return why;
  if (head_.framing.has_body()) {
    // Where the body ends, the new protocol would begin: two readings of one stream.
    c.refuse(refusals::upgrade_with_body);
    co_return error(errc::malformed, "upgrade: a request with a body");
  }
  if (c.service_.phase != service_phase::serving) {
    c.refuse(problems::draining);
    co_return error(errc::cancelled, "drain");
  }
  if (!c.write_switch(with, protocol)) co_return error(errc::invalid, "upgrade: a field");
  c.upgraded_ = &upgraded_.emplace(c, scope_);
  const error why = co_await c.flush_all();
  if (why) co_return why;
  co_return c.upgraded_;
}

// The 101, or a 500 when it may not be sent. False: it was not.
bool conversation::write_switch(const response& fields, std::string_view protocol) noexcept {
  const response_context context = {
      .date = service_.dates.at(service_.loop.poller().unix_seconds()),
      .server = service_.options.server_field};
  const std::size_t bytes = encoded_head_bytes_max(fields, context) + protocol.size();
  const std::span<char> room = output_.room(bytes);
  const result<std::size_t> head = encode_switch(fields, context, protocol, room);
  if (head.ok()) {
    output_.commit(head.value());
    count_answer(101, 0);
    ++service_.counters.upgraded;
    return true;
  }
  keep_ = false;
  if (output_.failed()) {
    end_with(ending::reset);
    return false;
  }
  ++service_.counters.handlers_failed;
  answer(problem_response(problems::bad_response));
  return false;
}

// The stream is the handler's no more.
void conversation::after_upgrade(error outcome, error scope_why) noexcept {
  if (scope_why == errc::timed_out) {
    ++service_.counters.timed_out_upgraded_idle_deadline;
  } else if (scope_why) {
    return end_with(ending::reset);
  }
  if (outcome == errc::exception) {
    ++service_.counters.handlers_failed;
    return end_with(ending::reset);
  }
  end_with(ending::linger);
}

upgraded_stream::upgraded_stream(conversation& of, runtime::scope& in) noexcept
    : talk_(of), scope_(in) {
  renew();
}

// While something is written the peer has the clocks of that.
void upgraded_stream::renew() noexcept {
  const time_ns due_ns =
      due_after(talk_.service_.loop.now_ns(), talk_.bounds_->upgraded_idle_deadline);
  scope_.set_deadline(writing_ ? never_ns : due_ns, "upgraded_idle_deadline");
}

void upgraded_stream::on_drain() noexcept {
  drain_due_ = true;
  if (waiting_ != nullptr) waiting_->interrupt(error(errc::cancelled, "drain"));
}

runtime::task<result<std::string_view>> upgraded_stream::read() {
  if (std::exchange(reading_, true)) {
    co_return error(errc::invalid, "read: another one is under way");
  }
  const result<std::string_view> got = co_await next_bytes();
  reading_ = false;
  co_return got;
}

runtime::task<result<std::string_view>> upgraded_stream::next_bytes() {
  conversation& c = talk_;
  c.input_.consume(std::exchange(looked_at_, 0));
  while (c.input_.empty()) {
    if (ended_) co_return std::string_view{};
    if (c.drained_) {
      runtime::readable more(c.kept_->stream);
      error why = error(errc::cancelled, "drain");
      if (!drain_due_) {
        waiting_ = &more;
        why = co_await more;
        waiting_ = nullptr;
      }
      if (why == errc::cancelled) drain_due_ = false;
      if (why) co_return why;
      c.drained_ = false;
      c.steps_ = 0;
    }
    const result<std::size_t> got = c.input_.receive_kept(c.kept_->stream);
    c.drained_ = got.ok() ? !c.input_.more_at_hand() : got.why() == errc::would_block;
    if (got.ok() || c.drained_) continue;
    ended_ = got.why() == errc::eof;
    if (ended_) continue;
    if (got.why() != errc::limit) c.end_with(ending::reset);
    co_return got.why();
  }
  renew();
  const error why = co_await c.take_turns();
  if (why) co_return why;
  looked_at_ = c.input_.unread().size();
  co_return c.input_.unread();
}

runtime::task<error> upgraded_stream::write(std::string_view bytes) {
  if (std::exchange(writing_, true)) {
    co_return error(errc::invalid, "write: another one is under way");
  }
  renew();
  const error why = co_await write_pieces(bytes);
  writing_ = false;
  renew();
  co_return why;
}

runtime::task<error> upgraded_stream::write_pieces(std::string_view bytes) {
  conversation& c = talk_;
  constexpr std::size_t piece_bytes_max = 32 * 1024;
  while (!bytes.empty()) {
    if (scope_.why()) co_return scope_.why();
    const std::string_view piece = bytes.substr(0, piece_bytes_max);
    const std::span<char> room = c.output_.room(piece.size());
    if (!room.empty()) {
      std::memcpy(room.data(), piece.data(), piece.size());
      c.output_.commit(piece.size());
      bytes.remove_prefix(piece.size());
    }
    // The handler may wait for anything now: nothing may stay in the lent buffer.
    const error why = co_await c.flush_all();
    if (why) co_return why;
  }
  co_return error{};
}

}  // namespace weir::http
