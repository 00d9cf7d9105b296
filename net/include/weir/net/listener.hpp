// net/listener.hpp - accepts connections, and keeps accepting when the system is out of room.
#pragma once

#include <coroutine>
#include <cstdint>

#include <weir/net/port_use.hpp>
#include <weir/platform/address.hpp>
#include <weir/platform/export.hpp>
#include <weir/platform/poller.hpp>
#include <weir/platform/reserve_handle.hpp>
#include <weir/runtime/byte_stream.hpp>
#include <weir/runtime/scheduler.hpp>
#include <weir/runtime/task.hpp>

namespace weir::net {

// A connection nobody owns yet: adopt it on any scheduler, or discard it on a poller.
struct accepted {
  platform::native_socket socket = platform::native_socket::none;
  address peer;
};

struct listener_counters {
  std::uint64_t accepted = 0;
  std::uint64_t aborted = 0;      // gone before we could take them
  std::uint64_t turned_away = 0;  // accepted with the reserve descriptor and reset at once
  std::uint64_t pauses = 0;       // waits because the process or the system was out of descriptors
};

class WEIR_EXPORT listener {
 public:
  // Binds and listens; `use` decides over `options.share_port`. Errors: errc::address_in_use,
  // address_unavailable, permission, exists (a Unix path that is not a socket), handles_exhausted.
  static result<platform::socket_id> open(runtime::scheduler& owner, const address& at,
                                          const platform::listen_options& options,
                                          port_use use = port_use::alone) noexcept;

  listener(runtime::scheduler& owner, platform::socket_id socket) noexcept
      : owner_(owner), socket_(socket) {}
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;
  ~listener() { close(); }

  // The next connection. Connections that died in the queue are passed over. Out of descriptors it
  // sends one peer away with the reserve, waits (10 ms, doubling to 1 s) and goes on. An error is
  // the end: the scope's reason, or a listener that is broken (errc::bad_handle, errc::invalid).
  runtime::task<result<accepted>> accept();

  // For a drain: what the system has queued, without waiting; errc::would_block when that is all.
  result<accepted> try_accept() noexcept;

  result<address> local_address() const noexcept;
  void close() noexcept;
  const listener_counters& counters() const noexcept { return counters_; }

 private:
  runtime::task<error> make_room(time_ns pause_ns);

  runtime::scheduler& owner_;
  platform::socket_id socket_;
  reserve_handle reserve_;
  listener_counters counters_;
};

}  // namespace weir::net
