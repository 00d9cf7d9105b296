// platform/readiness_poller.hpp - the poller contract over a kernel that reports readiness.
//
// Shared by epoll and kqueue; `Queue` is the part that differs (readiness_queue.hpp). The recipe
// is the same for each operation: try the call; when it would block, park the operation in
// its socket's slot; when the kernel says ready, try again and complete.
//
//   a socket's reading side:   idle --start--> parked --event, cancel, close--> completed
//   `readable` remembers an event that found nothing parked: edge-triggered kernels say it once.
//
// Do not break: `readable` may be cleared only after a call that emptied the socket (it said
// would_block, or gave less than asked while no hang-up is queued): otherwise the end of a stream
// that arrived together with its last bytes is never seen (P11).
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <new>
#include <utility>

#include <weir/platform/assert.hpp>
#include <weir/platform/clock.hpp>
#include <weir/platform/poller.hpp>

#include "posix/socket_calls.hpp"
#include "readiness_queue.hpp"
#include "slot_table.hpp"

namespace weir::platform {

template <readiness_queue Queue>
class readiness_poller final : public poller {
 public:
  explicit readiness_poller(const poller_options& options)
      : sockets_(options.sockets_max), operations_(options.operations_max) {}
  ~readiness_poller() override { static_cast<void>(close_all(second_ns)); }

  error open() noexcept { return queue_.open(); }

  const char* name() const noexcept override { return Queue::name; }
  time_ns now_ns() const noexcept override { return system_clock().now_ns(); }
  time_ns tick_ns() const noexcept override { return system_clock().tick_ns(); }
  std::int64_t unix_seconds() const noexcept override { return system_clock().unix_seconds(); }
  const poller_counters& counters() const noexcept override { return counters_; }

  result<socket_id> listen(const address& at, const listen_options& options) noexcept override {
    result<int> fd = posix::listen(at, options);
    if (!fd.ok()) return fd.why();
    return enter(fd.value(), true);
  }

  result<socket_id> open_stream(const address& to) noexcept override {
    result<int> fd = posix::open_stream(to);
    if (!fd.ok()) return fd.why();
    return enter(fd.value(), false);
  }

  result<socket_id> adopt(native_socket socket) noexcept override {
    return enter(static_cast<int>(socket), false);
  }

  void discard(native_socket socket) noexcept override { posix::reset(static_cast<int>(socket)); }

  result<address> local_address(socket_id socket) const noexcept override {
    const socket_slot* s = find(socket);
    if (s == nullptr) return stale("local_address");
    return posix::local_address(s->fd);
  }

  result<address> peer_address(socket_id socket) const noexcept override {
    const socket_slot* s = find(socket);
    if (s == nullptr) return stale("peer_address");
    return posix::peer_address(s->fd);
  }

  error shut_send(socket_id socket) noexcept override {
    const socket_slot* s = find(socket);
    return s == nullptr ? stale("shut_send") : posix::shut_send(s->fd);
  }

  void close(socket_id socket) noexcept override {
    socket_slot* const s = find(socket);
    if (s == nullptr) return;
    leave(socket, *s);
    if (s->listener) posix::remove_listener_path(s->fd);
    posix::close(s->fd);
    forget(socket);
  }

  void reset(socket_id socket) noexcept override {
    socket_slot* const s = find(socket);
    if (s == nullptr) return;
    leave(socket, *s);
    if (s->listener) posix::remove_listener_path(s->fd);
    posix::reset(s->fd);
    forget(socket);
  }

  result<std::size_t> try_receive(socket_id socket, byte_span into) noexcept override {
    socket_slot* const s = find(socket);
    if (s == nullptr) return stale("recv");
    return receive_now(*s, into);
  }

  result<std::size_t> try_send(socket_id socket,
                               std::span<const byte_view> parts) noexcept override {
    socket_slot* const s = find(socket);
    if (s == nullptr) return stale("send");
    return posix::send(s->fd, parts);
  }

  result<std::size_t> try_send_more(socket_id socket,
                                    std::span<const byte_view> parts) noexcept override {
    socket_slot* const s = find(socket);
    if (s == nullptr) return stale("send");
    return posix::send(s->fd, parts, posix::more_follows::yes);
  }

  result<native_socket> try_accept(socket_id listener, address* peer) noexcept override {
    socket_slot* const s = find(listener);
    if (s == nullptr) return stale("accept");
    result<int> fd = posix::accept(s->fd, peer);
    if (!fd.ok()) return fd.why();
    return static_cast<native_socket>(fd.value());
  }

  started accept(socket_id listener, address* peer, void* context) noexcept override {
    operation_slot op{kind::accept, context};
    op.peer = peer;
    // Not tried at the start: the level-triggered listener reports what is queued in the next
    // wait, and a try that finds nothing would be a system call for each connection.
    return start(listener, op, false);
  }

  started connect(socket_id socket, const address& to, void* context) noexcept override {
    socket_slot* const s = find(socket);
    if (s == nullptr) return finished(stale("connect"));
    if (s->writer != none) return finished(error(errc::in_progress, "connect"));
    const error why = posix::connect(s->fd, to);
    if (why.code != errc::in_progress) return finished(why);
    return start(socket, operation_slot{kind::connect, context}, false);
  }

  started wait_readable(socket_id socket, void* context) noexcept override {
    return start(socket, operation_slot{kind::wait_readable, context}, true);
  }

  started receive(socket_id socket, byte_span into, void* context) noexcept override {
    if (into.empty()) return finished(error(errc::invalid, "recv"));  // could never end (P12)
    operation_slot op{kind::receive, context};
    op.into = into.data();
    op.size = into.size();
    return start(socket, op, true);
  }

  started send(socket_id socket, byte_view bytes, void* context) noexcept override {
    if (bytes.empty()) return finished(error(errc::invalid, "send"));
    operation_slot op{kind::send, context};
    op.from = bytes.data();
    op.size = bytes.size();
    return start(socket, op, true);
  }

  started send_file(socket_id socket, const file& source, std::uint64_t offset, std::uint64_t count,
                    void* context) noexcept override {
    if (count == 0) return finished(error(errc::invalid, "send_file"));
    operation_slot op{kind::send_file, context};
    op.source = &source;
    op.offset = offset;
    op.size = count;
    return start(socket, op, true);
  }

  void cancel(operation_id operation) noexcept override {
    operation_slot* const op = operations_.find(operation.index, operation.generation);
    if (op == nullptr || op->state != state::parked) return;
    complete(operation.index, *op, 0, error(errc::cancelled, "cancel"));
  }

  result<std::size_t> wait(std::span<completion> out, time_ns due_ns) noexcept override {
    ++counters_.waits;
    out_ = out;
    filled_ = 0;
    deliver_kept();
    result<std::size_t> outcome = collect(due_ns);
    out_ = {};
    return outcome;
  }

  void wake() noexcept override { queue_.wake(); }

  std::uint32_t close_all(time_ns) noexcept override {
    // A readiness kernel owns no memory of ours: everything completes here and now.
    sockets_.each([this](std::uint32_t index, std::uint32_t generation, socket_slot&) {
      close(socket_id{index, generation});
    });
    operations_.each([this](std::uint32_t index, std::uint32_t, operation_slot& op) {
      // Nobody is left to adopt what an accept brought.
      if (op.what == kind::accept && !op.why) discard(static_cast<native_socket>(op.value));
      operations_.free(index);
    });
    first_kept_ = last_kept_ = none;
    counters_.operations_open = 0;
    return counters_.slots_leaked;
  }

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  enum class kind : std::uint8_t { accept, connect, wait_readable, receive, send, send_file };
  enum class state : std::uint8_t {
    parked,  // in its socket's slot, waiting for an event
    kept,    // complete, in the list of completions that did not fit or came outside a wait
  };

  struct socket_slot {
    int fd = -1;
    std::uint32_t reader = none;  // operation slots, by index
    std::uint32_t writer = none;
    bool listener = false;
    bool watched = false;  // the queue knows the descriptor
    bool watched_writes = false;
    bool readable = false;     // an event came and nothing has emptied the socket since
    bool hangup = false;       // ... and the end of the stream is queued behind the bytes
    bool stops_short = false;  // the peer sends urgent bytes: a short receive did not empty it
    bool paused = false;       // listener only: told the queue to say nothing
  };

  struct operation_slot {
    operation_slot() = default;
    operation_slot(kind w, void* c) : context(c), what(w) {}

    // Every idle connection holds one: what only one kind or one state needs shares its place.
    void* context = nullptr;
    union {
      std::byte* into = nullptr;  // receive
      const std::byte* from;      // send
      const file* source;         // send_file
      address* peer;              // accept
    };
    std::uint64_t offset = 0;
    union {
      std::uint64_t size = 0;  // parked
      std::uint64_t value;     // kept: the outcome
    };
    error why{};
    std::uint32_t socket = none;
    std::uint32_t next_kept = none;
    kind what = kind::accept;
    enum state state = state::parked;
  };

  static started finished(error why) noexcept { return started{{}, 0, why}; }
  static started finished(std::uint64_t value, error why) noexcept {
    return started{{}, value, why};
  }
  static error stale(const char* where) noexcept { return error(errc::bad_handle, where); }
  static bool reads(kind what) noexcept {
    return what == kind::accept || what == kind::wait_readable || what == kind::receive;
  }
  static std::uint64_t token_of(std::uint32_t index, std::uint32_t generation) noexcept {
    return std::uint64_t{generation} << 32 | index;
  }

  socket_slot* find(socket_id socket) noexcept {
    return sockets_.find(socket.index, socket.generation);
  }
  const socket_slot* find(socket_id socket) const noexcept {
    return sockets_.find(socket.index, socket.generation);
  }

  result<socket_id> enter(int fd, bool listener) noexcept {
    socket_id id;
    socket_slot* const s = sockets_.take(id.index, id.generation);
    if (s == nullptr) {
      posix::close(fd);
      return error(errc::limit, "sockets_max");
    }
    s->fd = fd;
    s->listener = listener;
    counters_.sockets_open = sockets_.used();
    return id;
  }

  void leave(socket_id, socket_slot& s) noexcept {
    for (const std::uint32_t index : {s.reader, s.writer}) {
      if (index == none) continue;
      complete_at(index, 0, error(errc::cancelled, "close"));
    }
  }

  void forget(socket_id socket) noexcept {
    sockets_.free(socket.index);
    counters_.sockets_open = sockets_.used();
  }

  result<std::size_t> receive_now(socket_slot& s, byte_span into) noexcept {
    result<std::size_t> got = posix::receive(s.fd, into);
    const bool emptied =
        got.ok() ? got.value() < into.size() && !s.stops_short : got.why() == errc::would_block;
    if (emptied && !s.hangup) s.readable = false;
    return got;
  }

  // One try at an operation. errc::would_block: park it.
  result<std::uint64_t> attempt(socket_slot& s, const operation_slot& op) noexcept {
    switch (op.what) {
      case kind::accept: {
        result<int> fd = posix::accept(s.fd, op.peer);
        if (!fd.ok()) return fd.why();
        return static_cast<std::uint64_t>(fd.value());
      }
      case kind::connect: {
        const error why = posix::connect_outcome(s.fd);
        if (why) return why;
        return std::uint64_t{0};
      }
      case kind::wait_readable:
        if (!s.readable) return error(errc::would_block, "wait_readable");
        return std::uint64_t{0};
      case kind::receive: return widen(receive_now(s, {op.into, op.size}));
      case kind::send: {
        const byte_view whole{op.from, op.size};
        return widen(posix::send(s.fd, {&whole, 1}));
      }
      case kind::send_file: return widen(posix::send_file(s.fd, *op.source, op.offset, op.size));
    }
    WEIR_ASSERT(false);  // every kind is handled above
    return error(errc::invalid, "operation");
  }

  static result<std::uint64_t> widen(result<std::size_t> narrow) noexcept {
    if (!narrow.ok()) return narrow.why();
    return std::uint64_t{narrow.value()};
  }

  started start(socket_id socket, const operation_slot& op, bool try_now) noexcept {
    socket_slot* const s = find(socket);
    if (s == nullptr) return finished(stale("start"));
    std::uint32_t& side = reads(op.what) ? s->reader : s->writer;
    if (side != none) return finished(error(errc::in_progress, "start"));
    if (try_now) {
      result<std::uint64_t> outcome = attempt(*s, op);
      if (outcome.ok()) return finished(outcome.value(), {});
      if (outcome.why().code != errc::would_block) return finished(outcome.why());
    }
    operation_id id;
    operation_slot* const slot = operations_.take(id.index, id.generation);
    if (slot == nullptr) return finished(error(errc::limit, "operations_max"));
    *slot = op;
    slot->socket = socket.index;
    if (error why = watch(socket, *s, !reads(op.what))) {
      operations_.free(id.index);
      return finished(why);
    }
    side = id.index;
    ++counters_.operations;
    ++counters_.operations_open;
    return started{id, 0, {}};
  }

  error watch(socket_id socket, socket_slot& s, bool writes) noexcept {
    const std::uint64_t token = token_of(socket.index, socket.generation);
    error why{};
    if (s.listener) {
      if (!s.watched) why = queue_.watch_listener(s.fd, token);
      if (s.paused) why = queue_.resume_listener(s.fd, token);
      if (!why) s.paused = false;
    } else if (!s.watched) {
      why = queue_.watch_stream(s.fd, token, writes);
      if (writes && !why) s.watched_writes = true;
    } else if (writes && !s.watched_writes) {
      why = queue_.add_writes(s.fd, token);
      if (!why) s.watched_writes = true;
    }
    // Remembered only when the kernel agreed: the next operation would otherwise wait for events
    // that never come.
    if (!why) s.watched = true;
    return why;
  }

  void complete_at(std::uint32_t index, std::uint64_t value, error why) noexcept {
    operation_slot* const op = &slot_at(index);
    complete(index, *op, value, why);
  }

  operation_slot& slot_at(std::uint32_t index) noexcept { return operations_.used_at(index); }

  // Ends an operation: into the caller's span while a wait has room there, else kept.
  void complete(std::uint32_t index, operation_slot& op, std::uint64_t value, error why) noexcept {
    WEIR_ASSERT(op.state == state::parked);
    socket_slot& s = sockets_.used_at(op.socket);
    std::uint32_t& side = reads(op.what) ? s.reader : s.writer;
    WEIR_ASSERT(side == index);
    side = none;
    if (filled_ < out_.size()) {
      hand_over(index, op.context, value, why);
      return;
    }
    op.state = state::kept;
    op.value = value;
    op.why = why;
    op.next_kept = none;
    if (last_kept_ == none) {
      first_kept_ = index;
    } else {
      slot_at(last_kept_).next_kept = index;
    }
    last_kept_ = index;
  }

  void hand_over(std::uint32_t index, void* context, std::uint64_t value, error why) noexcept {
    out_[filled_++] = completion{context, value, why};
    operations_.free(index);
    --counters_.operations_open;
  }

  void deliver_kept() noexcept {
    while (first_kept_ != none && filled_ < out_.size()) {
      const std::uint32_t index = first_kept_;
      operation_slot& op = slot_at(index);
      first_kept_ = op.next_kept;
      if (first_kept_ == none) last_kept_ = none;
      hand_over(index, op.context, op.value, op.why);
    }
  }

  result<std::size_t> collect(time_ns due_ns) noexcept {
    for (;;) {
      const time_ns now = due_ns == never_ns ? 0 : now_ns();
      time_ns span = due_ns == never_ns ? never_ns : due_ns - now;
      if (filled_ > 0 || span < 0) span = 0;
      bool woken = false;
      result<std::size_t> got = queue_.wait(events_, span, woken);
      if (!got.ok() && got.why().code != errc::interrupted) {
        // What is in `out` already is answered first: its operations are gone. The queue stays
        // broken and the next wait says so.
        if (filled_ > 0) return filled_;
        return got;
      }
      const std::size_t count = got.ok() ? got.value() : 0;
      for (std::size_t i = 0; i < count; ++i) on_event(events_[i]);
      if (woken) ++counters_.wakes;
      const bool due = due_ns != never_ns && now_ns() >= due_ns;
      if (filled_ > 0 || woken || due) return filled_;
    }
  }

  void on_event(const ready_event& event) noexcept {
    const auto index = static_cast<std::uint32_t>(event.token);
    const auto generation = static_cast<std::uint32_t>(event.token >> 32);
    socket_slot* const s = sockets_.find(index, generation);
    if (s == nullptr) {
      ++counters_.stale_events;
      return;
    }
    const bool unattended = s->listener && s->reader == none;
    if (event.hangup) s->hangup = true;
    if (event.stops_short) s->stops_short = true;
    if (event.readable) {
      s->readable = true;
      advance(*s, s->reader);
    }
    if (event.writable) advance(*s, s->writer);
    if (unattended && !s->paused) {
      // Nobody accepts at the moment: a level-triggered listener would end every wait at once.
      s->paused = true;
      static_cast<void>(queue_.pause_listener(s->fd, event.token));
    }
  }

  void advance(socket_slot& s, std::uint32_t index) noexcept {
    if (index == none) return;
    operation_slot& op = slot_at(index);
    result<std::uint64_t> outcome = attempt(s, op);
    if (!outcome.ok() && outcome.why().code == errc::would_block) return;
    complete(index, op, outcome.ok() ? outcome.value() : 0, outcome.why());
  }

  Queue queue_;
  slot_table<socket_slot> sockets_;
  slot_table<operation_slot> operations_;
  std::array<ready_event, ready_events_max> events_{};
  std::span<completion> out_{};  // the caller's, during wait() only
  std::size_t filled_ = 0;
  std::uint32_t first_kept_ = none;
  std::uint32_t last_kept_ = none;
  poller_counters counters_;
};

template <readiness_queue Queue>
result<std::unique_ptr<poller>> open_readiness_poller(const poller_options& options) noexcept {
  std::unique_ptr<readiness_poller<Queue>> made(new (std::nothrow)
                                                    readiness_poller<Queue>(options));
  if (made == nullptr) return error(errc::memory_exhausted, "open_poller");
  if (error why = made->open()) return why;
  return std::unique_ptr<poller>(std::move(made));
}

}  // namespace weir::platform
