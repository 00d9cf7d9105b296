// http/server.cpp - see the header: accepting, shedding, and a drain that ends.
#include <weir/http/server.hpp>

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include <weir/http/health.hpp>
#include <weir/net/linger.hpp>
#include <weir/net/listener.hpp>
#include <weir/net/socket_stream.hpp>
#include <weir/runtime/waits.hpp>
#include <weir/runtime/within.hpp>

#include "admission.hpp"
#include "connection.hpp"
#include "server_hand_over.hpp"
#include "service.hpp"

namespace weir::http {

namespace {

// Connections that are told 503 at one time. Beyond it they are reset: turning peers away is a
// kindness that may not become the load.
constexpr std::uint32_t shedding_max = 64;

constexpr std::uint32_t listeners_max = 64;

// What a worker that has just returned may take to end; the loop waits for it.
constexpr time_ns workers_end_ns = 10 * millisecond_ns;

// A connection while it is served, in the list that a drain walks.
struct live_connection {
  connection* served = nullptr;
  net::socket_stream* stream = nullptr;
  live_connection* next = nullptr;
  live_connection** link = nullptr;

  void enter(live_connection*& first) noexcept {
    next = first;
    link = &first;
    if (next != nullptr) next->link = &next;
    first = this;
  }
  void leave() noexcept {
    *link = next;
    if (next != nullptr) next->link = link;
  }
};

}  // namespace

admission::admission(const limits& bounds) : impl_(std::make_unique<impl>(bounds)) {}
admission::~admission() = default;

struct server::impl {
  impl(runtime::scheduler& on, const routes& handlers, const server_options& with)
      : loop(on),
        own(with.shared == nullptr ? std::make_unique<admission>(with.bounds) : nullptr),
        shared(with.shared == nullptr ? *own : *with.shared),
        common(on, handlers, with, shared),
        scope(on.root(), "server"),
        acceptors(scope, "listeners", listeners_max, runtime::nursery::on_failure::carry_on),
        connections(scope, "connections", connections_bound(with.bounds),
                    runtime::nursery::on_failure::carry_on) {}

  static std::uint32_t connections_bound(const limits& bounds) noexcept {
    const std::uint32_t most = ~std::uint32_t{0};
    return bounds.connections_max < most - shedding_max ? bounds.connections_max + shedding_max
                                                        : most;
  }

  struct drain_request final : runtime::posted_job {
    explicit drain_request(impl* i) noexcept : posted_job(&run_it), of(i) {}
    static void run_it(posted_job& job) noexcept {
      static_cast<drain_request&>(job).of->on_drain_asked();
    }
    impl* of;
  };

  error begin(on_stopped tell, void* context) noexcept;
  void ask_to_drain() noexcept;
  void on_drain_asked() noexcept;
  runtime::task<error> accept_from(net::listener& from);
  void place(const net::accepted& who) noexcept;
  void admit(const net::accepted& who) noexcept;
  static void take(void* self, const net::accepted& who) noexcept {
    static_cast<impl*>(self)->admit(who);
  }
  void shed(const net::accepted& who) noexcept;
  runtime::task<error> run_connection(platform::native_socket accepted, peer_address peer);
  runtime::task<error> turn_away(net::accepted who);
  runtime::task<error> linger(net::socket_stream& stream);
  void count_closed() noexcept;
  std::uint32_t open_connections() const noexcept;
  runtime::task<error> run_drain();
  runtime::task<error> until_no_connection();
  runtime::task<error> until_no_blocking_handler();
  void end_at_once() noexcept;
  void finish(const drain_report& with) noexcept;

  runtime::scheduler& loop;
  std::unique_ptr<admission> own;
  admission& shared;
  service common;
  runtime::scope scope;
  std::vector<std::unique_ptr<net::listener>> listeners;
  runtime::nursery acceptors;
  runtime::nursery connections;
  live_connection* live = nullptr;
  runtime::event last_closed;  // set whenever no connection is left
  runtime::event ended;
  std::uint32_t shedding = 0;
  bool started = false;
  bool without_order = false;  // no frame could be had for a drain
  drain_report report;
  on_stopped told = nullptr;
  void* told_context = nullptr;
  hand_over_door door{loop, &impl::take, this};
  std::vector<impl*> others;   // who take turns with this server at what it accepts
  std::size_t next_other = 0;  // others.size(): it is this server's turn
  drain_request asked_job{this};
  std::atomic<bool> asked{false};
};

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

result<address> server::listen(const address& at, net::port_use use) {
  impl& s = *impl_;
  if (error why = s.common.bounds.validate()) return why;
  // A head that is being received has to fit the buffer that is lent for receiving.
  head_parser largest(s.common.rules);
  if (largest.buffer_bytes_max() > s.common.large_buffers.buffer_bytes()) {
    return error(errc::invalid, "head_bytes_max: larger than the scheduler's receive_buffer_bytes");
  }
  // So has a head with the body that is copied behind it, and a piece of a stream.
  if (s.loop.lend_send_buffer().size() < output::capacity_min ||
      s.common.large_buffers.buffer_bytes() < output::capacity_min) {
    return error(errc::invalid, "the scheduler's send_buffer_bytes or receive_buffer_bytes");
  }
  if (s.listeners.size() == listeners_max) return error(errc::limit, "listeners_max");
  platform::listen_options options;
  options.backlog =
      static_cast<int>(std::min<std::uint32_t>(s.common.bounds.accept_backlog, 0x7fffffff));
  result<platform::socket_id> socket = net::listener::open(s.loop, at, options, use);
  if (!socket.ok()) return socket.why();
  s.listeners.push_back(std::make_unique<net::listener>(s.loop, socket.value()));
  return s.listeners.back()->local_address();
}

result<address> server::listen(std::string_view at, net::port_use use) {
  result<address> parsed = address::parse(at);
  if (!parsed.ok()) return parsed;
  return listen(parsed.value(), use);
}

void server::spread_to(std::span<server* const> others) {
  WEIR_ASSERT(!impl_->started);
  for (server* each : others) {
    WEIR_ASSERT(each != this);
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
  for (std::unique_ptr<net::listener>& each : listeners) {
    if (error why = acceptors.start(accept_from(*each), "listener")) {
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

runtime::task<error> server::impl::accept_from(net::listener& from) {
  for (;;) {
    const result<net::accepted> next = co_await from.accept();
    if (!next.ok()) {
      if (!scope.why() && common.phase == service_phase::serving) {
        ++common.counters.listeners_failed;
      }
      co_return next.why();
    }
    place(next.value());
  }
}

// In turn, and here when the one whose turn it is does not take connections (any more).
void server::impl::place(const net::accepted& who) noexcept {
  const std::size_t turn = next_other;
  next_other = turn == others.size() ? 0 : turn + 1;
  if (turn < others.size() && others[turn]->door.hand(who)) return;
  admit(who);
}

void server::impl::admit(const net::accepted& who) noexcept {
  ++common.counters.connections_accepted;
  switch (shared.inside().enter(who.peer)) {
    case admission::impl::verdict::welcome: break;
    case admission::impl::verdict::connections_max:
      ++common.counters.shed_connections_max;
      return shed(who);
    case admission::impl::verdict::connections_per_peer_max:
      ++common.counters.shed_connections_per_peer_max;
      return shed(who);
  }
  if (connections.start(run_connection(who.socket, peer_address(who.peer)), "connection")) {
    shared.inside().leave(who.peer);
    loop.poller().discard(who.socket);
    ++common.counters.connections_closed;
    ++common.counters.connections_reset;
  }
}

void server::impl::shed(const net::accepted& who) noexcept {
  if (shedding < shedding_max && !connections.start(turn_away(who), "turned away")) {
    ++shedding;
    return;
  }
  loop.poller().discard(who.socket);
  ++common.counters.connections_closed;
  ++common.counters.connections_reset;
}

// Ends a stream so that its last answer can be read, and counts the bounds that were reached.
runtime::task<error> server::impl::linger(net::socket_stream& stream) {
  const net::linger_limits bounds{common.bounds.linger_deadline, common.bounds.linger_bytes_max};
  const result<net::linger_end> end = co_await net::linger_close(loop, stream, bounds);
  if (!end.ok()) co_return end.why();
  if (end.value() == net::linger_end::timed_out) ++common.counters.timed_out_linger_deadline;
  if (end.value() == net::linger_end::too_much) ++common.counters.linger_bytes_max_reached;
  co_return error{};
}

std::uint32_t server::impl::open_connections() const noexcept {
  const server_counters& counted = common.counters;
  return static_cast<std::uint32_t>(counted.connections_accepted - counted.connections_closed);
}

void server::impl::count_closed() noexcept {
  ++common.counters.connections_closed;
  if (open_connections() == 0) last_closed.set();
}

// One connection as one coroutine: while it is idle its frame is all there is of it.
runtime::task<error> server::impl::run_connection(platform::native_socket accepted,
                                                  peer_address peer) {
  result<platform::socket_id> socket = net::socket_stream::adopt(loop, accepted);
  if (socket.ok()) {
    net::socket_stream stream(loop, socket.value());
    connection served(common, stream, peer);
    live_connection entry{&served, &stream};
    entry.enter(live);
    runtime::scope& here = co_await runtime::this_scope();
    for (;;) {
      const connection::next what = served.advance(here);
      if (what == connection::next::end) break;
      if (what == connection::next::wait_readable) {
        runtime::readable ready(stream);
        served.begin_wait(ready);
        const error why = co_await ready;
        served.end_wait(why, ready.waited());
      } else {
        const error why = co_await served.work();
        static_cast<void>(why);  // advance() knows
      }
    }
    if (served.how() == ending::linger) {
      const error lingered = co_await linger(stream);
      static_cast<void>(lingered);
    } else if (served.how() == ending::close) {
      stream.close();
    } else {
      ++common.counters.connections_reset;
      stream.reset();
    }
    entry.leave();
  }
  shared.inside().leave(peer.get());
  count_closed();
  co_return error{};
}

// 503 and an orderly close, without reading a request: at a limit that is all there is to give.
runtime::task<error> server::impl::turn_away(net::accepted who) {
  result<platform::socket_id> socket = net::socket_stream::adopt(loop, who.socket);
  if (socket.ok()) {
    net::socket_stream stream(loop, socket.value());
    live_connection entry{nullptr, &stream};
    entry.enter(live);
    char text[2'048];
    const response answer = problem_response(problems::overloaded);
    response_context context;
    context.keep_alive = false;
    context.date = common.dates.at(loop.poller().unix_seconds());
    context.server = common.options.server_field;
    const result<encoded_head> head = encode_head(answer, context, text);
    if (head.ok()) {
      const byte_view parts[] = {as_bytes({text, head.value().bytes}), as_bytes(answer.body())};
      // A fresh connection takes this much; if it does not, there is nobody to tell.
      const result<std::size_t> sent = stream.try_write(parts);
      if (sent.ok()) common.counters.bytes_sent += sent.value();
      ++common.counters.responses_5xx;
    }
    const error lingered = co_await linger(stream);
    static_cast<void>(lingered);
    entry.leave();
  }
  --shedding;
  count_closed();
  co_return error{};
}

// -- draining --

void server::impl::on_drain_asked() noexcept {
  if (!started) {
    for (std::unique_ptr<net::listener>& each : listeners) each->close();
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
  for (std::unique_ptr<net::listener>& each : listeners) each->close();
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
  // Whoever the system has queued was told that we listen: they get an answer.
  for (std::unique_ptr<net::listener>& each : listeners) {
    for (;;) {
      const result<net::accepted> next = each->try_accept();
      if (!next.ok()) break;
      admit(next.value());
    }
    each->close();
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
