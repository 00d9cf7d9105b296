// http/connection.cpp - see the header. Bodies and coroutine handlers are in connection_body.cpp
// and exchange.cpp.
//
//   advance():  parse -> route -> answer -> parse ... until something has to be waited for
//
//   serve():    advance -> wait_readable --> advance ...   (the common case: no other frame)
//                      |-> collect_body ---> advance       a body that came in pieces
//                      |-> skip_body ------> advance       ... and that nobody wanted
//                      |-> call -----------> advance       a coroutine handler
//                      |-> wait_writable --> advance       the peer reads more slowly
//                      |-> next_turn ------> advance       its share of the turn is used
//                      `-> end
#include "connection.hpp"

#include <cstring>
#include <exception>
#include <new>
#include <utility>

#include <weir/runtime/waits.hpp>
#include <weir/runtime/within.hpp>

namespace weir::http {

namespace {

constexpr const char* drain_reason = "drain";

}  // namespace

runtime::task<result<ending>> connection::serve() {
  runtime::scope& here = co_await runtime::this_scope();
  head_due_ns_ = due_after(service_.loop.now_ns(), service_.bounds.head_deadline);
  last_look_ = service_.phase == service_phase::draining;
  while (ending_ == ending::none) {
    in_turn_ = 0;
    error why{};
    switch (advance()) {
      case step::wait_readable: {
        // Written out here, not in a task: the one wait of a kept connection needs no frame. The
        // deadline of the scope is lazy: setting a later one is a store.
        if (head_clock_runs_) {
          here.set_deadline(head_due_ns_, "head_deadline");
        } else {
          here.set_deadline(due_after(service_.loop.now_ns(), service_.bounds.idle_deadline),
                            "idle_deadline");
        }
        runtime::readable ready(stream_);
        if (!parser_.begun()) idle_wait_ = &ready;
        why = co_await ready;
        idle_wait_ = nullptr;
        drained_ = false;
        if (why) on_wait_failed(why);
        break;
      }
      case step::wait_writable:
        here.set_deadline(never_ns, "");  // write_rest() has clocks of its own
        why = co_await output_.write_rest();
        if (why) end_with(ending::reset);
        break;
      case step::collect_body:
        here.set_deadline(never_ns, "");
        why = co_await collect_body();
        if (!why) call_plain();
        break;
      case step::skip_body:
        here.set_deadline(never_ns, "");
        why = co_await skip_body();
        break;
      case step::call:
        here.set_deadline(never_ns, "");
        why = co_await call_coroutine();
        if (why) end_with(ending::reset);
        break;
      case step::next_turn:
        why = co_await runtime::next_turn();
        if (why) end_with(ending::reset);
        break;
      case step::end: break;
    }
  }
  if (ending_ != ending::reset) {
    // The last answer is worth waiting for although the scope may be cancelled.
    const time_ns due_ns = due_after(service_.loop.now_ns(), service_.bounds.linger_deadline);
    const error why = co_await runtime::shielded(due_ns, "last answer", flush_all());
    if (why) ending_ = ending::reset;
  }
  co_return ending_;
}

// A wait between or inside heads ended otherwise than with bytes.
void connection::on_wait_failed(error why) noexcept {
  if (why == errc::cancelled && why.where == drain_reason) return;  // receive() has a last look
  if (why.code != errc::timed_out) return end_with(ending::reset);
  ++(head_clock_runs_ ? service_.counters.timed_out_head_deadline
                      : service_.counters.timed_out_idle_deadline);
  // 408 only once a request has begun: before that the peer asked for nothing.
  if (!parser_.begun()) return end_with(ending::close);
  refuse(problems::head_timeout);
}

void connection::on_drain() noexcept {
  last_look_ = idle_wait_ != nullptr;
  came_before_drain_ = in_request_ || parser_.begun() || !input_.empty();
  if (idle_wait_ != nullptr) idle_wait_->interrupt(error(errc::cancelled, drain_reason));
}

connection::step connection::advance() noexcept {
  for (;;) {
    if (output_.failed()) end_with(ending::reset);
    if (ending_ != ending::none) return step::end;
    if (output_.full()) output_.flush();
    if (output_.blocked()) {
      // What else came in this turn stands in the lent buffer, and may not while we wait.
      if (!input_.keep()) return step::wait_writable;
      end_with(ending::reset);
      continue;
    }
    if (!body_.done()) return step::skip_body;
    if (in_turn_ == service_.bounds.pipelined_requests_max && !input_.empty()) {
      ++service_.counters.paused_pipelined_requests_max;
      output_.flush();
      if (input_.keep()) end_with(ending::reset);
      if (ending_ == ending::none && !output_.blocked()) return step::next_turn;
      in_turn_ = 0;
      continue;
    }
    if (!input_.empty()) {
      const parse_step parsed = parser_.parse(input_.unread(), service_.heads, request_);
      if (parsed == parse_step::refused) {
        refuse(*parser_.why().kind());
        continue;
      }
      if (parsed == parse_step::done) {
        ++in_turn_;
        if (std::optional<step> next = begin_request()) return *next;
        continue;
      }
    }
    if (std::optional<step> next = receive()) return *next;
  }
}

// Receives once, after what was gathered has left. Nothing: look again.
std::optional<connection::step> connection::receive() noexcept {
  output_.flush();
  if (output_.failed() || output_.blocked()) return std::nullopt;
  if (drained_ && (service_.phase != service_phase::draining || parser_.begun())) {
    // A short receive took all there was: asking again would be a system call for nothing. Only
    // between requests of a drain there is a last look, and an end.
    if (input_.keep()) end_with(ending::reset);
    return step::wait_readable;
  }
  result<std::size_t> got = input_.receive(stream_);
  drained_ = got.ok() ? !input_.more_at_hand() : got.why() == errc::would_block;
  if (std::exchange(last_look_, false) && got.ok()) came_before_drain_ = true;
  if (got.ok()) {
    if (!head_clock_runs_) {
      // The first byte of a further request; what follows, leading CRLFs too, renews nothing.
      head_clock_runs_ = true;
      head_due_ns_ = due_after(service_.loop.now_ns(), service_.bounds.head_deadline);
    }
    return std::nullopt;
  }
  if (got.why() == errc::would_block) {
    if (service_.phase == service_phase::draining && !parser_.begun()) end_with(ending::close);
    return std::nullopt;
  }
  // The peer ended its side: an incomplete request gets no answer (RFC 9112 8), and nothing else
  // is under way here.
  end_with(got.why() == errc::eof ? ending::close : ending::reset);
  return std::nullopt;
}

// The head is complete: decide what it gets. Nothing: it was answered.
std::optional<connection::step> connection::begin_request() noexcept {
  ++service_.counters.requests;
  ++served_;
  in_request_ = true;
  head_clock_runs_ = false;
  began_ns_ = service_.loop.now_ns();
  in_place_ = parser_.consumed();
  body_.begin(request_.framing, service_.bounds);
  continued_ = !request_.expects_continue || !request_.framing.has_body();
  keep_ = may_keep();
  if (service_.phase == service_phase::draining && !came_before_drain_) {
    refuse(problems::draining);
    return std::nullopt;
  }
  const router<handler>::matched route = service_.table.match(request_.verb, request_.path);
  request_.params = route.route.params;
  request_.pattern = route.route.pattern;
  handler_ = route.payload;
  if (handler_ == nullptr) {
    answer_without_route(route.route);
    return std::nullopt;
  }
  const bool plain = std::holds_alternative<plain_handler>(*handler_);
  if (plain && body_.done()) {
    call_plain();
    return std::nullopt;
  }
  const std::string_view behind = input_.unread().substr(in_place_);
  if (plain && request_.framing.kind == body_kind::length &&
      request_.framing.length <= behind.size()) {
    // The whole body came with its head: the handler looks at it where it is.
    const chunked_decoder::piece whole = body_.next(behind);
    request_.body = whole.data;
    in_place_ += whole.consumed;
    call_plain();
    return std::nullopt;
  }
  if (!own_head()) {
    refuse(problems::overloaded);
    return std::nullopt;
  }
  return plain ? step::collect_body : step::call;
}

bool connection::may_keep() const noexcept {
  if (!request_.keep_alive) return false;
  if (served_ >= service_.bounds.requests_per_connection_max) {
    ++service_.counters.ended_requests_per_connection_max;
    return false;
  }
  // Draining: requests that are here already are answered before the last one says close.
  if (service_.phase != service_phase::serving) return input_.unread().size() > in_place_;
  return true;
}

void connection::answer_without_route(const route_match& found) noexcept {
  if (!body_.done() && (!unread_body_is_small() || !continued_)) keep_ = false;
  switch (found.verdict) {
    case route_verdict::server_options: {
      response none(204);
      none.header("Allow", allow_value(found.allow).view());
      return answer(std::move(none));
    }
    case route_verdict::method_not_allowed: {
      response problem = problem_response(problems::method_not_allowed);
      problem.header("Allow", allow_value(found.allow).view());
      return answer(std::move(problem));
    }
    case route_verdict::not_found:
    case route_verdict::found: return answer(problem_response(problems::not_found));
  }
}

bool connection::unread_body_is_small() const noexcept {
  const std::optional<std::uint64_t> left = body_.left();
  return !left.has_value() || *left <= skipped_body_bytes_max;
}

// The one place where a plain function runs, and where what it throws ends.
void connection::call_plain() noexcept {
  try {
    answer(std::get<plain_handler>(*handler_)(request_));
  } catch (...) {
    ++service_.counters.handlers_failed;
    keep_ = false;
    answer(problem_response(problems::handler_failed));
  }
}

// Writes the head of an answer behind what was gathered, with room for `body_room` bytes more; or
// that of a 500 when the handler made one that may not be sent: `whole` is then the 500. Nothing:
// the output failed.
std::optional<encoded_head> connection::write_head(response& whole,
                                                   std::size_t body_room) noexcept {
  // A peer that still waits for 100 Continue may or may not send its body after this answer: where
  // the next request would begin is not known (RFC 9110 10.1.1).
  if (!continued_ && !body_.done()) keep_ = false;
  continued_ = true;  // a final status was sent: 100 would stand inside the answer
  // A drain may have begun since the request did: it is the last one, unless more is here already.
  if (service_.phase != service_phase::serving && input_.unread().size() <= in_place_ + piece_) {
    keep_ = false;
  }
  for (int tries = 0; tries < 2; ++tries) {
    response_context context;
    context.version_minor = request_.version_minor;
    context.keep_alive = keep_;
    context.head_request = request_.verb == method::head;
    context.date = service_.dates.at(service_.loop.poller().unix_seconds());
    context.server = service_.options.server_field;
    const std::size_t bytes = encoded_head_bytes_max(whole, context);
    const std::span<char> room = output_.room(bytes + body_room);
    if (room.size() < bytes) break;
    result<encoded_head> head = encode_head(whole, context, room);
    if (head.ok()) {
      output_.commit(head.value().bytes);
      keep_ = head.value().keep_alive;
      return head.value();
    }
    ++service_.counters.handlers_failed;
    keep_ = false;
    whole = problem_response(problems::bad_response);
    body_room = whole.body().size();
  }
  end_with(ending::reset);
  return std::nullopt;
}

// Sends a whole answer to the request in hand. False: the output failed.
bool connection::write_answer(response& whole) noexcept {
  const bool copied = whole.body().size() <= output::copied_body_bytes_max;
  const std::optional<encoded_head> head = write_head(whole, copied ? whole.body().size() : 0);
  if (!head) return false;
  const std::string_view body = head->sends_body ? whole.body() : std::string_view{};
  count_answer(whole.status(), body.size());
  if (body.size() > output::copied_body_bytes_max) {
    output_.flush(&whole);
    return true;
  }
  const bool fits = output_.append(body);
  WEIR_ASSERT(fits);
  return true;
}

void connection::answer(response whole) noexcept {
  if (write_answer(whole)) end_request();
}

// Everything of the request in hand is answered.
void connection::end_request() noexcept {
  input_.consume(in_place_ + piece_);
  in_place_ = piece_ = 0;
  in_request_ = false;
  const bool asked = !request_.keep_alive && body_.done() && input_.empty();
  begin_next();
  if (!keep_) end_with(asked ? ending::close : ending::linger);
}

void connection::begin_next() noexcept {
  parser_.reset();
  arena_.reset();
  if (!collected_.empty()) collected_ = std::string();
  request_.verb = method::unknown;
  request_.target = request_.pattern = request_.body = {};
  request_.trailers = {};
  if (input_.empty()) {
    came_before_drain_ = false;
  } else if (!head_clock_runs_ && body_.done()) {
    // What stands there begins the next request: its clock runs from now.
    head_clock_runs_ = true;
    head_due_ns_ = due_after(service_.loop.now_ns(), service_.bounds.head_deadline);
  }
}

// A refusal is the last answer of a connection: what follows may have been smuggled.
void connection::refuse(const refusal_kind& kind) noexcept {
  count_refusal(kind);
  keep_ = false;
  request_.keep_alive = true;  // whatever the peer asked for, the close is ours: linger
  answer(problem_response(kind));
}

void connection::count_refusal(const refusal_kind& kind) noexcept {
  for (std::size_t i = 0; i < refusals::all.size(); ++i) {
    if (refusals::all[i] == &kind) ++service_.counters.refused[i];
  }
}

void connection::count_answer(status_code status, std::uint64_t body_bytes) noexcept {
  server_counters& counters = service_.counters;
  std::uint64_t* const classes[] = {&counters.responses_1xx, &counters.responses_2xx,
                                    &counters.responses_3xx, &counters.responses_4xx,
                                    &counters.responses_5xx};
  const unsigned hundreds = static_cast<unsigned>(status) / 100;
  if (hundreds >= 1 && hundreds <= 5) ++*classes[hundreds - 1];
  if (service_.options.observe == nullptr) return;
  access_record record;
  record.method = to_string(request_.verb);
  record.target = request_.target;
  record.pattern = request_.pattern;
  record.status = status;
  record.response_bytes = body_bytes;
  record.duration_ns = in_request_ ? service_.loop.poller().now_ns() - began_ns_ : 0;
  record.peer = &peer_;
  service_.options.observe(service_.options.observe_context, record);
}

// Copies the head out of the lent buffer, for a request that outlives this turn.
bool connection::own_head() noexcept {
  arena_.reset(new (std::nothrow) std::byte[copy_request_bytes(request_)]);
  if (arena_ == nullptr) return false;
  request_ = copy_request(request_, {arena_.get(), copy_request_bytes(request_)});
  input_.consume(in_place_);
  in_place_ = 0;
  return input_.keep().code == errc::none;
}

}  // namespace weir::http
