// http/exchange.cpp - what a coroutine handler calls, and the coroutine that calls the handler.
#include <algorithm>
#include <cstring>
#include <utility>

#include <weir/runtime/within.hpp>

#include "admission.hpp"
#include "conversation.hpp"

namespace weir::http {

// Runs the handler of the request in hand under its deadline. The error is that of the stream: what
// the handler returned was dealt with.
runtime::task<error> conversation::call_coroutine() {
  admission::impl& admitted = service_.admitted.inside();
  if (!admitted.begin_request()) {
    ++service_.counters.shed_requests_in_flight_max;
    if (!unread_body_is_small()) keep_ = false;
    answer(problem_response(problems::overloaded));
    co_return error{};
  }
  body_waited_ns_ = 0;
  // What was gathered for earlier requests stands in a lent buffer.
  error why = co_await flush_all();
  if (!why) {
    runtime::scope& here = co_await runtime::this_scope();
    runtime::scope handler_scope(here, "handler");
    handler_scope.set_deadline(due_after(began_ns_, bounds_->handler_deadline), "handler_deadline");
    handler_scope.watch(*route_);
    exchange made(*this, request_, handler_scope);
    // What it throws, and what it answers in vain, ends in after_coroutine().
    const error outcome = co_await runtime::run_in(handler_scope, start_handler(made));
    route_->end();  // what follows in this turn is not the handler's
    after_coroutine(made, outcome, handler_scope.why());
  }
  admitted.end_request();
  co_return why;
}

// A coroutine of its own, so that an exception of the call itself becomes its error too.
runtime::task<error> conversation::start_handler(exchange& made) {
  const coroutine_handler& run = std::get<coroutine_handler>(*handler_);
  runtime::task<error> running = run(made);
  const error why = co_await std::move(running);
  co_return why;
}

void conversation::after_coroutine(const exchange& made, error outcome, error scope_why) noexcept {
  const bool upgraded = std::exchange(upgraded_, nullptr) != nullptr;
  if (ended()) return;  // its body was refused, or the stream broke
  if (output_.failed()) return end_with(ending::reset);
  if (upgraded) return after_upgrade(outcome, scope_why);
  if (made.finished_) return end_request();
  // Begun and not finished: the peer must be able to tell that the body is not complete.
  if (made.begun_) {
    ++service_.counters.handlers_failed;
    return end_with(ending::reset);
  }
  if (outcome == errc::limit || outcome == errc::memory_exhausted) {
    if (!unread_body_is_small()) keep_ = false;
    return answer(problem_response(problems::overloaded));
  }
  keep_ = false;
  if (scope_why == errc::timed_out) {
    ++service_.counters.timed_out_handler_deadline;
    return answer(problem_response(problems::handler_timeout));
  }
  if (scope_why) return end_with(ending::reset);
  ++service_.counters.handlers_failed;
  answer(problem_response(problems::handler_failed));
}

runtime::scheduler& exchange::loop() const noexcept {
  return talk_.service_.loop;
}

runtime::task<result<std::string_view>> exchange::read() {
  conversation& c = talk_;
  for (;;) {
    std::string_view data;
    switch (c.next_piece(data)) {
      case conversation::body_step::piece: {
        // The bytes may stand in the buffer lent for this turn; the caller may wait and still look.
        const std::ptrdiff_t offset = data.data() - c.input_.unread().data();
        if (error why = c.input_.keep()) co_return why;
        co_return c.input_.unread().substr(static_cast<std::size_t>(offset), data.size());
      }
      case conversation::body_step::done: co_return std::string_view{};
      case conversation::body_step::refused: {
        const refusal_kind& kind = *c.body_.why().kind();
        if (begun_) {
          c.count_refusal(kind);
          c.end_with(ending::reset);
        } else {
          c.refuse(kind);
        }
        co_return error(kind.status == 413 ? errc::limit : errc::malformed, kind.code);
      }
      case conversation::body_step::more: {
        const error why = co_await c.more_body_at_rate();
        if (!why) break;
        if (why == errc::timed_out && std::string_view(why.where) == "body_rate_min") {
          ++c.service_.counters.too_slow_body_rate_min;
          if (begun_) {
            c.end_with(ending::reset);
          } else {
            c.refuse(problems::body_timeout);
          }
        } else if (why == errc::eof) {
          c.end_with(ending::close);
        }
        co_return why;
      }
    }
  }
}

runtime::task<result<std::string_view>> exchange::read_all() {
  for (;;) {
    const result<std::string_view> piece = co_await read();
    if (!piece.ok()) co_return piece.why();
    if (piece.value().empty()) co_return std::string_view(collected_);
    collected_.append(piece.value());
  }
}

// What stands before every answer: one answer only, and none after the deadline.
error exchange::may_answer() noexcept {
  if (begun_) return error(errc::invalid, "the answer has begun");
  if (talk_.ended()) return error(errc::cancelled, "the connection ends");
  if (scope_.why()) {
    if (scope_.why() == errc::timed_out) ++talk_.service_.counters.late_results;
    return scope_.why();
  }
  begun_ = true;
  scope_.set_deadline(never_ns, "");  // the handler's deadline ends with the head of its answer
  return error{};
}

runtime::task<error> exchange::send(response whole) {
  conversation& c = talk_;
  if (error why = may_answer()) co_return why;
  // Nobody will read the rest of the body: when it is not worth skipping, the answer says close.
  if (!c.body_.done() && !c.unread_body_is_small()) c.keep_ = false;
  if (!c.write_answer(whole)) co_return error(errc::broken_pipe, "send");
  finished_ = true;
  const error why = co_await c.flush_all();
  co_return why;
}

// Gathers the head of an answer whose body follows. errc::invalid with `finished_` set: it broke a
// rule, and what was gathered is a 500.
error exchange::gather_head(response& head) noexcept {
  conversation& c = talk_;
  if (head.source() != body_source::stream) return error(errc::invalid, "begin: no stream");
  if (error why = may_answer()) return why;
  const std::optional<encoded_head> written = c.write_head(head, 0);
  if (!written) return error(errc::broken_pipe, "begin");
  c.count_answer(head.status(), head.length().value_or(0));
  if (head.source() != body_source::stream) {
    const bool fits = c.output_.append(written->sends_body ? head.body() : std::string_view{});
    WEIR_ASSERT(fits);
    finished_ = true;
    return error(errc::invalid, "begin: a field may not be sent");
  }
  sends_body_ = written->sends_body;
  chunked_ = written->framing == body_kind::chunked;
  length_left_ = head.length();
  return error{};
}

runtime::task<error> exchange::begin(response head) {
  const error refused = gather_head(head);
  const error why = co_await talk_.flush_all();
  co_return refused ? refused : why;
}

runtime::task<error> exchange::send_file(response head, const file& source, std::string_view type) {
  head.set_stream(source.size(), type);
  const error refused = gather_head(head);
  if (refused) {
    const error why = co_await talk_.flush_all();
    static_cast<void>(why);
    co_return refused;
  }
  if (sends_body_) {
    const error why = co_await write_file(source, 0, source.size());
    if (why) co_return why;
  }
  const error why = co_await finish();
  co_return why;
}

error exchange::may_write(std::uint64_t bytes) noexcept {
  if (!begun_ || finished_) return error(errc::invalid, "write: no answer is under way");
  if (!length_left_.has_value()) return error{};
  if (bytes > *length_left_) return error(errc::limit, "write: more than the announced length");
  *length_left_ -= bytes;
  return error{};
}

runtime::task<error> exchange::write(std::string_view bytes) {
  conversation& c = talk_;
  if (error why = may_write(bytes.size())) co_return why;
  if (!sends_body_) {
    // Nothing is sent, but a handler that writes on and on may not hold the loop with it.
    const error why = co_await c.take_turns();
    co_return why;
  }
  constexpr std::size_t piece_bytes_max = 32 * 1024;
  while (!bytes.empty()) {
    const std::size_t frame = chunked_ ? chunk_head_bytes_max + chunk_end.size() : 0;
    const std::string_view piece = bytes.substr(0, piece_bytes_max);
    const std::span<char> room = c.output_.room(piece.size() + frame);
    if (room.empty()) {
      const error why = co_await c.flush_all();
      if (why) co_return why;
      continue;
    }
    std::size_t used = 0;
    if (chunked_) {
      char line[chunk_head_bytes_max];
      const std::string_view size = write_chunk_head(piece.size(), line);
      std::memcpy(room.data(), size.data(), size.size());
      used = size.size();
    }
    std::memcpy(room.data() + used, piece.data(), piece.size());
    used += piece.size();
    if (chunked_) {
      std::memcpy(room.data() + used, chunk_end.data(), chunk_end.size());
      used += chunk_end.size();
    }
    c.output_.commit(used);
    bytes.remove_prefix(piece.size());
  }
  // The handler may wait for anything now: nothing may stay in the lent buffer.
  const error why = co_await c.flush_all();
  co_return why;
}

runtime::task<error> exchange::write_file(const file& source, std::uint64_t offset,
                                          std::uint64_t count) {
  conversation& c = talk_;
  if (chunked_) co_return error(errc::invalid, "write_file: announce the length");
  if (error why = may_write(count)) co_return why;
  if (!sends_body_) co_return error{};
  const error why = co_await c.output_.write_file(source, offset, count);
  if (why) c.end_with(ending::reset);
  co_return why;
}

runtime::task<error> exchange::finish() {
  conversation& c = talk_;
  if (error why = may_write(0)) co_return why;
  if (sends_body_ && length_left_.value_or(0) > 0) {
    co_return error(errc::invalid, "finish: less than the announced length");
  }
  if (sends_body_ && chunked_) {
    const bool fits = c.output_.append(chunked_end);
    WEIR_ASSERT(fits || c.output_.failed());
  }
  finished_ = true;
  const error why = co_await c.flush_all();
  co_return why;
}

}  // namespace weir::http
