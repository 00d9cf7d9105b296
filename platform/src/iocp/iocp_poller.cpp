// platform/iocp/iocp_poller.cpp - sockets, waiting and the end. Operations: iocp_operations.cpp.
#include "iocp/iocp_poller.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include <weir/platform/assert.hpp>
#include <weir/platform/clock.hpp>

#include "windows/last_error.hpp"
#include "windows/winsock.hpp"

namespace weir::platform::iocp {

namespace {

constexpr ULONG_PTR socket_key = 0;
constexpr ULONG_PTR wake_key = 1;

// The longest sleep in one call. A wake-up whose packet could not be posted (the system has no
// memory) is found when it ends.
constexpr time_ns sleep_max_ns = 10 * second_ns;

// Layered providers that are no file systems below cannot keep the promise of skipped packets.
bool provider_is_plain(SOCKET handle) noexcept {
  WSAPROTOCOL_INFOW info{};
  int size = sizeof info;
  return getsockopt(handle, SOL_SOCKET, SO_PROTOCOL_INFOW, reinterpret_cast<char*>(&info), &size) ==
             0 &&
         (info.dwServiceFlags1 & XP1_IFS_HANDLES) != 0;
}

DWORD sleep_ms(time_ns span_ns) noexcept {
  if (span_ns <= 0) return 0;
  if (span_ns > sleep_max_ns) span_ns = sleep_max_ns;
  // Rounded up: rounded down, the last millisecond would be spun away.
  return static_cast<DWORD>((span_ns + millisecond_ns - 1) / millisecond_ns);
}

}  // namespace

iocp_poller::iocp_poller(const poller_options& options, const iocp_options& tuning)
    : tuning_(tuning),
      sockets_(options.sockets_max),
      operations_(options.operations_max),
      areas_(options.sockets_max) {}

iocp_poller::~iocp_poller() {
  if (port_ == nullptr) return;
  static_cast<void>(close_all(second_ns));
  CloseHandle(port_);
}

error iocp_poller::open() noexcept {
  if (error why = winsock_ready()) return why;
  result<extensions> found = find_extensions();
  if (!found.ok()) return found.why();
  calls_ = found.value();
  port_ = CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 1);
  return port_ != nullptr ? error{} : last_error("CreateIoCompletionPort");
}

time_ns iocp_poller::now_ns() const noexcept {
  return system_clock().now_ns();
}
time_ns iocp_poller::tick_ns() const noexcept {
  return system_clock().tick_ns();
}
std::int64_t iocp_poller::unix_seconds() const noexcept {
  return system_clock().unix_seconds();
}

// Ties a socket to the port and gives it a name. Owns `handle`: on failure it is closed.
result<socket_id> iocp_poller::enter(SOCKET handle, int family, bool stream) noexcept {
  error why = stream ? make_prompt(handle) : error{};
  const HANDLE tied = reinterpret_cast<HANDLE>(handle);
  if (!why && CreateIoCompletionPort(tied, port_, socket_key, 0) == nullptr) {
    why = last_error("CreateIoCompletionPort");
  }
  socket_id id;
  socket_slot* const s = why ? nullptr : sockets_.take(id.index, id.generation);
  if (!why && s == nullptr) why = error(errc::limit, "sockets_max");
  if (why) {
    iocp::close(handle);
    return why;
  }
  constexpr UCHAR modes = FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE;
  s->handle = handle;
  s->family = family;
  s->skips = tuning_.skip_on_success && provider_is_plain(handle) &&
             SetFileCompletionNotificationModes(tied, modes) != 0;
  counters_.sockets_open = sockets_.used();
  return id;
}

result<socket_id> iocp_poller::listen(const address& at, const listen_options& options) noexcept {
  result<SOCKET> handle = iocp::listen(at, options);
  if (!handle.ok()) return handle.why();
  return enter(handle.value(), family_of(at), false);
}

result<socket_id> iocp_poller::open_stream(const address& to) noexcept {
  result<SOCKET> handle = make_socket(family_of(to));
  if (!handle.ok()) return handle.why();
  return enter(handle.value(), 0, true);
}

result<socket_id> iocp_poller::adopt(native_socket socket) noexcept {
  if (socket == native_socket::none) return error(errc::bad_handle, "adopt");
  return enter(static_cast<SOCKET>(socket), 0, true);
}

void iocp_poller::discard(native_socket socket) noexcept {
  if (socket != native_socket::none) iocp::reset(static_cast<SOCKET>(socket));
}

result<address> iocp_poller::local_address(socket_id socket) const noexcept {
  const socket_slot* const s = find(socket);
  if (s == nullptr) return error(errc::bad_handle, "getsockname");
  return iocp::local_address(s->handle);
}

result<address> iocp_poller::peer_address(socket_id socket) const noexcept {
  const socket_slot* const s = find(socket);
  if (s == nullptr) return error(errc::bad_handle, "getpeername");
  return iocp::peer_address(s->handle);
}

error iocp_poller::shut_send(socket_id socket) noexcept {
  const socket_slot* const s = find(socket);
  if (s == nullptr) return error(errc::bad_handle, "shutdown");
  if (shutdown(s->handle, SD_SEND) == 0) return {};
  return last_socket_error("shutdown");
}

// The socket loses its name and its handle; its operations keep their slots until their packets
// come.
void iocp_poller::end(socket_id id, bool hard) noexcept {
  socket_slot* const s = find(id);
  if (s == nullptr) return;
  abandon(*s, s->reader);
  abandon(*s, s->writer);
  if (s->family == AF_UNIX) remove_listener_path(s->handle);
  if (hard) {
    iocp::reset(s->handle);
  } else {
    iocp::close(s->handle);
  }
  sockets_.free(id.index);
  counters_.sockets_open = sockets_.used();
}

void iocp_poller::abandon(socket_slot& s, operation_id id) noexcept {
  operation_slot* const op = operations_.find(id.index, id.generation);
  if (op == nullptr) return;
  CancelIoEx(reinterpret_cast<HANDLE>(s.handle), &op->overlapped);
  // A connection that was accepted first must learn of its listener while there is one (P8).
  const bool over = HasOverlappedIoCompleted(&op->overlapped);
  if (op->what == kind::accept && over && op->overlapped.Internal == 0) {
    op->updated = update_accepted(*op, s.handle);
  }
}

void iocp_poller::cancel(operation_id operation) noexcept {
  operation_slot* const op = operations_.find(operation.index, operation.generation);
  if (op == nullptr) return;
  const socket_slot* const s = find(op->socket);
  if (s == nullptr) return;  // closed: that asked already
  op->asked = true;
  // Fails when the packet is on its way: then that is what happened first (P7).
  CancelIoEx(reinterpret_cast<HANDLE>(s->handle), &op->overlapped);
}

result<std::size_t> iocp_poller::wait(std::span<completion> out, time_ns due_ns) noexcept {
  ++counters_.waits;
  for (bool looked = false;; looked = true) {
    const std::size_t count = drain(out);
    if (count > 0 || batch_at_ < batch_end_) return count;
    // The flag is the wake-up; its packet only ends the sleep, and one that comes late is nothing.
    if (wake_asked_.exchange(false, std::memory_order_acq_rel)) {
      ++counters_.wakes;
      return std::size_t{0};
    }
    const time_ns now = now_ns();
    const time_ns left_ns = due_ns <= now ? 0 : due_ns == never_ns ? never_ns : due_ns - now;
    if (looked && left_ns == 0) return std::size_t{0};
    if (error why = fetch(sleep_ms(left_ns))) return why;
  }
}

// Reads packets into the empty batch. A time-out is no error.
error iocp_poller::fetch(DWORD wait_ms) noexcept {
  if (tuning_.hold_packets != nullptr && *tuning_.hold_packets) {
    Sleep(std::min<DWORD>(wait_ms, 1));
    return {};
  }
  ULONG count = 0;
  if (GetQueuedCompletionStatusEx(port_, batch_.data(), static_cast<ULONG>(batch_.size()), &count,
                                  wait_ms, FALSE) != 0) {
    batch_at_ = 0;
    batch_end_ = count;
    return {};
  }
  const DWORD code = GetLastError();
  if (code == WAIT_TIMEOUT) return {};
  return error(errc::bad_handle, "GetQueuedCompletionStatusEx", static_cast<int>(code));
}

// From the batch to the caller, as far as there is room.
std::size_t iocp_poller::drain(std::span<completion> out) noexcept {
  std::size_t count = 0;
  while (count < out.size()) {
    operation_slot* const op = next_ended();
    if (op == nullptr) break;
    const outcome came_to = ended(*op);
    out[count++] = completion{op->context, came_to.value, came_to.why};
    release(*op);
  }
  return count;
}

// The batch to nobody: for close_all.
void iocp_poller::throw_away() noexcept {
  while (operation_slot* const op = next_ended()) {
    op->peer = nullptr;  // whoever lent it is gone
    const outcome came_to = ended(*op);
    if (op->what == kind::accept && !came_to.why) {
      discard(static_cast<native_socket>(came_to.value));
    }
    release(*op);
  }
}

// The operation of the next packet in the batch; null when the batch is empty.
iocp_poller::operation_slot* iocp_poller::next_ended() noexcept {
  while (batch_at_ < batch_end_) {
    const OVERLAPPED_ENTRY entry = batch_[batch_at_++];
    if (entry.lpCompletionKey == wake_key) continue;
    // The memory is ours in every case: slots never move, and a leaked one outlives its table.
    auto* const op = reinterpret_cast<operation_slot*>(entry.lpOverlapped);
    if (op != nullptr && operations_.find(op->self.index, op->self.generation) == op) return op;
    ++counters_.stale_events;
  }
  return nullptr;
}

iocp_poller::outcome iocp_poller::ended(operation_slot& op) noexcept {
  DWORD bytes = 0;
  // Asks no handle: it reads what the kernel wrote into the OVERLAPPED.
  const bool well = GetOverlappedResult(port_, &op.overlapped, &bytes, FALSE) != 0;
  return conclude(op, well ? 0 : static_cast<int>(GetLastError()), bytes);
}

void iocp_poller::wake() noexcept {
  if (wake_asked_.exchange(true, std::memory_order_acq_rel)) return;  // its packet is on its way
  PostQueuedCompletionStatus(port_, 0, wake_key, nullptr);
}

std::uint32_t iocp_poller::close_all(time_ns bound_ns) noexcept {
  const time_ns due_ns = due_after(now_ns(), bound_ns);
  sockets_.each([this](std::uint32_t index, std::uint32_t generation, socket_slot&) {
    end(socket_id{index, generation}, false);
  });
  throw_away();  // what an earlier wait() had no room for
  for (bool in_time = true; operations_.used() > 0 && in_time;) {
    const time_ns left_ns = due_ns - now_ns();
    in_time = left_ns > 0;
    if (fetch(sleep_ms(left_ns))) break;
    throw_away();
  }
  std::uint32_t leaked = 0;
  operations_.each([this, &leaked](std::uint32_t, std::uint32_t, operation_slot& op) {
    leak(op);
    ++leaked;
  });
  return leaked;
}

result<std::unique_ptr<poller>> open_iocp_poller(const poller_options& options,
                                                 const iocp_options& tuning) noexcept {
  std::unique_ptr<iocp_poller> made(new (std::nothrow) iocp_poller(options, tuning));
  if (made == nullptr) return error(errc::memory_exhausted, "open_poller");
  if (error why = made->open()) return why;
  return std::unique_ptr<poller>(std::move(made));
}

}  // namespace weir::platform::iocp
