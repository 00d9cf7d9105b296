// platform/iocp/iocp_poller.hpp - the poller contract over an I/O completion port.
//
// The kernel owns an operation's OVERLAPPED (and the caller's buffer) from the start to the packet
// that ends it, so operations live in a table whose slots never move, and a slot is freed only when
// its packet was read. A closed socket's operations stay in the table until then.
//
//   started --skip on success------------------------------> finished at the start, no packet
//   started --pending--> [cancel, close] --packet--> batch_ --wait()--> completion
//
// Do not break: what a packet means is decided by the operation's own state (`asked`, and whether
// its socket still has its name), never by the error number alone: a socket that is closed under
// an operation gives numbers that differ between systems.
#pragma once

#include <array>
#include <atomic>

#include <weir/platform/poller.hpp>

#include "iocp/open_iocp.hpp"
#include "iocp/winsock.hpp"
#include "slot_table.hpp"

namespace weir::platform::iocp {

class iocp_poller final : public poller {
 public:
  iocp_poller(const poller_options& options, const iocp_options& tuning);
  ~iocp_poller() override;

  error open() noexcept;

  const char* name() const noexcept override { return "iocp"; }
  time_ns now_ns() const noexcept override;
  time_ns tick_ns() const noexcept override;
  std::int64_t unix_seconds() const noexcept override;
  const poller_counters& counters() const noexcept override { return counters_; }

  result<socket_id> listen(const address& at, const listen_options& options) noexcept override;
  result<socket_id> open_stream(const address& to) noexcept override;
  result<socket_id> adopt(native_socket socket) noexcept override;
  void discard(native_socket socket) noexcept override;
  result<address> local_address(socket_id socket) const noexcept override;
  result<address> peer_address(socket_id socket) const noexcept override;
  error shut_send(socket_id socket) noexcept override;
  void close(socket_id socket) noexcept override { end(socket, false); }
  void reset(socket_id socket) noexcept override { end(socket, true); }

  result<std::size_t> try_receive(socket_id socket, byte_span into) noexcept override;
  result<std::size_t> try_send(socket_id socket,
                               std::span<const byte_view> parts) noexcept override;
  result<native_socket> try_accept(socket_id listener, address* peer) noexcept override;

  started accept(socket_id listener, address* peer, void* context) noexcept override;
  started connect(socket_id socket, const address& to, void* context) noexcept override;
  started wait_readable(socket_id socket, void* context) noexcept override;
  started receive(socket_id socket, byte_span into, void* context) noexcept override;
  started send(socket_id socket, byte_view bytes, void* context) noexcept override;
  started send_file(socket_id socket, const file& source, std::uint64_t offset, std::uint64_t count,
                    void* context) noexcept override;
  void cancel(operation_id operation) noexcept override;

  result<std::size_t> wait(std::span<completion> out, time_ns due_ns) noexcept override;
  void wake() noexcept override;
  std::uint32_t close_all(time_ns bound_ns) noexcept override;

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  static constexpr std::size_t batch_max = 64;

  enum class kind : std::uint8_t { accept, connect, wait_readable, receive, send, send_file };

  struct socket_slot {
    SOCKET handle = INVALID_SOCKET;
    int family = 0;      // listeners only
    bool skips = false;  // what succeeds at the start posts no packet
    bool bound = false;
    operation_id reader{};
    operation_id writer{};
    error ended{};  // why nothing more can be read: the kernel may say it once, we say it always
  };

  struct operation_slot {
    OVERLAPPED overlapped{};  // first: a packet's OVERLAPPED is the slot
    operation_id self{};
    socket_id socket{};
    void* context = nullptr;
    kind what = kind::receive;
    bool asked = false;    // by cancel(); a socket that lost its name asks as well
    bool updated = false;  // accept: the accepted socket knows its listener
    // accept only
    SOCKET accepted = INVALID_SOCKET;
    address* peer = nullptr;
    std::uint32_t area = none;
    accept_area* area_at = nullptr;
  };

  struct outcome {
    std::uint64_t value = 0;
    error why{};
  };

  socket_slot* find(socket_id id) noexcept { return sockets_.find(id.index, id.generation); }
  const socket_slot* find(socket_id id) const noexcept {
    return sockets_.find(id.index, id.generation);
  }
  static bool reads(kind what) noexcept {
    return what == kind::accept || what == kind::wait_readable || what == kind::receive;
  }

  result<socket_id> enter(SOCKET handle, int family, bool stream) noexcept;
  void end(socket_id id, bool hard) noexcept;
  void abandon(socket_slot& s, operation_id id) noexcept;

  result<operation_slot*> claim(socket_id id, kind what, void* context) noexcept;
  started begun(socket_slot& s, operation_slot& op, int code, DWORD bytes) noexcept;
  started refused(operation_slot& op, error why) noexcept;
  void release(operation_slot& op) noexcept;
  void leak(operation_slot& op) noexcept;

  outcome conclude(operation_slot& op, int code, DWORD bytes) noexcept;
  outcome conclude_accept(operation_slot& op, error why) noexcept;
  outcome conclude_receive(operation_slot& op, error why, DWORD bytes) noexcept;
  outcome conclude_connect(operation_slot& op, error why) noexcept;
  error failure(const operation_slot& op, int code) const noexcept;
  void remember_end(socket_slot& s, error why) noexcept;
  bool update_accepted(operation_slot& op, SOCKET listener) noexcept;

  error fetch(DWORD wait_ms) noexcept;
  std::size_t drain(std::span<completion> out) noexcept;
  void throw_away() noexcept;
  outcome ended(operation_slot& op) noexcept;
  operation_slot* next_ended() noexcept;

  iocp_options tuning_;
  extensions calls_{};
  HANDLE port_ = nullptr;
  slot_table<socket_slot> sockets_;
  slot_table<operation_slot> operations_;
  slot_table<accept_area> areas_;
  std::array<OVERLAPPED_ENTRY, batch_max> batch_{};  // packets read and not yet delivered
  std::size_t batch_at_ = 0;
  std::size_t batch_end_ = 0;
  std::atomic<bool> wake_asked_{false};
  poller_counters counters_;
};

}  // namespace weir::platform::iocp
