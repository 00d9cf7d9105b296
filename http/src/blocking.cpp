// http/blocking.cpp - a blocking handler is a coroutine that awaits a worker: a conversation
// knows nothing of it.
//
// What a worker touches belongs to its job, which is shared with whoever waits for it: the
// connection, the server and its routes may all be gone before an abandoned handler returns.
#include <weir/http/blocking.hpp>

#include <memory>
#include <string>
#include <vector>

#include <weir/runtime/nursery.hpp>
#include <weir/runtime/offload.hpp>

#include "conversation.hpp"

namespace weir::http {

// One call of a blocking handler.
class blocking_job {
 public:
  blocking_job(const request& from, std::string body, std::shared_ptr<const blocking_handler> run)
      : run_(std::move(run)), body_(std::move(body)), head_(copy_request_bytes(from)) {
    asked_ = copy_request(from, head_);
    asked_.body = body_;
    own_names(from);
    own_trailers(from);
  }
  blocking_job(const blocking_job&) = delete;
  blocking_job& operator=(const blocking_job&) = delete;

  // On a worker.
  response work() const { return (*run_)(asked_, stop_token(stop_)); }
  // On the loop.
  void request_stop() const noexcept { stop_->store(true, std::memory_order_release); }

 private:
  // The pattern and the names of parameters stand in the router.
  void own_names(const request& from) {
    std::size_t bytes = from.pattern.size();
    for (const route_params::param& p : from.params) bytes += p.name.size();
    names_.reserve(bytes);
    asked_.pattern = keep(from.pattern, names_);
    for (route_params::param& p : asked_.params) p.name = keep(p.name, names_);
  }
  // The trailers stand in the conversation.
  void own_trailers(const request& from) {
    std::size_t bytes = 0;
    for (const header_field& f : from.trailers) bytes += f.name.size() + f.value.size();
    trailer_bytes_.reserve(bytes);
    trailers_.reserve(from.trailers.size());
    for (const header_field& f : from.trailers) {
      const std::string_view name = keep(f.name, trailer_bytes_);
      trailers_.push_back({name, keep(f.value, trailer_bytes_)});
    }
    asked_.trailers = trailers_;
  }
  // Behind what is there; the room was reserved, so that nothing moves.
  static std::string_view keep(std::string_view text, std::string& into) {
    const std::size_t at = into.size();
    into.append(text);
    return std::string_view(into).substr(at);
  }

  std::shared_ptr<const blocking_handler> run_;
  std::string body_;
  std::vector<std::byte> head_;
  std::string names_;
  std::string trailer_bytes_;
  std::vector<header_field> trailers_;
  request asked_;
  std::shared_ptr<std::atomic<bool>> stop_ = std::make_shared<std::atomic<bool>>(false);
};

runtime::task<error> exchange::call_blocking(const std::shared_ptr<const blocking_handler>& run) {
  conversation& c = talk_;
  // A buffered body has a deadline of its own; the handler's begins behind it.
  scope_.set_deadline(never_ns, "");
  if (!c.body_.done()) {
    const error collected = co_await c.collect_body();
    if (collected) co_return collected;  // the peer was told
  }
  scope_.set_deadline(due_after(c.service_.loop.now_ns(), c.bounds_->handler_deadline),
                      "handler_deadline");
  request whole = head_;
  whole.trailers = c.body_.trailers();
  const auto job = std::make_shared<const blocking_job>(whole, std::move(c.collected_), run);
  runtime::nursery watching(scope_, "who asked", 1, runtime::nursery::on_failure::carry_on);
  // Where no frame is left for it, the handler is only not told early.
  static_cast<void>(watching.start(watch_peer(*job), "peer"));
  auto call = c.service_.blocking.run([job] { return job->work(); });
  result<response> made = co_await call;
  error why = made.why();
  if (why) {
    job->request_stop();
    if (why == errc::limit) {
      ++(std::string_view(why.where) == "queue_wait_max_ns"
             ? c.service_.counters.timed_out_blocking_queue_deadline
             : c.service_.counters.shed_blocking_queue_max);
    } else if (why == errc::timed_out && !call.began()) {
      // Not the handler's fault: it got no worker in all its time.
      why = error(errc::limit, "handler_deadline");
    }
  }
  watching.cancel(error(errc::cancelled, "answered"));
  const error watched = co_await watching.join();
  static_cast<void>(watched);
  if (why) co_return why;
  const error sent = co_await send(std::move(made).value());
  co_return sent;
}

// Asks the handler to stop once the peer ends its side or breaks off. A peer that sends a further
// request is there, and its bytes are for later: it is not watched any more.
runtime::task<error> exchange::watch_peer(const blocking_job& told) {
  conversation& c = talk_;
  while (c.input_.empty()) {
    error why{};
    if (c.drained_) why = co_await runtime::readable(c.kept_->stream);
    if (scope_.why() || why == errc::cancelled) co_return why;
    if (!why) {
      const result<std::size_t> got = c.input_.receive_kept(c.kept_->stream);
      c.drained_ = got.ok() ? !c.input_.more_at_hand() : got.why() == errc::would_block;
      if (got.ok() || c.drained_) continue;
      why = got.why();
    }
    if (why != errc::limit) told.request_stop();  // else: no buffer for what has come
    co_return why;
  }
  co_return error{};
}

error routes::add_blocking(method verb, std::string_view pattern, blocking_handler run,
                           const route_limits& own) {
  // Counted: an abandoned worker runs it on when the routes are gone.
  auto kept = std::make_shared<const blocking_handler>(std::move(run));
  return add(verb, pattern, coroutine_handler([kept = std::move(kept)](exchange& on) {
               return on.call_blocking(kept);
             }),
             own);
}

}  // namespace weir::http
