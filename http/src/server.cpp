// http/server.cpp - see the header: accepting, shedding, and a drain that ends.
#include <weir/http/server.hpp>

#include <algorithm>
#include <utility>

#include <weir/http/health.hpp>
#include <weir/runtime/waits.hpp>
#include <weir/runtime/within.hpp>

#include "server_impl.hpp"

namespace weir::http {

namespace {

// What a worker that has just returned may take to end; the loop waits for it.
constexpr time_ns workers_end_ns = 10 * millisecond_ns;

}  // namespace

admission::admission(const limits& bounds) : impl_(std::make_unique<impl>(bounds)) {}
admission::~admission() = default;

server::server(runtime::scheduler& on, const routes& handlers, const server_options& options)
    : impl_(std::make_unique<impl>(on, handlers, options)) {
  if (options.tells != nullptr) options.tells->server_made();
}

server::~server() {
  // Its connections and a posted drain point here: a server ends stopped, or never started.
  WEIR_ASSERT(!impl_->started || impl_->ended.is_set() || impl_->connections.children() == 0);
  WEIR_ASSERT(!impl_->asked.load() || impl_->ended.is_set());
  if (health* const tells = impl_->common.options.tells) {
    tells->server_gone(impl_->started, impl_->asked.load());
  }
}

result<address> server::impl::listen(const address& at, net::port_use use, bool secure) {
  if (error why = common.bounds.validate()) return why;
  // A head that is being received has to fit the buffer that is lent for receiving.
  head_parser largest(common.rules);
  if (largest.buffer_bytes_max() > common.large_buffers.buffer_bytes()) {
    return error(errc::invalid, "head_bytes_max: larger than the scheduler's receive_buffer_bytes");
  }
  // So has a head with the body that is copied behind it, and a piece of a stream.
  if (loop.lend_send_buffer().size() < output::capacity_min ||
      common.large_buffers.buffer_bytes() < output::capacity_min) {
    return error(errc::invalid, "the scheduler's send_buffer_bytes or receive_buffer_bytes");
  }
  if (listeners.size() == listeners_max) return error(errc::limit, "listeners_max");
  platform::listen_options options;
  options.backlog =
      static_cast<int>(std::min<std::uint32_t>(common.bounds.accept_backlog, 0x7fffffff));
  result<platform::socket_id> socket = net::listener::open(loop, at, options, use);
  if (!socket.ok()) return socket.why();
  listeners.push_back({std::make_unique<net::listener>(loop, socket.value()), secure});
  return listeners.back().door->local_address();
}

result<address> server::listen(const address& at, net::port_use use) {
  return impl_->listen(at, use, false);
}

result<address> server::listen_secure(const address& at, net::port_use use) {
  if (impl_->common.options.security == nullptr) return error(errc::invalid, "security");
  return impl_->listen(at, use, true);
}

result<address> server::listen(std::string_view at, net::port_use use) {
  result<address> parsed = address::parse(at);
  if (!parsed.ok()) return parsed;
  return listen(parsed.value(), use);
}

result<address> server::listen_secure(std::string_view at, net::port_use use) {
  result<address> parsed = address::parse(at);
  if (!parsed.ok()) return parsed;
  return listen_secure(parsed.value(), use);
}

void server::spread_to(std::span<server* const> others) {
  WEIR_ASSERT(!impl_->started);
  for (server* each : others) {
    WEIR_ASSERT(each != this);
    // What is accepted securely here is secured there.
    WEIR_ASSERT(impl_->common.options.security == nullptr ||
                each->impl_->common.options.security != nullptr);
    impl_->others.push_back(each->impl_.get());
  }
}

error server::start(on_stopped told, void* context) {
  return impl_->begin(told, context);
}

error server::impl::begin(on_stopped tell, void* context) noexcept {
  if (started) return error(errc::invalid, "server: started twice");
  try {
    common.take_route_limits();
  } catch (const std::bad_alloc&) {
    return error(errc::memory_exhausted, "routes");
  }
  started = true;
  told = tell;
  told_context = context;
  if (health* const tells = common.options.tells) tells->server_started();
  if (ended.is_set()) {
    // Drained before it started: there is nothing to wait for, and nothing is accepted.
    if (told != nullptr) told(told_context, report);
    return error{};
  }
  door.open();
  for (const listening& each : listeners) {
    if (error why = acceptors.start(accept_from(each), "listener")) {
      ask_to_drain();  // those that did start end in order
      return why;
    }
  }
  return error{};
}

runtime::task<result<drain_report>> server::serve() {
  impl& s = *impl_;
  if (s.started) co_return error(errc::invalid, "server: started twice");
  const error begun = start();
  const error why = co_await s.ended.wait();
  if (why) {
    // Cancelled from outside: everything below was told too, and is waited for.
    const error acceptors = co_await s.acceptors.join();
    const error connections = co_await s.connections.join();
    static_cast<void>(acceptors);
    static_cast<void>(connections);
    co_return why;
  }
  if (begun) co_return begun;
  co_return s.report;
}

void server::drain() noexcept {
  impl_->ask_to_drain();
}

void server::impl::ask_to_drain() noexcept {
  if (asked.exchange(true)) return;
  // Before all else: who asks whether we are ready learns it while everything is still served.
  if (health* const tells = common.options.tells) tells->server_drains();
  loop.post(asked_job);
}

bool server::stopped() const noexcept {
  return impl_->ended.is_set();
}
std::uint32_t server::connections() const noexcept {
  return impl_->connections.children();
}
const server_counters& server::counters() const noexcept {
  return impl_->common.counters;
}
runtime::offload_counters server::blocking() const noexcept {
  return impl_->common.blocking.counters();
}

// -- accepting --

runtime::task<error> server::impl::accept_from(const listening& from) {
  for (;;) {
    const result<net::accepted> next = co_await from.door->accept();
    if (!next.ok()) {
      if (!scope.why() && common.phase == service_phase::serving) {
        ++common.counters.listeners_failed;
      }
      co_return next.why();
    }
    place({next.value(), from.secure});
  }
}

// In turn, and here when the one whose turn it is does not take connections (any more).
void server::impl::place(const arrival& what) noexcept {
  const std::size_t turn = next_other;
  next_other = turn == others.size() ? 0 : turn + 1;
  if (turn < others.size() && others[turn]->door.hand(what)) return;
  admit(what);
}

void server::impl::admit(const arrival& what) noexcept {
  const net::accepted& who = what.who;
  ++common.counters.connections_accepted;
  switch (shared.inside().enter(who.peer)) {
    case admission::impl::verdict::welcome: break;
    case admission::impl::verdict::connections_max:
      ++common.counters.shed_connections_max;
      return shed(what);
    case admission::impl::verdict::connections_per_peer_max:
      ++common.counters.shed_connections_per_peer_max;
      return shed(what);
  }
  if (connections.start(run_connection(who.socket, peer_address(who.peer), what.secure),
                        "connection")) {
    shared.inside().leave(who.peer);
    loop.poller().discard(who.socket);
    ++common.counters.connections_closed;
    ++common.counters.connections_reset;
  }
}

// A secure connection is not told: that would cost the handshake there is no room for.
void server::impl::shed(const arrival& what) noexcept {
  const net::accepted& who = what.who;
  if (!what.secure && shedding < shedding_max &&
      !connections.start(turn_away(who), "turned away")) {
    ++shedding;
    return;
  }
  loop.poller().discard(who.socket);
  ++common.counters.connections_closed;
  ++common.counters.connections_reset;
}

// -- draining --

void server::impl::on_drain_asked() noexcept {
  if (!started) {
    for (listening& each : listeners) each.door->close();
    return finish({});
  }
  if (without_order) return end_at_once();
  if (loop.spawn(run_drain(), "drain")) {
    // No frame for an orderly end: what is left is to cut.
    without_order = true;
    report.forced = connections.children();
    end_at_once();
  }
}

// Looks again in the next turn until everything that was cancelled has ended: then the server may
// go.
void server::impl::end_at_once() noexcept {
  scope.cancel(error(errc::cancelled, "drain"));
  door.shut();
  for (live_connection* each = live; each != nullptr; each = each->next) each->stream->reset();
  if (acceptors.children() > 0 || connections.children() > 0 || door.under_way() > 0) {
    return loop.post(asked_job);
  }
  for (listening& each : listeners) each.door->close();
  finish(report);
}

runtime::task<error> server::impl::run_drain() {
  common.phase = service_phase::lame_duck;
  if (common.bounds.drain_delay > 0) {
    const time_ns due_ns = due_after(loop.now_ns(), common.bounds.drain_delay);
    const error why = co_await runtime::sleep_until(due_ns);
    if (why) co_return why;
  }
  common.phase = service_phase::draining;
  acceptors.cancel(error(errc::cancelled, "drain"));
  const error joined = co_await acceptors.join();
  static_cast<void>(joined);
  // Nothing was promised to who is still in a handshake.
  for (live_connection* each = live; each != nullptr; each = each->next) {
    if (each->handshaking) each->stream->reset();
  }
  // Whoever the system has queued was told that we listen: they get an answer.
  for (listening& each : listeners) {
    for (;;) {
      const result<net::accepted> next = each.door->try_accept();
      if (!next.ok()) break;
      admit({next.value(), each.secure});
    }
    each.door->close();
  }
  door.shut();
  while (door.under_way() > 0) {
    const error why = co_await runtime::next_turn();
    if (why) break;
  }
  const std::uint32_t open = open_connections();
  for (live_connection* each = live; each != nullptr; each = each->next) {
    if (each->served != nullptr) each->served->on_drain();
  }
  const time_ns due_ns = due_after(loop.now_ns(), common.bounds.drain_timeout);
  const error late = co_await runtime::within(due_ns, "drain_timeout", until_no_connection());
  drain_report end;
  if (late) {
    end.forced = open_connections();
    connections.cancel(error(errc::cancelled, "drain_timeout"));
    // A stream that lingers is shielded from the cancel; without its socket it ends at once.
    for (live_connection* each = live; each != nullptr; each = each->next) each->stream->reset();
  }
  end.drained = open > end.forced ? open - end.forced : 0;
  const error all = co_await connections.join();
  static_cast<void>(all);
  const error stuck =
      co_await runtime::within(due_ns, "drain_timeout", until_no_blocking_handler());
  static_cast<void>(stuck);
  finish(end);
  co_return error{};
}

// Nobody waits for a worker that was abandoned, and so it tells nobody when it is done (the loop
// may be gone by then): it is looked at.
runtime::task<error> server::impl::until_no_blocking_handler() {
  while (common.blocking.counters().running > 0) {
    const time_ns look_ns = due_after(loop.now_ns(), 5 * millisecond_ns);
    const error why = co_await runtime::sleep_until(look_ns);
    if (why) co_return why;
  }
  co_return error{};
}

runtime::task<error> server::impl::until_no_connection() {
  // By the counts that set the event: a connection that has ended in this turn is a child until the
  // next one, and will not set it again.
  while (open_connections() > 0) {
    last_closed.clear();
    const error why = co_await last_closed.wait();
    if (why) co_return why;
  }
  co_return error{};
}

void server::impl::finish(const drain_report& with) noexcept {
  report = with;
  report.abandoned = common.blocking.stop(workers_end_ns);
  ended.set();
  if (told != nullptr) told(told_context, report);
}

}  // namespace weir::http
