// http/output.hpp - answers on their way to one peer.
//
// Answers of one turn are gathered in the scheduler's lent send buffer and leave in one send: N
// pipelined requests cost one. What the socket did not take moves to a pooled buffer, and no
// further answer is made until that is gone: the queue of a connection is bounded by what one turn
// can gather plus one body.
//
//   gathering --flush(), all taken--> gathering (empty)
//   gathering --flush(), short-----> blocked --write_rest()--> gathering
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include <weir/http/response.hpp>
#include <weir/runtime/buffer_pool.hpp>
#include <weir/runtime/byte_stream.hpp>
#include <weir/runtime/task.hpp>

#include "service.hpp"

namespace weir::http {

class output {
 public:
  explicit output(service& of) noexcept : service_(of) {}

  // Where answers go from now on.
  void attach(runtime::byte_stream& to) noexcept {
    to_ = &to;
    bounds_ = &service_.bounds;
    slack_ns_ = bounds_->rate_grace;
  }
  // What a peer that takes them slowly is held to from now on.
  void hold_to(const limits& bounds) noexcept {
    if (bounds.rate_grace != bounds_->rate_grace) slack_ns_ = bounds.rate_grace;
    bounds_ = &bounds;
  }

  // A body up to this size is copied behind its head: cheaper than a second part of the send.
  static constexpr std::size_t copied_body_bytes_max = 16 * 1024;
  // The largest head with the body that is copied behind it.
  static constexpr std::size_t head_room =
      response::fields_bytes_max + 1'024 + copied_body_bytes_max;
  // What the lent buffer has to hold at least: one such answer, or a piece of a stream (32 KiB and
  // its chunk framing). In a smaller one these would wait for room that never comes.
  static constexpr std::size_t capacity_min = 36 * 1'024;
  static_assert(capacity_min >= head_room);

  // Room for `bytes` more in this turn's buffer, flushing first if that makes it; empty when there
  // is none: blocked, failed, or more than the buffer holds.
  std::span<char> room(std::size_t bytes) noexcept;
  void commit(std::size_t bytes) noexcept { used_ += bytes; }
  // room() and commit() in one; false when there is no room.
  bool append(std::string_view bytes) noexcept;

  // Sends what was gathered, and `body` right behind it without copying it. The response that owns
  // the body is handed over when something of it is left.
  void flush(response* owner = nullptr) noexcept;
  // The same where a file follows at once, or the end of the stream: what was gathered may leave
  // in one packet with it.
  void flush_with_next() noexcept;

  // Whether enough was gathered that it should leave before the next answer is made: past
  // response_queue_bytes_max, or so much that the next head might find no room.
  bool full() const noexcept;

  // Something is left that only write_rest() gets rid of.
  bool blocked() const noexcept { return rest_size_ > 0 || !body_rest_.empty(); }
  bool gathered() const noexcept { return used_ > 0; }
  error failed() const noexcept { return failed_; }

  // Waits until nothing is left, under write_deadline and write_rate_min.
  runtime::task<error> write_rest();

  // Sends `count` bytes of `source` behind what was gathered, by the stream's own way where it has
  // one, under the same deadlines.
  runtime::task<error> write_file(const file& source, std::uint64_t offset, std::uint64_t count);

 private:
  void set_deadlines(runtime::scope& in) const noexcept;
  void waited_since(time_ns since_ns) noexcept;

  runtime::task<error> write_loop();
  runtime::task<error> file_loop(const file& source, std::uint64_t offset, std::uint64_t count);
  runtime::task<error> copy_file(const file& source, std::uint64_t offset, std::uint64_t count);
  void count_failure(error why) noexcept;
  std::size_t capacity() const noexcept;
  void after_send(const result<std::size_t>& sent, std::string_view head, response* owner) noexcept;
  void keep(std::string_view gathered) noexcept;
  void count(std::size_t sent) noexcept;
  byte_view next_rest() const noexcept;

  service& service_;
  runtime::byte_stream* to_ = nullptr;
  const limits* bounds_ = &service_.bounds;
  std::size_t used_ = 0;  // of the lent buffer
  runtime::pooled_buffer rest_;
  std::size_t rest_begin_ = 0;
  std::size_t rest_size_ = 0;
  std::unique_ptr<response> body_owner_;
  std::string_view body_rest_;
  error failed_{};
  // How much longer the peer may keep bytes waiting before it is below write_rate_min. Bytes it
  // takes add to it and waiting uses it up, over all answers of a conversation: a clock that began
  // anew with each piece would give a peer the grace for every one of them.
  time_ns slack_ns_ = 0;
};

}  // namespace weir::http
