// net/socket_stream.cpp - see the header.
#include <weir/net/socket_stream.hpp>

namespace weir::net {

result<std::size_t> socket_stream::try_read(byte_span into) noexcept {
  return poller_->try_receive(socket_, into);
}

result<std::size_t> socket_stream::try_write(std::span<const byte_view> parts) noexcept {
  return poller_->try_send(socket_, parts);
}

result<std::size_t> socket_stream::try_write_more(std::span<const byte_view> parts) noexcept {
  return poller_->try_send_more(socket_, parts);
}

error socket_stream::shut_write() noexcept {
  return poller_->shut_send(socket_);
}

platform::started socket_stream::start_wait_readable(runtime::io_wait& wait) noexcept {
  return poller_->wait_readable(socket_, &wait);
}

platform::started socket_stream::start_write(byte_view bytes, runtime::io_wait& wait) noexcept {
  return poller_->send(socket_, bytes, &wait);
}

platform::started socket_stream::start_write_file(const file& source, std::uint64_t offset,
                                                  std::uint64_t count,
                                                  runtime::io_wait& wait) noexcept {
  return poller_->send_file(socket_, source, offset, count, &wait);
}

void socket_stream::cancel(platform::operation_id operation) noexcept {
  poller_->cancel(operation);
}

void socket_stream::close() noexcept {
  if (!socket_.valid()) return;
  poller_->close(socket_);
  socket_ = {};
}

void socket_stream::reset() noexcept {
  if (!socket_.valid()) return;
  poller_->reset(socket_);
  socket_ = {};
}

}  // namespace weir::net
