// http/conversation_body.cpp - the bodies of requests that come in pieces: collected, or skipped.
#include <weir/runtime/waits.hpp>
#include <weir/runtime/within.hpp>

#include "conversation.hpp"
#include "rate.hpp"

namespace weir::http {

// The next run of body data at the front of the input. It stands there until the next call.
conversation::body_step conversation::next_piece(std::string_view& data) noexcept {
  input_.consume(piece_);
  piece_ = 0;
  while (!body_.done()) {
    if (input_.empty()) return body_step::more;
    const chunked_decoder::piece found = body_.next(input_.unread());
    if (found.step == parse_step::refused) return body_step::refused;
    if (!found.data.empty()) {
      piece_ = found.consumed;
      data = found.data;
      return body_step::piece;
    }
    input_.consume(found.consumed);
  }
  return body_step::done;
}

// The whole body for a plain function, under the one deadline of bodies that are buffered. After
// an error the request is ended: refused, or the stream is.
runtime::task<error> conversation::collect_body() {
  const time_ns due_ns = due_after(began_ns_, bounds_->body_deadline);
  const error why = co_await runtime::within(due_ns, "body_deadline", collect_pieces());
  if (!why) {
    request_.body = collected_;
    request_.trailers = body_.trailers();
    co_return why;
  }
  if (ended()) co_return why;
  if (why == errc::timed_out) {
    ++service_.counters.timed_out_body_deadline;
    refuse(problems::body_timeout);
  } else if (why == errc::memory_exhausted) {
    refuse(problems::overloaded);
  } else {
    // RFC 9112 8: the end of the stream inside a body makes an incomplete request.
    end_with(why == errc::eof ? ending::close : ending::reset);
  }
  co_return why;
}

runtime::task<error> conversation::collect_pieces() {
  for (;;) {
    std::string_view data;
    switch (next_piece(data)) {
      case body_step::piece:
        // At most body_bytes_max in all: framing and decoder refuse more. No memory is set aside
        // for what was only announced.
        collected_.append(data);
        break;
      case body_step::done: co_return error{};
      case body_step::refused:
        refuse(*body_.why().kind());
        co_return error(errc::malformed, "body");
      case body_step::more: {
        const error why = co_await more_body();
        if (why) co_return why;
        break;
      }
    }
  }
}

// What is left of a body that nobody read, so that the next request can be found behind it.
runtime::task<error> conversation::skip_body() {
  const time_ns due_ns = due_after(service_.loop.now_ns(), bounds_->body_deadline);
  const error why = co_await runtime::within(due_ns, "body_deadline", skip_pieces());
  if (why) {
    // It was answered already: nothing more is said, but the peer may still read that answer.
    end_with(why == errc::reset ? ending::reset : ending::linger);
    co_return why;
  }
  begin_next();
  co_return why;
}

runtime::task<error> conversation::skip_pieces() {
  std::uint64_t skipped = 0;
  for (;;) {
    std::string_view data;
    switch (next_piece(data)) {
      case body_step::piece:
        skipped += data.size();
        if (skipped > skipped_body_bytes_max) co_return error(errc::limit, "skipped body");
        break;
      case body_step::done: co_return error{};
      case body_step::refused: co_return error(errc::malformed, "body");
      case body_step::more: {
        const error why = co_await more_body();
        if (why) co_return why;
        break;
      }
    }
  }
}

// Waits for at least one byte more. Everything gathered leaves first: a peer may be waiting for it.
runtime::task<error> conversation::more_body() {
  if (!continued_) {
    continued_ = true;
    ++service_.counters.responses_1xx;
    const bool fits = output_.append(continue_head);
    WEIR_ASSERT(fits || output_.failed());
  }
  const error flushed = co_await flush_all();
  if (flushed) co_return flushed;
  for (;;) {
    if (drained_) {
      const error why = co_await runtime::readable(kept_->stream);
      if (why) co_return why;
      drained_ = false;
      steps_ = 0;
    }
    const result<std::size_t> got = input_.receive_kept(kept_->stream);
    drained_ = got.ok() ? !input_.more_at_hand() : got.why() == errc::would_block;
    if (got.ok()) co_return error{};
    if (!drained_) co_return got.why();
  }
}

// The same for a body that is streamed: held to body_rate_min. Only the time in which we wait for
// the peer counts against it; a handler that reads slowly is not its fault.
runtime::task<error> conversation::more_body_at_rate() {
  const limits& bounds = *bounds_;
  const time_ns started_ns = service_.loop.now_ns();
  const time_ns allowed_ns =
      due_after(bounds.rate_grace, earned_ns(body_.received(), bounds.body_rate_min));
  const time_ns left_ns = allowed_ns == never_ns ? never_ns : allowed_ns - body_waited_ns_;
  const error why = co_await runtime::within(due_after(started_ns, left_ns > 0 ? left_ns : 0),
                                             "body_rate_min", more_body());
  body_waited_ns_ += service_.loop.now_ns() - started_ns;
  co_return why;
}

bool conversation::flush_last() noexcept {
  if (!output_.blocked()) output_.flush_with_next();
  if (output_.failed()) kept_->how = ending::reset;
  return !output_.blocked();
}

// Sends what was gathered and waits until all of it is taken.
runtime::task<error> conversation::flush_all() {
  if (!output_.blocked()) output_.flush();
  if (output_.blocked()) {
    const error why = co_await output_.write_rest();
    if (why) co_return why;
    steps_ = 0;
  }
  if (output_.failed()) co_return output_.failed();
  const error why = co_await take_turns();
  co_return why;
}

// Lets others run once this connection has used its share of the turn.
runtime::task<error> conversation::take_turns() {
  if (++steps_ < steps_in_turn_max) co_return error{};
  steps_ = 0;
  const error why = co_await runtime::next_turn();
  co_return why;
}

}  // namespace weir::http
