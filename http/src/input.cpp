// http/input.cpp - see the header.
#include "input.hpp"

#include <cstring>

namespace weir::http {

void input::consume(std::size_t bytes) noexcept {
  WEIR_ASSERT(bytes <= size_);
  data_ += bytes;
  size_ -= bytes;
  if (size_ == 0) pooled_.give_back();
}

result<std::size_t> input::receive(runtime::byte_stream& from) noexcept {
  if (size_ > 0) return append_from(from);
  const byte_span room = service_.loop.lend_receive_buffer();
  data_ = reinterpret_cast<char*>(room.data());
  return receive_into(from, room);
}

result<std::size_t> input::receive_kept(runtime::byte_stream& from) noexcept {
  if (size_ > 0) return append_from(from);
  pooled_ = service_.large_buffers.take();
  if (!pooled_) {
    ++service_.counters.input_buffers_refused;
    return error(errc::limit, "input buffers");
  }
  data_ = reinterpret_cast<char*>(pooled_.bytes().data());
  result<std::size_t> got = receive_into(from, pooled_.bytes());
  if (size_ == 0) pooled_.give_back();
  return got;
}

result<std::size_t> input::append_from(runtime::byte_stream& from) noexcept {
  // Room for some more at least, so that a large head or body is not read in ever smaller pieces.
  if (error why = move_to(size_ + service_.small_bytes / 2)) return why;
  char* const end = reinterpret_cast<char*>(pooled_.bytes().data() + pooled_.bytes().size());
  return receive_into(from, {reinterpret_cast<std::byte*>(data_ + size_),
                             static_cast<std::size_t>(end - (data_ + size_))});
}

result<std::size_t> input::receive_into(runtime::byte_stream& from, byte_span room) noexcept {
  result<std::size_t> got = from.try_read(room);
  more_at_hand_ = got.ok() && got.value() == room.size();
  if (!got.ok()) return got;
  size_ += got.value();
  service_.counters.bytes_received += got.value();
  return got;
}

error input::keep() noexcept {
  if (size_ == 0 || pooled_) return {};
  return move_to(size_);
}

// Makes the bytes stand at the front of a pooled buffer with room for `bytes_needed` in all.
error input::move_to(std::size_t bytes_needed) noexcept {
  if (pooled_) {
    const byte_span whole = pooled_.bytes();
    const auto front = static_cast<std::size_t>(data_ - reinterpret_cast<char*>(whole.data()));
    if (whole.size() - front >= bytes_needed) return {};
    if (whole.size() >= bytes_needed) {
      std::memmove(whole.data(), data_, size_);
      data_ = reinterpret_cast<char*>(whole.data());
      return {};
    }
  }
  const bool small = bytes_needed <= service_.small_bytes;
  runtime::pooled_buffer larger =
      small ? service_.small_buffers.take() : service_.large_buffers.take();
  if (!larger) {
    ++service_.counters.input_buffers_refused;
    return error(errc::limit, "input buffers");
  }
  WEIR_ASSERT(larger.bytes().size() >= size_);
  std::memcpy(larger.bytes().data(), data_, size_);
  data_ = reinterpret_cast<char*>(larger.bytes().data());
  pooled_ = std::move(larger);
  return {};
}

}  // namespace weir::http
