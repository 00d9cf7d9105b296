// platform/sim/sim_poller.cpp - the poller contract over a simulated network.
#include "sim_poller.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include <weir/platform/file.hpp>

namespace weir::platform::sim {

namespace {

constexpr std::size_t file_piece_bytes_max = 64 * 1024;
constexpr std::size_t parts_max = 64;

}  // namespace

const char* sim_poller::name_of(kind what) noexcept {
  switch (what) {
    case kind::accept: return "accept";
    case kind::connect: return "connect";
    case kind::wait_readable: return "wait_readable";
    case kind::receive: return "receive";
    case kind::send: return "send";
    case kind::send_file: return "send_file";
  }
  return "?";
}

result<std::unique_ptr<poller>> sim_poller::open(std::shared_ptr<sim_network::state> net,
                                                 const poller_options& options) {
  return std::unique_ptr<poller>(new sim_poller(std::move(net), options));
}

sim_poller::sim_poller(std::shared_ptr<sim_network::state> net, const poller_options& options)
    : net_(std::move(net)),
      position_(static_cast<std::uint32_t>(net_->pollers.size())),
      sockets_(options.sockets_max),
      operations_(options.operations_max) {
  net_->pollers.push_back(this);
}

sim_poller::~sim_poller() {
  close_all(second_ns);
  net_->pollers[position_] = nullptr;
}

std::int64_t sim_poller::unix_seconds() const noexcept {
  return net_->options.unix_seconds + (net_->now_ns - net_->options.start_ns) / second_ns;
}

// Sockets. ---------------------------------------------------------------------------------------

sim_poller::socket_slot* sim_poller::find(socket_id id, endpoint** e, error* why,
                                          const char* where) noexcept {
  socket_slot* s = sockets_.find(id.index, id.generation);
  if (s == nullptr) {
    *why = error(errc::bad_handle, where);
    return nullptr;
  }
  *e = net_->find(s->key);
  WEIR_ASSERT(*e != nullptr);
  return s;
}

result<socket_id> sim_poller::place(endpoint_key key) noexcept {
  socket_id id;
  socket_slot* s = sockets_.take(id.index, id.generation);
  if (s == nullptr) return error(errc::limit, "sockets_max");
  s->key = key;
  net_->find(key)->belongs = {position_, id};
  counters_.sockets_open = sockets_.used();
  return id;
}

result<socket_id> sim_poller::listen(const address& at, const listen_options& options) noexcept {
  if (options.share_port) return error(errc::not_supported, "share_port");
  const endpoint_key key = net_->make_endpoint();
  if (key == no_endpoint) return error(errc::limit, "endpoints_max");
  error why = net_->listen(key, at, options.backlog, options.v6_only);
  if (!why) {
    const result<socket_id> id = place(key);
    if (id) return id;
    why = id.why();
    net_->close(key);
  } else {
    net_->free_endpoint(key);
  }
  return why;
}

result<socket_id> sim_poller::open_stream(const address& to) noexcept {
  if (to.family() == address_family::none) return error(errc::family_unsupported, "socket");
  const endpoint_key key = net_->make_endpoint();
  if (key == no_endpoint) return error(errc::limit, "endpoints_max");
  const result<socket_id> id = place(key);
  if (!id) net_->free_endpoint(key);
  return id;
}

result<socket_id> sim_poller::adopt(native_socket socket) noexcept {
  const endpoint_key key = to_key(socket);
  const endpoint* e = net_->find(key);
  if (e == nullptr || e->at != phase::connected || e->belongs.poller != nobody ||
      e->peer != nobody) {
    return error(errc::bad_handle, "adopt");
  }
  const result<socket_id> id = place(key);
  if (!id) net_->reset(key);
  return id;
}

void sim_poller::discard(native_socket socket) noexcept {
  const endpoint* e = net_->find(to_key(socket));
  if (e == nullptr || e->belongs.poller != nobody || e->peer != nobody) return;
  net_->reset(to_key(socket));
}

result<address> sim_poller::local_address(socket_id socket) const noexcept {
  const socket_slot* s = sockets_.find(socket.index, socket.generation);
  if (s == nullptr) return error(errc::bad_handle, "local_address");
  const endpoint* e = net_->find(s->key);
  return e->local;
}

result<address> sim_poller::peer_address(socket_id socket) const noexcept {
  const socket_slot* s = sockets_.find(socket.index, socket.generation);
  if (s == nullptr) return error(errc::bad_handle, "peer_address");
  const endpoint* e = net_->find(s->key);
  if (e->at != phase::connected) return error(errc::not_connected, "peer_address");
  return e->remote;
}

error sim_poller::shut_send(socket_id socket) noexcept {
  endpoint* e = nullptr;
  error why;
  const socket_slot* s = find(socket, &e, &why, "shut_send");
  if (s == nullptr) return why;
  notice(socket);  // a send under way ends: broken_pipe
  return net_->shut(s->key);
}

void sim_poller::end_socket(socket_id socket, bool hard) noexcept {
  socket_slot* s = sockets_.find(socket.index, socket.generation);
  if (s == nullptr) return;
  const socket_slot was = *s;
  if (was.reading.valid()) ask(was.reading, true);
  if (was.writing.valid()) ask(was.writing, true);
  sockets_.free(socket.index);
  counters_.sockets_open = sockets_.used();
  net_->note(hard ? "reset" : "close", was.key, 0);
  if (net_->options.planted == sim_bug::stale_generation) {
    // One last event of the dead socket, on its way while the slot may get a new tenant.
    net_->schedule(net_->bug_roll.between(0, 500 * millisecond_ns), {.what = event::kind::stale,
                                                                     .poller = position_,
                                                                     .index = socket.index,
                                                                     .extra = socket.generation});
  }
  hard ? net_->reset(was.key) : net_->close(was.key);
}

// Calls that finish at once. ---------------------------------------------------------------------

result<std::size_t> sim_poller::try_receive(socket_id socket, byte_span into) noexcept {
  endpoint* e = nullptr;
  error why;
  const socket_slot* s = find(socket, &e, &why, "try_receive");
  if (s == nullptr) return why;
  if (into.empty()) return error(errc::invalid, "try_receive");
  const sim_options& o = net_->options;
  if (e->unread() > 0 && net_->roll.chance(o.would_block_permille)) {
    return error(errc::would_block, "try_receive");
  }
  operation op{.what = kind::receive, .into = into.data(), .size = into.size()};
  const outcome end = attempt(op, s->key);
  if (!end.done) return error(errc::would_block, "try_receive");
  if (end.why) return end.why;
  return static_cast<std::size_t>(end.value);
}

result<std::size_t> sim_poller::try_send(socket_id socket,
                                         std::span<const byte_view> parts) noexcept {
  endpoint* e = nullptr;
  error why;
  const socket_slot* s = find(socket, &e, &why, "try_send");
  if (s == nullptr) return why;
  if (const error over = net_->send_trouble(*e)) return over;
  const sim_options& o = net_->options;
  if (net_->roll.chance(o.would_block_permille)) return error(errc::would_block, "try_send");
  parts = parts.first(std::min(parts.size(), parts_max));
  std::string all;
  const std::size_t room = net_->room(*e);
  std::size_t asked = 0;
  for (const byte_view part : parts) {
    asked += part.size();
    all += as_text(part.first(std::min(part.size(), room - all.size())));
  }
  if (asked == 0) return std::size_t{0};
  if (all.size() > 1 && net_->roll.chance(o.short_send_permille)) {
    all.resize(1 + net_->roll.below(all.size() - 1));
  }
  if (all.empty()) {
    e->wants_room = true;
    return error(errc::would_block, "try_send");
  }
  const std::size_t taken = net_->transmit(s->key, all.data(), all.size());
  WEIR_ASSERT(taken == all.size());
  return taken;
}

result<native_socket> sim_poller::try_accept(socket_id listener, address* peer) noexcept {
  endpoint* e = nullptr;
  error why;
  const socket_slot* s = find(listener, &e, &why, "try_accept");
  if (s == nullptr) return why;
  if (e->at != phase::listening) return error(errc::invalid, "try_accept");
  const result<endpoint_key> key = net_->take_connection(s->key);
  if (!key) return key.why();
  if (peer != nullptr) *peer = net_->find(key.value())->remote;
  return to_native(key.value());
}

// Started operations. ----------------------------------------------------------------------------

started sim_poller::accept(socket_id listener, address* peer, void* context) noexcept {
  return begin(listener, {.what = kind::accept, .context = context, .peer = peer});
}

started sim_poller::wait_readable(socket_id socket, void* context) noexcept {
  return begin(socket, {.what = kind::wait_readable, .context = context});
}

started sim_poller::receive(socket_id socket, byte_span into, void* context) noexcept {
  if (into.empty()) return {.why = error(errc::invalid, "receive")};
  return begin(
      socket,
      {.what = kind::receive, .context = context, .into = into.data(), .size = into.size()});
}

started sim_poller::send(socket_id socket, byte_view bytes, void* context) noexcept {
  if (bytes.empty()) return {.why = error(errc::invalid, "send")};
  return begin(
      socket, {.what = kind::send, .context = context, .size = bytes.size(), .from = bytes.data()});
}

started sim_poller::send_file(socket_id socket, const file& source, std::uint64_t offset,
                              std::uint64_t count, void* context) noexcept {
  if (!net_->options.send_file_supported) {
    return {.why = error(errc::not_supported, "send_file")};
  }
  if (count == 0) return {.why = error(errc::invalid, "send_file")};
  return begin(socket, {.what = kind::send_file,
                        .context = context,
                        .source = &source,
                        .offset = offset,
                        .count = count});
}

started sim_poller::connect(socket_id socket, const address& to, void* context) noexcept {
  endpoint* e = nullptr;
  error why;
  const socket_slot* s = find(socket, &e, &why, "connect");
  if (s == nullptr) return {.why = why};
  if (e->at == phase::connected) return {.why = error(errc::already_connected, "connect")};
  if (e->at == phase::connecting) return {.why = error(errc::in_progress, "connect")};
  if (e->at != phase::fresh) return {.why = error(errc::invalid, "connect")};
  const endpoint_key key = s->key;
  const started begun = begin(socket, {.what = kind::connect, .context = context});
  if (begun.pending()) net_->start_connect(key, to);
  return begun;
}

// Files the operation; finishes it at once where the readiness model would.
started sim_poller::begin(socket_id socket, const operation& asked) noexcept {
  const char* where = name_of(asked.what);
  endpoint* e = nullptr;
  error why;
  socket_slot* s = find(socket, &e, &why, where);
  if (s == nullptr) return {.why = why};
  if ((e->at == phase::listening) != (asked.what == kind::accept)) {
    return {.why = error(errc::invalid, where)};
  }
  operation_id& under_way = reads(asked.what) ? s->reading : s->writing;
  if (under_way.valid()) return {.why = error(errc::in_progress, where)};

  operation first = asked;
  first.socket = socket;
  const bool again = asked.what != kind::connect && !kernel();
  if (again) {
    const outcome end = attempt(first, s->key);
    if (end.done) return {.value = end.value, .why = end.why};
  }
  operation_id id;
  operation* op = operations_.take(id.index, id.generation);
  if (op == nullptr) return {.why = error(errc::limit, "operations_max")};
  *op = std::move(first);
  under_way = id;
  ++counters_.operations;
  ++counters_.operations_open;
  if (kernel()) {
    seal(*op);
    if (op->what == kind::receive) receives_.push_back(id);
    if (op->what != kind::connect) {
      net_->schedule(0, {.what = event::kind::operation,
                         .poller = position_,
                         .index = id.index,
                         .extra = id.generation});
    }
  }
  if (op->what == kind::wait_readable && net_->roll.chance(net_->options.early_readable_permille)) {
    const time_ns delay_ns = net_->roll.between(0, 4 * net_->options.latency_max_ns);
    net_->schedule(delay_ns, {.what = event::kind::early,
                              .poller = position_,
                              .index = id.index,
                              .extra = id.generation});
  }
  return {.id = id};
}

// Does the work of an operation if the network allows it now.
sim_poller::outcome sim_poller::attempt(operation& op, endpoint_key key) {
  endpoint& e = *net_->find(key);
  const sim_options& o = net_->options;
  switch (op.what) {
    case kind::accept: {
      const result<endpoint_key> taken = net_->take_connection(key);
      if (!taken) {
        if (taken.why() == errc::would_block) return {};
        return {.done = true, .why = taken.why()};
      }
      if (op.peer != nullptr) *op.peer = net_->find(taken.value())->remote;
      return {.done = true, .value = taken.value()};
    }
    case kind::connect:
      if (e.at == phase::connected) return {.done = true};
      if (e.at == phase::failed) return {.done = true, .why = e.connect_error};
      return {};
    case kind::wait_readable:
      if (e.at == phase::fresh) return {.done = true, .why = error(errc::not_connected, "poll")};
      return {.done = e.readable()};
    case kind::receive: {
      if (e.at == phase::fresh || e.at == phase::connecting) {
        return {.done = true, .why = error(errc::not_connected, "receive")};
      }
      if (e.at == phase::failed) return {.done = true, .why = e.connect_error};
      if (e.unread() > 0) {
        std::size_t n = std::min(op.size, e.unread());
        if (n > 1 && net_->roll.chance(o.short_receive_permille)) n = 1 + net_->roll.below(n - 1);
        check_seal(op);
        n = net_->take(key, reinterpret_cast<char*>(op.into), n);
        return {.done = true, .value = n};
      }
      if (e.rst_seen) return {.done = true, .why = error(errc::reset, "receive")};
      if (e.fin_seen) return {.done = true, .why = error(errc::eof, "receive")};
      return {};
    }
    case kind::send: {
      if (const error over = net_->send_trouble(e)) return {.done = true, .why = over};
      std::size_t n = op.size;
      if (n > 1 && net_->roll.chance(o.short_send_permille)) n = 1 + net_->roll.below(n - 1);
      if (net_->room(e) == 0) {
        e.wants_room = true;
        return {};
      }
      check_seal(op);
      n = net_->transmit(key, reinterpret_cast<const char*>(op.from), n);
      return {.done = true, .value = n};
    }
    case kind::send_file: {
      if (const error over = net_->send_trouble(e)) return {.done = true, .why = over};
      std::size_t n = std::min(net_->room(e), file_piece_bytes_max);
      if (n == 0) {
        e.wants_room = true;
        return {};
      }
      n = static_cast<std::size_t>(std::min<std::uint64_t>(n, op.count));
      if (n > 1 && net_->roll.chance(o.short_send_permille)) n = 1 + net_->roll.below(n - 1);
      std::string piece(n, '\0');
      const result<std::size_t> got =
          op.source->read_at(op.offset, {reinterpret_cast<std::byte*>(piece.data()), piece.size()});
      if (!got) return {.done = true, .why = got.why()};
      if (got.value() == 0) return {.done = true, .why = error(errc::eof, "send_file")};
      n = net_->transmit(key, piece.data(), got.value());
      return {.done = true, .value = n};
    }
  }
  return {};
}

void sim_poller::advance(operation_id id) {
  operation* op = operations_.find(id.index, id.generation);
  if (op == nullptr || op->ended || op->stuck) return;
  const socket_slot* s = sockets_.find(op->socket.index, op->socket.generation);
  if (s == nullptr) return;  // closed: only the cancel ends it now
  if (op->what == kind::wait_readable && net_->find(s->key)->readable() &&
      net_->bug(sim_bug::lost_wake)) {
    return;
  }
  const outcome end_of_it = attempt(*op, s->key);
  if (end_of_it.done) end(id, end_of_it.value, end_of_it.why);
}

void sim_poller::service(socket_id socket) {
  const socket_slot* s = sockets_.find(socket.index, socket.generation);
  if (s == nullptr) {
    ++counters_.stale_events;
    meet_successor(socket);
    return;
  }
  const socket_slot now = *s;
  if (now.reading.valid()) advance(now.reading);
  if (now.writing.valid()) advance(now.writing);
}

// The planted bug of P16: the slot's next tenant gets the news of the dead one.
void sim_poller::meet_successor(socket_id dead) {
  bool hit = false;
  socket_slot tenant;
  sockets_.each([&](std::uint32_t index, std::uint32_t, socket_slot& s) {
    if (index != dead.index) return;
    hit = true;
    tenant = s;
  });
  if (!hit) return;
  const operation_id victim = tenant.reading.valid() ? tenant.reading : tenant.writing;
  const operation* op = operations_.find(victim.index, victim.generation);
  if (op == nullptr || op->ended || op->stuck) return;
  if (!net_->bug(sim_bug::stale_generation)) return;
  end(victim, 0, error(errc::cancelled, "stale"));
}

void sim_poller::end(operation_id id, std::uint64_t value, error why) {
  operation* op = operations_.find(id.index, id.generation);
  WEIR_ASSERT(op != nullptr);
  WEIR_ASSERT(!op->ended);
  op->ended = true;
  check_seal(*op);
  if (socket_slot* s = sockets_.find(op->socket.index, op->socket.generation)) {
    operation_id& under_way = reads(op->what) ? s->reading : s->writing;
    if (under_way == id) under_way = {};
  }
  ready_.push_back({id, {.context = op->context, .value = value, .why = why}});
}

void sim_poller::look_again(operation_id id) {
  advance(id);
}

void sim_poller::end_early(operation_id id) {
  const operation* op = operations_.find(id.index, id.generation);
  if (op == nullptr || op->ended || op->stuck || op->asked) return;
  end(id, 0, {});
}

}  // namespace weir::platform::sim
