// net/socket_stream.hpp - a TCP or Unix-domain connection as a byte_stream.
#pragma once

#include <weir/platform/address.hpp>
#include <weir/platform/export.hpp>
#include <weir/platform/poller.hpp>
#include <weir/runtime/byte_stream.hpp>
#include <weir/runtime/scheduler.hpp>

namespace weir::net {

// Owns one socket of one scheduler's poller. Used on that scheduler's thread only, and ended
// before it. Ending the object while an operation is under way is a broken invariant of the owner:
// whoever awaits has to have been answered first.
class WEIR_EXPORT socket_stream final : public runtime::byte_stream {
 public:
  socket_stream(runtime::scheduler& owner, platform::socket_id socket) noexcept
      : poller_(&owner.poller()), socket_(socket) {}
  ~socket_stream() override { close(); }

  // Takes over an accepted socket; on failure it is closed. errc::limit: sockets_max.
  static result<platform::socket_id> adopt(runtime::scheduler& owner,
                                           platform::native_socket socket) noexcept {
    return owner.poller().adopt(socket);
  }

  result<std::size_t> try_read(byte_span into) noexcept override;
  result<std::size_t> try_write(std::span<const byte_view> parts) noexcept override;
  result<std::size_t> try_write_more(std::span<const byte_view> parts) noexcept override;
  error shut_write() noexcept override;
  bool writes_files() const noexcept override { return true; }
  platform::started start_wait_readable(runtime::io_wait& wait) noexcept override;
  platform::started start_write(byte_view bytes, runtime::io_wait& wait) noexcept override;
  platform::started start_write_file(const file& source, std::uint64_t offset, std::uint64_t count,
                                     runtime::io_wait& wait) noexcept override;
  void cancel(platform::operation_id operation) noexcept override;

  // Ends the stream in order. Unread input makes some systems reset it instead: see linger.hpp.
  void close() noexcept;
  // Ends the stream so that the peer sees a reset.
  void reset() noexcept;

  result<address> local_address() const noexcept { return poller_->local_address(socket_); }
  result<address> peer_address() const noexcept { return poller_->peer_address(socket_); }
  platform::socket_id id() const noexcept { return socket_; }

 private:
  platform::poller* poller_;
  platform::socket_id socket_;
};

}  // namespace weir::net
