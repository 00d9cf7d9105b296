// platform/sim/sim_poller.hpp - the poller of a simulated network.
//
// News of the network arrives as notices (socket ids), which only wait() works through, so that a
// socket can be closed between an event and its handling, as with a real kernel (P16). An
// operation that ends is moved to `ready_` and keeps its slot until wait() hands the completion
// out.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <weir/platform/sim.hpp>

#include "state.hpp"

namespace weir::platform::sim {

inline native_socket to_native(endpoint_key key) noexcept {
  return static_cast<native_socket>(key);
}
inline endpoint_key to_key(native_socket socket) noexcept {
  return static_cast<endpoint_key>(static_cast<std::intptr_t>(socket));
}

class sim_poller final : public poller {
 public:
  static result<std::unique_ptr<poller>> open(std::shared_ptr<sim_network::state> net,
                                              const poller_options& options);
  sim_poller(std::shared_ptr<sim_network::state> net, const poller_options& options);
  ~sim_poller() override;

  const char* name() const noexcept override { return "sim"; }
  time_ns now_ns() const noexcept override { return net_->now_ns; }
  std::int64_t unix_seconds() const noexcept override;
  const poller_counters& counters() const noexcept override { return counters_; }
  bool virtual_time() const noexcept override { return true; }

  result<socket_id> listen(const address& at, const listen_options& options) noexcept override;
  result<socket_id> open_stream(const address& to) noexcept override;
  result<socket_id> adopt(native_socket socket) noexcept override;
  void discard(native_socket socket) noexcept override;
  result<address> local_address(socket_id socket) const noexcept override;
  result<address> peer_address(socket_id socket) const noexcept override;
  error shut_send(socket_id socket) noexcept override;
  void close(socket_id socket) noexcept override { end_socket(socket, false); }
  void reset(socket_id socket) noexcept override { end_socket(socket, true); }

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
  void wake() noexcept override { woken_.store(true); }
  std::uint32_t close_all(time_ns bound_ns) noexcept override;

  // Called by the network.
  void notice(socket_id socket) { notices_.push_back(socket); }
  void look_again(operation_id id);
  void end_cancelled(operation_id id);
  void end_early(operation_id id);
  // Pending operations that could end now: none, when wait() has just found nothing to do.
  std::size_t stalled() noexcept;

 private:
  enum class kind : std::uint8_t { accept, connect, wait_readable, receive, send, send_file };

  struct operation {
    kind what = kind::accept;
    socket_id socket{};
    void* context = nullptr;
    bool ended = false;         // in ready_
    bool asked = false;         // somebody cancelled it
    bool stuck = false;         // its completion will never come (P24)
    std::byte* into = nullptr;  // receive
    std::size_t size = 0;       // receive, send
    const std::byte* from = nullptr;
    address* peer = nullptr;
    const file* source = nullptr;
    std::uint64_t offset = 0;
    std::uint64_t count = 0;
    bool sealed = false;          // kernel mode: the memory is the kernel's
    std::uint64_t seal = 0;       // of a send's memory, or the seed of a receive's rubbish
    std::uint64_t head_seal = 0;  // of the part that is rewritten at every wait()
    bool has_late = false;        // a success that overtook its socket's close
    std::string late{};
    native_socket late_socket = native_socket::none;
  };
  struct socket_slot {
    endpoint_key key = no_endpoint;
    operation_id reading{};
    operation_id writing{};
  };
  struct outcome {
    bool done = false;
    std::uint64_t value = 0;
    error why{};
  };
  struct finished {
    operation_id id{};  // not valid: an echo of a completion that was delivered already
    completion what{};
  };

  static const char* name_of(kind what) noexcept;
  static bool reads(kind what) noexcept { return what <= kind::receive && what != kind::connect; }
  bool kernel() const noexcept { return net_->options.kernel_owns_buffers; }
  socket_slot* find(socket_id id, endpoint** e, error* why, const char* where) noexcept;
  result<socket_id> place(endpoint_key key) noexcept;
  void end_socket(socket_id socket, bool hard) noexcept;
  started begin(socket_id socket, const operation& op) noexcept;
  outcome attempt(operation& op, endpoint_key key);
  void service(socket_id socket);
  void advance(operation_id id);
  void end(operation_id id, std::uint64_t value, error why);
  void ask(operation_id id, bool closing);
  void keep_late(operation& op, endpoint_key key);
  std::size_t hand_out(std::span<completion> out);
  void meet_successor(socket_id dead);

  void seal(operation& op);
  void check_seal(operation& op);
  void scribble_again();
  void violation(const operation& op);
  bool woken() noexcept;

  std::shared_ptr<sim_network::state> net_;
  std::uint32_t position_ = 0;  // in net_->pollers
  poller_counters counters_{};
  slot_table<socket_slot> sockets_;
  slot_table<operation> operations_;
  std::deque<socket_id> notices_;
  std::deque<finished> ready_;
  std::vector<operation_id> receives_;  // kernel mode: whose memory holds rubbish
  std::atomic<bool> woken_{false};
};

}  // namespace weir::platform::sim
