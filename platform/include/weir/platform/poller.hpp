// platform/poller.hpp - the contract every operating-system backend meets.
//
//   backend   files                              kernel API   model       wake-up
//   epoll     src/readiness_poller.*, src/epoll  epoll        readiness   eventfd
//   kqueue    src/readiness_poller.*, src/kqueue kqueue       readiness   EVFILT_USER
//   iocp      src/iocp                           IOCP         completion  posted packet
//   sim       src/sim                            none         scripted    none (virtual time)
//
// All of them give their caller the same promise, and it is the completion one: start an
// operation, keep its memory alive, get exactly one completion. Readiness stays inside a backend.
// A new backend supplies one class derived from `poller` and makes tests/platform/contract pass.
//
// The contract. Each sentence has a number, and a test of that number.
//
//  Calls that finish at once: try_receive, try_send, try_accept
//   P1  They never block; with nothing to do they say errc::would_block.
//   P2  The memory they are given is theirs for the call only.
//   P3  try_send takes its parts in order, as if they were one, and says how many bytes it took.
//   P4  try_receive says errc::eof once the peer has ended its side and every byte was read, and
//       says so again when asked again.
//
//  Started operations: accept, connect, wait_readable, receive, send, send_file
//   P5  Memory given to a started operation is the kernel's from the start to its completion.
//   P6  A started operation ends in exactly one way: it finishes at the start and posts nothing,
//       or it is pending and posts exactly one completion, with the context it was started with.
//   P7  cancel() asks. The completion still comes: errc::cancelled, or what happened first.
//   P8  A success that races a cancel is delivered: bytes received are handed over, and a socket
//       that was accepted is adopted or discarded by whoever gets it.
//   P9  Cancelling what has already ended, or never was, is normal and does nothing.
//   P10 A send that was cancelled may have sent any part of its bytes: the stream is over and may
//       only be closed.
//   P11 wait_readable ends when try_receive would say something other than errc::would_block. It
//       may end early; it never misses bytes, the end of the stream or an error.
//   P12 A receive ends with at least one byte or an error (errc::eof included); a send or
//       send_file ends when at least one byte was taken, and says how many.
//   P13 A socket has one operation under way in each direction; a second one is errc::in_progress.
//       accept, receive and wait_readable read; connect, send and send_file write.
//   P25 To ask for nothing is errc::invalid: an empty span to try_receive, receive or send, a count
//       of 0 to send_file. try_send of nothing sends nothing.
//
//  Closing
//   P14 close() and reset() make a socket id stale at once and cancel what it has under way; the
//       completions still come. Using a stale id is errc::bad_handle, and touches nothing.
//   P15 close() ends the stream in order; reset() makes the peer see errc::reset.
//   P16 An event of a dead socket never reaches its successor in the same slot: it is counted in
//       `poller_counters::stale_events` and dropped.
//
//  Waiting
//   P17 wait() returns when a completion is there, when its due time has come, or after wake();
//       never before, never with more completions than asked for.
//   P18 wake() may be called from any thread, at any time while the poller lives, and makes the
//       current or the next wait() return. It is the only call that is legal from another thread.
//   P19 Completions that did not fit are kept and delivered by the next wait().
//
//  Bounds and errors
//   P20 The tables are bounded: an operation or socket too many is errc::limit, named.
//   P21 No call raises a signal in the process or changes how the process handles signals.
//   P22 accept reports trouble (errc::handles_exhausted, errc::aborted ...) as its completion and
//       can be started again; the listener stays open.
//   P23 Sockets are never inherited by child processes, and streams send without delay.
//   P24 close_all() cancels everything and waits for the completions under a bound. A slot whose
//       completion never came is leaked, with its memory, and counted: never reused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <weir/platform/address.hpp>
#include <weir/platform/bytes.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/platform/time.hpp>

namespace weir {
class file;
}

namespace weir::platform {

// A socket as the system numbers it, owned by nobody yet: what accept() hands over. It has no tie
// to a poller, so another thread's poller may adopt it. Adopt it or discard it; it has no
// destructor.
enum class native_socket : std::intptr_t { none = -1 };

// A socket in one poller's table. A value: copying it copies the name, not the socket.
struct socket_id {
  std::uint32_t index = ~std::uint32_t{0};
  std::uint32_t generation = 0;

  bool valid() const noexcept { return index != ~std::uint32_t{0}; }
  friend bool operator==(const socket_id&, const socket_id&) = default;
};

// A pending operation in one poller's table: index and generation, never a pointer, so that a
// name that outlived its operation names nothing (P9).
struct operation_id {
  std::uint32_t index = ~std::uint32_t{0};
  std::uint32_t generation = 0;

  bool valid() const noexcept { return index != ~std::uint32_t{0}; }
  friend bool operator==(const operation_id&, const operation_id&) = default;
};

// The end of one pending operation.
struct completion {
  void* context = nullptr;  // as given at the start
  std::uint64_t value = 0;  // bytes (receive, send, send_file) or the native_socket (accept)
  error why{};
};

// What starting an operation says: pending with an id, or finished with its outcome (P6).
struct [[nodiscard]] started {
  operation_id id{};        // valid while pending
  std::uint64_t value = 0;  // as in completion, when finished
  error why{};

  bool pending() const noexcept { return id.valid(); }
};

struct listen_options {
  // Connections the system may queue before we accept them; more are refused or dropped by it.
  int backlog = 1024;
  // IPv6 only: false makes `[::]` serve IPv4 too, on every system and whatever its default.
  bool v6_only = false;
  // Let several sockets share the port and have the system spread connections over them. Linux
  // only; elsewhere errc::not_supported, because other systems make no promise to spread.
  bool share_port = false;
};

struct poller_options {
  std::uint32_t sockets_max = 65'536;      // slots are allocated in blocks as they are needed
  std::uint32_t operations_max = 131'072;  // two for each socket
};

// Counts since the poller was opened. Read on the poller's thread.
struct poller_counters {
  std::uint64_t stale_events = 0;     // dropped by generation (P16)
  std::uint64_t waits = 0;            // calls of wait()
  std::uint64_t wakes = 0;            // waits ended by wake()
  std::uint64_t operations = 0;       // operations that were pending
  std::uint32_t operations_open = 0;  // pending now
  std::uint32_t sockets_open = 0;     // in the table now
  std::uint32_t slots_leaked = 0;     // see P24
};

// One thread's view of the network. Not thread-safe but for wake(). Every socket and operation of
// a poller ends before the poller does: its destructor calls close_all() with a bound of a second.
class WEIR_EXPORT poller {
 public:
  poller() = default;
  poller(const poller&) = delete;
  poller& operator=(const poller&) = delete;
  virtual ~poller() = default;

  // The backend's name: "epoll", "kqueue", "iocp", "sim". Static storage.
  virtual const char* name() const noexcept = 0;
  // The monotonic clock, read afresh: virtual time in the simulator.
  virtual time_ns now_ns() const noexcept = 0;
  // As clock::tick_ns().
  virtual time_ns tick_ns() const noexcept { return now_ns(); }
  // Seconds since 1970 on the wall clock, for dates; virtual in the simulator.
  virtual std::int64_t unix_seconds() const noexcept = 0;
  virtual const poller_counters& counters() const noexcept = 0;
  // True in the simulator: time moves only when nothing else can, so nothing may wait for it on a
  // thread.
  virtual bool virtual_time() const noexcept { return false; }

  // Sockets. ------------------------------------------------------------------------------------

  // Binds and listens. A Unix path that holds a socket nobody listens on any more is taken over; a
  // path that holds anything else is errc::exists and is left alone; close() removes the path.
  virtual result<socket_id> listen(const address& at, const listen_options& options) noexcept = 0;
  // An unconnected stream for connect() to `to`.
  virtual result<socket_id> open_stream(const address& to) noexcept = 0;
  // Takes ownership of an accepted socket, whatever the outcome: on failure it is closed.
  virtual result<socket_id> adopt(native_socket socket) noexcept = 0;
  // Closes an accepted socket that nobody adopts, by reset: nothing was promised to its peer.
  virtual void discard(native_socket socket) noexcept = 0;

  virtual result<address> local_address(socket_id socket) const noexcept = 0;
  virtual result<address> peer_address(socket_id socket) const noexcept = 0;

  // Ends our sending side in order (FIN); receiving goes on.
  virtual error shut_send(socket_id socket) noexcept = 0;
  virtual void close(socket_id socket) noexcept = 0;
  virtual void reset(socket_id socket) noexcept = 0;

  // Calls that finish at once. -------------------------------------------------------------------

  virtual result<std::size_t> try_receive(socket_id socket, byte_span into) noexcept = 0;
  // At most 64 parts are looked at in one call.
  virtual result<std::size_t> try_send(socket_id socket,
                                       std::span<const byte_view> parts) noexcept = 0;
  // The same where a send, send_file, shut_send or close follows at once: the system may keep these
  // bytes until then, so that a head and the file behind it share a packet, or a last answer and
  // its FIN. One that cannot sends them as they are.
  virtual result<std::size_t> try_send_more(socket_id socket,
                                            std::span<const byte_view> parts) noexcept {
    return try_send(socket, parts);
  }
  // For a listener that is about to close: takes what the system has queued.
  virtual result<native_socket> try_accept(socket_id listener, address* peer) noexcept = 0;

  // Started operations. `context` comes back with the completion and is not looked at. ------------

  // `peer` (may be null) receives the peer's address before the completion.
  virtual started accept(socket_id listener, address* peer, void* context) noexcept = 0;
  virtual started connect(socket_id socket, const address& to, void* context) noexcept = 0;
  virtual started wait_readable(socket_id socket, void* context) noexcept = 0;
  virtual started receive(socket_id socket, byte_span into, void* context) noexcept = 0;
  virtual started send(socket_id socket, byte_view bytes, void* context) noexcept = 0;
  // Sends `count` bytes of `source` from `offset`, or the first part of them. The file stays open
  // and unmoved until the completion. errc::eof: the file ends before `offset`;
  // errc::not_supported: this pair of file and socket needs read and send instead.
  virtual started send_file(socket_id socket, const file& source, std::uint64_t offset,
                            std::uint64_t count, void* context) noexcept = 0;
  virtual void cancel(operation_id operation) noexcept = 0;

  // Waiting. -------------------------------------------------------------------------------------

  // Waits for completions until `due_ns` on now_ns()'s clock (never_ns: without end; the past:
  // looks and returns). Returns how many were written to `out`; 0 after a due time or a wake. An
  // error means that the poller is broken: errc::bad_handle when its queue was closed under it,
  // errc::deadlock in the simulator.
  virtual result<std::size_t> wait(std::span<completion> out, time_ns due_ns) noexcept = 0;
  virtual void wake() noexcept = 0;

  // Cancels and closes everything, and waits at most `bound_ns` for the completions, whose contexts
  // are not reported: whoever started them is gone. Returns how many slots were leaked.
  virtual std::uint32_t close_all(time_ns bound_ns) noexcept = 0;
};

// Opens the backend this build was configured for (-DWEIR_POLLER=epoll|kqueue|iocp|sim; the
// system's own by default). Errors: errc::handles_exhausted, errc::memory_exhausted.
WEIR_EXPORT result<std::unique_ptr<poller>> open_poller(const poller_options& options) noexcept;

}  // namespace weir::platform
