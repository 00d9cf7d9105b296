// http/conversation.cpp - see the header. Bodies and coroutine handlers are in
// conversation_body.cpp and exchange.cpp.
//
//   advance():  parse -> route -> answer -> parse ... until something has to be waited for
//
//   work():     wait_writable --> advance       the peer reads more slowly
//               collect_body ---> advance       a body that came in pieces
//               skip_body ------> advance       ... and that nobody wanted
//               call -----------> advance       a coroutine handler
//               next_turn ------> advance       its share of the turn is used
#include "conversation.hpp"

#include <cstring>
#include <exception>
#include <iterator>
#include <new>
#include <utility>

#include <weir/runtime/waits.hpp>
#include <weir/runtime/within.hpp>

namespace weir::http {

conversation_pool::~conversation_pool() {
  while (kept_ != nullptr) delete std::exchange(kept_, kept_->next_kept_);
}

conversation* conversation_pool::take() noexcept {
  if (kept_ == nullptr) return new (std::nothrow) conversation(service_);
  --kept_count_;
  return std::exchange(kept_, kept_->next_kept_);
}

void conversation_pool::give_back(conversation& talk) noexcept {
  WEIR_ASSERT(talk.between_requests() && !talk.in_request_);
  WEIR_ASSERT(!talk.output_.blocked() && !talk.output_.gathered());
  if (kept_count_ == kept_max) {
    delete &talk;
    return;
  }
  ++kept_count_;
  talk.next_kept_ = std::exchange(kept_, &talk);
}

void conversation::attach(connection_state& kept) noexcept {
  kept_ = &kept;
  output_.attach(kept.stream);
  parser_.speak(kept.stream.secure());
  drained_ = false;
}

void conversation::abandon() noexcept {
  service& of = service_;
  this->~conversation();
  new (this) conversation(of);
}

runtime::task<error> conversation::work(step what) {
  error why{};
  waited_ = true;
  switch (what) {
    case step::wait_writable:
      why = co_await output_.write_rest();
      if (why) end_with(ending::reset);
      break;
    case step::collect_body:
      why = co_await collect_body();
      if (!why) call_plain();
      break;
    case step::skip_body: why = co_await skip_body(); break;
    case step::call:
      why = co_await call_coroutine();
      if (why) end_with(ending::reset);
      break;
    case step::next_turn:
      why = co_await runtime::next_turn();
      if (why) end_with(ending::reset);
      break;
    case step::wait_readable:
    case step::end: WEIR_ASSERT(false);  // these are the connection's own
  }
  co_return why;
}

conversation::step conversation::advance() noexcept {
  in_turn_ = 0;
  for (;;) {
    if (output_.failed()) end_with(ending::reset);
    if (ended()) return step::end;
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
      if (!ended() && !output_.blocked()) return step::next_turn;
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
std::optional<conversation::step> conversation::receive() noexcept {
  output_.flush();
  if (output_.failed() || output_.blocked()) return std::nullopt;
  if (drained_ && (service_.phase != service_phase::draining || parser_.begun())) {
    // A short receive took all there was: asking again would be a system call for nothing. Only
    // between requests of a drain there is a last look, and an end.
    if (input_.keep()) end_with(ending::reset);
    return step::wait_readable;
  }
  result<std::size_t> got = input_.receive(kept_->stream);
  drained_ = got.ok() ? !input_.more_at_hand() : got.why() == errc::would_block;
  if (std::exchange(kept_->last_look, false) && got.ok()) kept_->came_before_drain = true;
  if (got.ok()) {
    if (!kept_->head_clock_runs) {
      // The first byte of a further request; what follows, leading CRLFs too, renews nothing.
      kept_->head_clock_runs = true;
      kept_->head_due_ns = due_after(service_.loop.now_ns(), service_.bounds.head_deadline);
      kept_->idle_due_ns = never_ns;
    }
    return std::nullopt;
  }
  if (got.why() == errc::would_block) {
    if (service_.phase == service_phase::draining && !parser_.begun()) end_with(ending::close);
    return std::nullopt;
  }
  // The peer ended its side: an incomplete request gets no answer (RFC 9112 8), and nothing else
  // is under way here. Whether it said so makes no difference: requests say where they end.
  const bool ended_side = got.why() == errc::eof || got.why() == errc::truncated;
  end_with(ended_side ? ending::close : ending::reset);
  return std::nullopt;
}

// The head is complete: decide what it gets. Nothing: it was answered.
std::optional<conversation::step> conversation::begin_request() noexcept {
  ++service_.counters.requests;
  ++kept_->served;
  in_request_ = true;
  kept_->head_clock_runs = false;
  began_ns_ = service_.loop.now_ns();
  in_place_ = parser_.consumed();
  const router<route>::matched found = service_.table.match(request_.verb, request_.path);
  route_ = found.payload == nullptr ? nullptr : &service_.served[found.route.index];
  bounds_ = route_ == nullptr ? &service_.bounds : &route_->bounds;
  output_.hold_to(*bounds_);
  body_.begin(request_.framing, *bounds_);
  continued_ = !request_.expects_continue;
  keep_ = may_keep();
  if (service_.phase == service_phase::draining && !kept_->came_before_drain) {
    refuse(problems::draining);
    return std::nullopt;
  }
  request_.params = found.route.params;
  request_.pattern = found.route.pattern;
  if (request_.framing.kind == body_kind::length &&
      request_.framing.length > bounds_->body_bytes_max) {
    // The parser let it pass for the sake of another route.
    refuse(refusals::body_too_large);
    return std::nullopt;
  }
  if (found.payload == nullptr) {
    answer_without_route(found.route);
    return std::nullopt;
  }
  handler_ = &found.payload->run;
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

bool conversation::may_keep() const noexcept {
  if (!request_.keep_alive) return false;
  if (kept_->served >= service_.bounds.requests_per_connection_max) {
    ++service_.counters.ended_requests_per_connection_max;
    return false;
  }
  // Draining: requests that are here already are answered before the last one says close.
  if (service_.phase != service_phase::serving) return input_.unread().size() > in_place_;
  return true;
}

void conversation::answer_without_route(const route_match& found) noexcept {
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

bool conversation::unread_body_is_small() const noexcept {
  const std::optional<std::uint64_t> left = body_.left();
  return !left.has_value() || *left <= skipped_body_bytes_max;
}

// The one place where a plain function runs, and where what it throws ends.
void conversation::call_plain() noexcept {
  served_route& route = *route_;
  route.begin();
  try {
    answer(std::get<plain_handler>(*handler_)(request_));
  } catch (...) {
    ++service_.counters.handlers_failed;
    keep_ = false;
    answer(problem_response(problems::handler_failed));
  }
  route.end();
}

// Writes the head of an answer behind what was gathered, with room for `body_room` bytes more; or
// that of a 500 when the handler made one that may not be sent: `whole` is then the 500. Nothing:
// the output failed.
std::optional<encoded_head> conversation::write_head(response& whole,
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
bool conversation::write_answer(response& whole) noexcept {
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

void conversation::answer(response whole) noexcept {
  if (write_answer(whole)) end_request();
}

// Everything of the request in hand is answered.
void conversation::end_request() noexcept {
  input_.consume(in_place_ + piece_);
  in_place_ = piece_ = 0;
  in_request_ = false;
  // Closed at once only within the turn: in a longer time something may have come behind, and a
  // close over unread bytes is a RST, which may take the end of the answer away.
  const bool asked = !request_.keep_alive && body_.done() && input_.empty() && !waited_;
  begin_next();
  if (!keep_) end_with(asked ? ending::close : ending::linger);
}

void conversation::begin_next() noexcept {
  parser_.reset();
  arena_.reset();
  waited_ = false;
  if (!collected_.empty()) collected_ = std::string();
  request_.verb = method::unknown;
  request_.target = request_.pattern = request_.body = {};
  request_.trailers = {};
  if (input_.empty()) {
    kept_->came_before_drain = false;
  } else if (!kept_->head_clock_runs && body_.done()) {
    // What stands there begins the next request: its clock runs from now.
    kept_->head_clock_runs = true;
    kept_->head_due_ns = due_after(service_.loop.now_ns(), service_.bounds.head_deadline);
  }
}

// A refusal is the last answer of a connection: what follows may have been smuggled.
void conversation::refuse(const refusal_kind& kind) noexcept {
  count_refusal(kind);
  if (!in_request_) request_.verb = parser_.verb();  // HEAD gets no content, whole or not
  keep_ = false;
  request_.keep_alive = true;  // whatever the peer asked for, the close is ours: linger
  answer(problem_response(kind));
}

void conversation::count_refusal(const refusal_kind& kind) noexcept {
  for (std::size_t i = 0; i < refusals::all.size(); ++i) {
    if (refusals::all[i] == &kind) ++service_.counters.refused[i];
  }
}

void conversation::count_answer(status_code status, std::uint64_t body_bytes) noexcept {
  server_counters& counters = service_.counters;
  std::uint64_t* const classes[] = {&counters.responses_1xx, &counters.responses_2xx,
                                    &counters.responses_3xx, &counters.responses_4xx,
                                    &counters.responses_5xx};
  const unsigned of_class = static_cast<unsigned>(status) / 100 - 1;
  if (of_class < std::size(classes)) ++*classes[of_class];
  if (service_.options.observe == nullptr) return;
  const address peer = kept_->peer.get();
  access_record record;
  record.method = to_string(request_.verb);
  record.target = request_.target;
  record.pattern = request_.pattern;
  record.status = status;
  record.response_bytes = body_bytes;
  record.duration_ns = in_request_ ? service_.loop.poller().now_ns() - began_ns_ : 0;
  record.peer = &peer;
  service_.options.observe(service_.options.observe_context, record);
}

// Copies the head out of the lent buffer, for a request that outlives this turn.
bool conversation::own_head() noexcept {
  arena_.reset(new (std::nothrow) std::byte[copy_request_bytes(request_)]);
  if (arena_ == nullptr) return false;
  request_ = copy_request(request_, {arena_.get(), copy_request_bytes(request_)});
  input_.consume(in_place_);
  in_place_ = 0;
  return input_.keep().code == errc::none;
}

}  // namespace weir::http
