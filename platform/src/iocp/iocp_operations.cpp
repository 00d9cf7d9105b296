// platform/iocp/iocp_operations.cpp - starting operations, and what their packets mean.
#include <weir/platform/assert.hpp>
#include <weir/platform/error_map.hpp>
#include <weir/platform/file.hpp>

#include "iocp/iocp_poller.hpp"
#include "windows/last_error.hpp"

namespace weir::platform::iocp {

namespace {

// A send of many bytes completes when its last byte was taken, so progress is seen in steps of
// this size; and the system locks this much memory for it.
constexpr std::uint64_t send_bytes_max = 262'144;

started finished(error why) noexcept {
  return started{{}, 0, why};
}
started stale(const char* where) noexcept {
  return finished(error(errc::bad_handle, where));
}
started busy(const char* where) noexcept {
  return finished(error(errc::in_progress, where));
}

// Whether a stream that failed like this has nothing more to say.
bool ends_stream(errc code) noexcept {
  switch (code) {
    case errc::eof:
    case errc::reset:
    case errc::aborted:
    case errc::timed_out:
    case errc::unreachable:
    case errc::network_down: return true;
    default: return false;
  }
}

// The handle of an open file.
HANDLE handle_of(const file& source) noexcept {
  return reinterpret_cast<HANDLE>(source.native_handle());
}

}  // namespace

// A slot for one operation, entered as its socket's reader or writer.
result<iocp_poller::operation_slot*> iocp_poller::claim(socket_id id, kind what,
                                                        void* context) noexcept {
  socket_slot* const s = find(id);
  WEIR_ASSERT(s != nullptr);
  operation_id self;
  operation_slot* const op = operations_.take(self.index, self.generation);
  if (op == nullptr) return error(errc::limit, "operations_max");
  op->self = self;
  op->socket = id;
  op->context = context;
  op->what = what;
  (reads(what) ? s->reader : s->writer) = self;
  counters_.operations_open = operations_.used();
  return op;
}

void iocp_poller::release(operation_slot& op) noexcept {
  if (socket_slot* const s = find(op.socket)) (reads(op.what) ? s->reader : s->writer) = {};
  if (op.area != none) areas_.free(op.area);
  operations_.free(op.self.index);
  counters_.operations_open = operations_.used();
}

void iocp_poller::leak(operation_slot& op) noexcept {
  if (op.area != none) areas_.leak(op.area);
  operations_.leak(op.self.index);
  counters_.operations_open = operations_.used();
  ++counters_.slots_leaked;
}

// After the call that starts: `code` is 0 when it said success, else the last error.
started iocp_poller::begun(socket_slot& s, operation_slot& op, int code, DWORD bytes) noexcept {
  const bool pending = code == WSA_IO_PENDING || (code == 0 && !s.skips);
  if (pending) {
    ++counters_.operations;
    return started{op.self, 0, {}};
  }
  const outcome ended = conclude(op, code, bytes);
  release(op);
  return started{{}, ended.value, ended.why};
}

started iocp_poller::refused(operation_slot& op, error why) noexcept {
  release(op);
  return finished(why);
}

// What an operation came to. Its socket may be closed by now; the operation is still in its slot.
iocp_poller::outcome iocp_poller::conclude(operation_slot& op, int code, DWORD bytes) noexcept {
  const error why = code == 0 ? error{} : failure(op, code);
  socket_slot* const s = find(op.socket);
  switch (op.what) {
    case kind::accept: return conclude_accept(op, why);
    case kind::connect: return conclude_connect(op, why);
    case kind::wait_readable:
      if (s == nullptr || !why || !ends_stream(why.code)) return {0, why};
      // The error is what there is to read: the next receive reports it, as a kernel that speaks
      // of readiness would have it. (Winsock may report it only once.)
      s->ended = why;
      return {};
    case kind::receive: return conclude_receive(op, why, bytes);
    case kind::send:
    case kind::send_file: return {bytes, why};
  }
  WEIR_ASSERT(op.what <= kind::send_file);  // a kind without a case
  return {};
}

error iocp_poller::failure(const operation_slot& op, int code) const noexcept {
  constexpr const char* names[] = {"accept", "connect", "recv", "recv", "send", "sendfile"};
  const char* const where = names[static_cast<std::size_t>(op.what)];
  const error why = error_from_system(where, code);
  // Whatever number a system gives to an operation whose socket was closed under it: we did it.
  const bool closed = find(op.socket) == nullptr;
  if (closed || (op.asked && why == errc::other)) return error(errc::cancelled, where, code);
  // Nobody of ours asked: the system gave up (a driver unloaded, an interface went away).
  if (why == errc::cancelled && !op.asked) return error(errc::aborted, where, code);
  return why;
}

void iocp_poller::remember_end(socket_slot& s, error why) noexcept {
  if (ends_stream(why.code)) s.ended = why;
}

bool iocp_poller::update_accepted(operation_slot& op, SOCKET listener) noexcept {
  return setsockopt(op.accepted, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
                    reinterpret_cast<const char*>(&listener), sizeof listener) == 0;
}

iocp_poller::outcome iocp_poller::conclude_accept(operation_slot& op, error why) noexcept {
  if (!why && !op.updated) {
    const socket_slot* const listener = find(op.socket);
    if (listener == nullptr) {
      // Accepted in the instant between the cancel and the close of its listener: a socket that
      // cannot learn of its listener is of no use to anybody.
      why = error(errc::cancelled, "accept");
    } else if (!update_accepted(op, listener->handle)) {
      why = last_socket_error("SO_UPDATE_ACCEPT_CONTEXT");
    }
  }
  if (why) {
    iocp::reset(op.accepted);
    return {static_cast<std::uint64_t>(native_socket::none), accept_error(why)};
  }
  if (op.peer != nullptr) {
    sockaddr* local = nullptr;
    sockaddr* remote = nullptr;
    int local_size = 0;
    int remote_size = 0;
    calls_.accept_addresses(op.area_at->bytes, 0, accept_address_bytes, accept_address_bytes,
                            &local, &local_size, &remote, &remote_size);
    *op.peer = address_of(remote, remote_size);
  }
  return {op.accepted, {}};
}

iocp_poller::outcome iocp_poller::conclude_receive(operation_slot& op, error why,
                                                   DWORD bytes) noexcept {
  socket_slot* const s = find(op.socket);
  if (!why && bytes == 0) why = s == nullptr ? error(errc::eof, "recv") : end_of_stream(s->handle);
  if (s != nullptr) remember_end(*s, why);
  return {bytes, why};
}

iocp_poller::outcome iocp_poller::conclude_connect(operation_slot& op, error why) noexcept {
  if (why) return {0, why};
  const socket_slot* const s = find(op.socket);
  if (s == nullptr) return {0, error(errc::cancelled, "connect")};
  // Without it shutdown() and getpeername() do not know that the socket is connected.
  if (setsockopt(s->handle, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, nullptr, 0) == 0) return {};
  return {0, last_socket_error("SO_UPDATE_CONNECT_CONTEXT")};
}

// Calls that finish at once. ---------------------------------------------------------------------

result<std::size_t> iocp_poller::try_receive(socket_id socket, byte_span into) noexcept {
  socket_slot* const s = find(socket);
  if (s == nullptr) return error(errc::bad_handle, "recv");
  if (s->ended) return s->ended;
  result<std::size_t> got = iocp::receive(s->handle, into);
  remember_end(*s, got.why());
  return got;
}

result<std::size_t> iocp_poller::try_send(socket_id socket,
                                          std::span<const byte_view> parts) noexcept {
  const socket_slot* const s = find(socket);
  if (s == nullptr) return error(errc::bad_handle, "send");
  return iocp::send(s->handle, parts);
}

result<native_socket> iocp_poller::try_accept(socket_id listener, address* peer) noexcept {
  const socket_slot* const s = find(listener);
  if (s == nullptr) return error(errc::bad_handle, "accept");
  result<SOCKET> accepted = iocp::accept(s->handle, peer);
  if (!accepted.ok()) return accepted.why();
  return static_cast<native_socket>(accepted.value());
}

// Started operations. ----------------------------------------------------------------------------

started iocp_poller::accept(socket_id listener, address* peer, void* context) noexcept {
  socket_slot* const s = find(listener);
  if (s == nullptr) return stale("accept");
  if (s->reader.valid()) return busy("accept");
  result<operation_slot*> claimed = claim(listener, kind::accept, context);
  if (!claimed.ok()) return finished(claimed.why());
  operation_slot& op = *claimed.value();
  std::uint32_t index = none;
  std::uint32_t generation = 0;
  op.area_at = areas_.take(index, generation);
  if (op.area_at == nullptr) return refused(op, error(errc::limit, "sockets_max"));
  op.area = index;
  result<SOCKET> accepted = make_socket(s->family);
  if (!accepted.ok()) return refused(op, accepted.why());
  op.accepted = accepted.value();
  op.peer = peer;
  DWORD bytes = 0;
  const BOOL done =
      calls_.accept(s->handle, op.accepted, op.area_at->bytes, 0, accept_address_bytes,
                    accept_address_bytes, &bytes, &op.overlapped);
  return begun(*s, op, done ? 0 : WSAGetLastError(), 0);
}

started iocp_poller::connect(socket_id socket, const address& to, void* context) noexcept {
  socket_slot* const s = find(socket);
  if (s == nullptr) return stale("connect");
  if (s->writer.valid()) return busy("connect");
  // A Unix-domain connect ends at once, and ConnectEx is not promised for it.
  if (to.family() == address_family::unix_path) return finished(connect_now(s->handle, to));
  if (!s->bound) {
    if (error why = bind_any(s->handle, family_of(to))) return finished(why);
    s->bound = true;
  }
  result<operation_slot*> claimed = claim(socket, kind::connect, context);
  if (!claimed.ok()) return finished(claimed.why());
  operation_slot& op = *claimed.value();
  const BOOL done =
      calls_.connect(s->handle, reinterpret_cast<const sockaddr*>(to.data()),
                     static_cast<int>(to.size()), nullptr, 0, nullptr, &op.overlapped);
  return begun(*s, op, done ? 0 : WSAGetLastError(), 0);
}

started iocp_poller::wait_readable(socket_id socket, void* context) noexcept {
  socket_slot* const s = find(socket);
  if (s == nullptr) return stale("wait_readable");
  if (s->reader.valid()) return busy("wait_readable");
  if (s->ended) return finished({});
  result<operation_slot*> claimed = claim(socket, kind::wait_readable, context);
  if (!claimed.ok()) return finished(claimed.why());
  operation_slot& op = *claimed.value();
  // A receive of nothing ends when there is something: no buffer is pinned while a stream idles.
  WSABUF nothing{0, nullptr};
  DWORD flags = 0;
  DWORD got = 0;
  const int failed = WSARecv(s->handle, &nothing, 1, &got, &flags, &op.overlapped, nullptr);
  return begun(*s, op, failed == 0 ? 0 : WSAGetLastError(), 0);
}

started iocp_poller::receive(socket_id socket, byte_span into, void* context) noexcept {
  socket_slot* const s = find(socket);
  if (s == nullptr) return stale("recv");
  if (s->reader.valid()) return busy("recv");
  if (s->ended) return finished(s->ended);
  if (into.empty()) return finished(error(errc::invalid, "recv"));
  result<operation_slot*> claimed = claim(socket, kind::receive, context);
  if (!claimed.ok()) return finished(claimed.why());
  operation_slot& op = *claimed.value();
  constexpr std::size_t most = 1 << 30;  // a WSABUF counts in 32 bits
  WSABUF room{static_cast<ULONG>(into.size() < most ? into.size() : most),
              reinterpret_cast<char*>(into.data())};
  DWORD flags = 0;
  DWORD got = 0;
  const int failed = WSARecv(s->handle, &room, 1, &got, &flags, &op.overlapped, nullptr);
  return begun(*s, op, failed == 0 ? 0 : WSAGetLastError(), got);
}

started iocp_poller::send(socket_id socket, byte_view bytes, void* context) noexcept {
  socket_slot* const s = find(socket);
  if (s == nullptr) return stale("send");
  if (s->writer.valid()) return busy("send");
  if (bytes.empty()) return finished(error(errc::invalid, "send"));
  result<operation_slot*> claimed = claim(socket, kind::send, context);
  if (!claimed.ok()) return finished(claimed.why());
  operation_slot& op = *claimed.value();
  WSABUF part{static_cast<ULONG>(bytes.size() < send_bytes_max ? bytes.size() : send_bytes_max),
              const_cast<char*>(reinterpret_cast<const char*>(bytes.data()))};
  DWORD sent = 0;
  const int failed = WSASend(s->handle, &part, 1, &sent, 0, &op.overlapped, nullptr);
  return begun(*s, op, failed == 0 ? 0 : WSAGetLastError(), sent);
}

started iocp_poller::send_file(socket_id socket, const file& source, std::uint64_t offset,
                               std::uint64_t count, void* context) noexcept {
  socket_slot* const s = find(socket);
  if (s == nullptr) return stale("sendfile");
  if (s->writer.valid()) return busy("sendfile");
  // To TransmitFile 0 would mean "all of it".
  if (count == 0) return finished(error(errc::invalid, "send_file"));
  LARGE_INTEGER size{};
  if (GetFileSizeEx(handle_of(source), &size) == 0) {
    return finished(last_error("sendfile"));
  }
  const auto file_bytes = static_cast<std::uint64_t>(size.QuadPart);
  if (offset >= file_bytes) return finished(error(errc::eof, "sendfile"));
  std::uint64_t wanted = count < file_bytes - offset ? count : file_bytes - offset;
  if (wanted > send_bytes_max) wanted = send_bytes_max;
  result<operation_slot*> claimed = claim(socket, kind::send_file, context);
  if (!claimed.ok()) return finished(claimed.why());
  operation_slot& op = *claimed.value();
  op.overlapped.Offset = static_cast<DWORD>(offset);
  op.overlapped.OffsetHigh = static_cast<DWORD>(offset >> 32);
  const BOOL done = calls_.transmit_file(s->handle, handle_of(source), static_cast<DWORD>(wanted),
                                         0, &op.overlapped, nullptr, 0);
  // The call reports no count: what was asked for is what was sent.
  return begun(*s, op, done ? 0 : WSAGetLastError(), static_cast<DWORD>(wanted));
}

}  // namespace weir::platform::iocp
