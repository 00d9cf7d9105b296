// http/input.hpp - bytes received and not yet used by one connection.
//
// An idle connection holds no buffer. A receive goes into the scheduler's lent buffer; what is left
// of it when the coroutine is about to wait moves to a pooled buffer, small if it fits.
//
//   empty --receive()--> lent --keep()--> pooled --consume() all--> empty
//                                           ^--receive() appends
#pragma once

#include <cstddef>
#include <string_view>

#include <weir/runtime/buffer_pool.hpp>
#include <weir/runtime/byte_stream.hpp>

#include "service.hpp"

namespace weir::http {

class input {
 public:
  explicit input(service& of) noexcept : service_(of) {}

  std::string_view unread() const noexcept { return {data_, size_}; }
  bool empty() const noexcept { return size_ == 0; }
  void consume(std::size_t bytes) noexcept;

  // Reads once, appending to unread(); its views are stale then. How many bytes came, or
  // would_block, eof, the stream's error, or errc::limit when no buffer can be had.
  result<std::size_t> receive(runtime::byte_stream& from) noexcept;
  // The same into a buffer of its own, for bytes that somebody holds while waiting.
  result<std::size_t> receive_kept(runtime::byte_stream& from) noexcept;
  // Whether the last receive() filled its buffer: the stream may have more at once.
  bool more_at_hand() const noexcept { return more_at_hand_; }

  // Before waiting: nothing may stay in the lent buffer. errc::limit: no buffer can be had.
  error keep() noexcept;

 private:
  result<std::size_t> receive_into(runtime::byte_stream& from, byte_span room) noexcept;
  result<std::size_t> append_from(runtime::byte_stream& from) noexcept;
  error move_to(std::size_t bytes_needed) noexcept;

  service& service_;
  runtime::pooled_buffer pooled_;
  char* data_ = nullptr;  // in pooled_, or in the lent buffer
  std::size_t size_ = 0;
  bool more_at_hand_ = false;
};

}  // namespace weir::http
