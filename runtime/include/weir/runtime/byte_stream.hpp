// runtime/byte_stream.hpp - a stream of bytes in both directions, whatever carries it.
//
// What HTTP is written over: TCP, TLS and the simulator are one code path. Two kinds of call, as
// in the poller contract (platform/poller.hpp, P1 to P15): those that finish at once, and
// awaitables whose memory is pinned until they answer.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <span>

#include <weir/platform/bytes.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/platform/poller.hpp>
#include <weir/runtime/scope.hpp>

namespace weir::runtime {

// One operation under way. It is the context of the poller's completion, and lives in the awaiting
// coroutine's frame.
class WEIR_EXPORT io_wait : public wait_node {
 public:
  using wait_node::wait_node;

  // The one completion. Called by the scheduler, or by a stream that is not a socket.
  void complete(std::uint64_t value, error why) noexcept;

  // Whether others had their turns meanwhile: false of an operation that finished at its start.
  bool waited() const noexcept { return operation_.valid(); }

 protected:
  ~io_wait() override = default;

  // For await_suspend. False: finished at the start, or the scope was cancelled before it.
  bool settle(scope& in, std::coroutine_handle<> waiter, const platform::started& outcome) noexcept;
  bool refused_by(const scope& in) noexcept;
  // For on_cancel: the first reason is the one that is told, here as in a scope.
  void asked_to_end(error why) noexcept {
    if (!cancelled_by_) cancelled_by_ = why;
  }

  platform::operation_id operation_{};
  std::uint64_t value_ = 0;
  error why_{};
  error cancelled_by_{};  // what a completion of errc::cancelled is told as
};

class WEIR_EXPORT byte_stream {
 public:
  byte_stream() = default;
  byte_stream(const byte_stream&) = delete;
  byte_stream& operator=(const byte_stream&) = delete;
  virtual ~byte_stream() = default;

  virtual result<std::size_t> try_read(byte_span into) noexcept = 0;
  virtual result<std::size_t> try_write(std::span<const byte_view> parts) noexcept = 0;
  // The same where a write or the end of our side follows at once: these bytes may wait for it, to
  // leave together.
  virtual result<std::size_t> try_write_more(std::span<const byte_view> parts) noexcept {
    return try_write(parts);
  }

  // Whether what passes is protected on its way: the difference of https to http (RFC 9110 4.2.2).
  virtual bool secure() const noexcept { return false; }

  // Ends our sending side in order; reading goes on.
  virtual error shut_write() noexcept = 0;
  // Whether write_file() can work here at all; without it a file is read and written.
  virtual bool writes_files() const noexcept = 0;

  // What the awaitables below start and cancel.
  virtual platform::started start_wait_readable(io_wait& wait) noexcept = 0;
  virtual platform::started start_write(byte_view bytes, io_wait& wait) noexcept = 0;
  virtual platform::started start_write_file(const file& source, std::uint64_t offset,
                                             std::uint64_t count, io_wait& wait) noexcept = 0;
  virtual void cancel(platform::operation_id operation) noexcept = 0;
};

// co_await readable(stream): no error when try_read() has something to say.
class [[nodiscard]] WEIR_EXPORT readable final : public io_wait {
 public:
  explicit readable(byte_stream& stream) noexcept : io_wait("readable"), stream_(stream) {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) noexcept {
    scope& in = *waiter.promise().in;
    if (refused_by(in)) return false;
    return settle(in, waiter, stream_.start_wait_readable(*this));
  }
  error await_resume() const noexcept { return why_; }
  void on_cancel(error why) noexcept override;

 private:
  byte_stream& stream_;
};

// co_await write_some(stream, bytes): how many bytes were taken, at least one.
class [[nodiscard]] WEIR_EXPORT write_some final : public io_wait {
 public:
  write_some(byte_stream& stream, byte_view bytes) noexcept
      : io_wait("write"), stream_(stream), bytes_(bytes) {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) noexcept {
    scope& in = *waiter.promise().in;
    if (refused_by(in)) return false;
    return settle(in, waiter, stream_.start_write(bytes_, *this));
  }
  result<std::size_t> await_resume() const noexcept {
    if (why_) return why_;
    return static_cast<std::size_t>(value_);
  }
  void on_cancel(error why) noexcept override;

 private:
  byte_stream& stream_;
  byte_view bytes_;
};

// co_await write_file_some(stream, file, offset, count): how many bytes of the file were taken.
// errc::not_supported: read and write instead. The file stays open until the answer.
class [[nodiscard]] WEIR_EXPORT write_file_some final : public io_wait {
 public:
  write_file_some(byte_stream& stream, const file& source, std::uint64_t offset,
                  std::uint64_t count) noexcept
      : io_wait("write file"), stream_(stream), source_(source), offset_(offset), count_(count) {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) noexcept {
    scope& in = *waiter.promise().in;
    if (refused_by(in)) return false;
    return settle(in, waiter, stream_.start_write_file(source_, offset_, count_, *this));
  }
  result<std::size_t> await_resume() const noexcept {
    if (why_) return why_;
    return static_cast<std::size_t>(value_);
  }
  void on_cancel(error why) noexcept override;

 private:
  byte_stream& stream_;
  const file& source_;
  std::uint64_t offset_;
  std::uint64_t count_;
};

}  // namespace weir::runtime
