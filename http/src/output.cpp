// http/output.cpp - see the header.
#include "output.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#include <weir/platform/file.hpp>
#include <weir/runtime/waits.hpp>
#include <weir/runtime/within.hpp>

#include "rate.hpp"

namespace weir::http {

std::size_t output::capacity() const noexcept {
  // What is gathered has to fit the pooled buffer it may move to.
  return std::min(service_.loop.lend_send_buffer().size(), service_.large_buffers.buffer_bytes());
}

bool output::full() const noexcept {
  return used_ > 0 &&
         (used_ >= service_.bounds.response_queue_bytes_max || used_ + head_room > capacity());
}

std::span<char> output::room(std::size_t bytes) noexcept {
  if (blocked() || failed_) return {};
  const std::size_t all = capacity();
  if (all - used_ < bytes) flush();
  if (blocked() || failed_ || all - used_ < bytes) return {};
  char* const lent = reinterpret_cast<char*>(service_.loop.lend_send_buffer().data());
  return {lent + used_, all - used_};
}

bool output::append(std::string_view bytes) noexcept {
  if (bytes.empty()) return true;
  const std::span<char> into = room(bytes.size());
  if (into.size() < bytes.size()) return false;
  std::memcpy(into.data(), bytes.data(), bytes.size());
  commit(bytes.size());
  return true;
}

void output::flush(response* owner) noexcept {
  WEIR_ASSERT(!blocked());
  const std::string_view body = owner == nullptr ? std::string_view{} : owner->body();
  const std::byte* const lent = service_.loop.lend_send_buffer().data();
  const std::string_view head{reinterpret_cast<const char*>(lent), used_};
  used_ = 0;
  if (failed_ || (head.empty() && body.empty())) return;
  const std::array<byte_view, 2> parts = {as_bytes(head), as_bytes(body)};
  const std::size_t first = head.empty() ? 1 : 0;
  const std::size_t count_parts = body.empty() ? 1 : 2 - first;
  after_send(to_->try_write(std::span<const byte_view>(parts).subspan(first, count_parts)), head,
             owner);
}

void output::flush_with_next() noexcept {
  WEIR_ASSERT(!blocked());
  const std::byte* const lent = service_.loop.lend_send_buffer().data();
  const std::string_view head{reinterpret_cast<const char*>(lent), used_};
  used_ = 0;
  if (failed_ || head.empty()) return;
  const byte_view part = as_bytes(head);
  after_send(to_->try_write_more({&part, 1}), head, nullptr);
}

// What the stream did not take of the gathered bytes and of the body of `owner` is kept.
void output::after_send(const result<std::size_t>& sent, std::string_view head,
                        response* owner) noexcept {
  const std::string_view body = owner == nullptr ? std::string_view{} : owner->body();
  if (!sent.ok() && sent.why().code != errc::would_block) {
    failed_ = sent.why();
    return;
  }
  const std::size_t taken = sent.ok() ? sent.value() : 0;
  count(taken);
  if (taken < head.size()) keep(head.substr(taken));
  const std::size_t of_body = taken > head.size() ? taken - head.size() : 0;
  if (of_body < body.size()) {
    WEIR_ASSERT(owner != nullptr);
    // The view is taken again after the move: a short owned body lives inside the response.
    body_owner_.reset(new (std::nothrow) response(std::move(*owner)));
    if (body_owner_ == nullptr) {
      failed_ = error(errc::memory_exhausted, "response");
      return;
    }
    body_rest_ = body_owner_->body().substr(of_body);
  }
  if (blocked()) ++service_.counters.paused_response_queue_bytes_max;
}

void output::keep(std::string_view gathered) noexcept {
  rest_ = service_.large_buffers.take();
  if (!rest_) {
    failed_ = error(errc::limit, "output buffers");
    return;
  }
  std::memcpy(rest_.bytes().data(), gathered.data(), gathered.size());
  rest_begin_ = 0;
  rest_size_ = gathered.size();
}

byte_view output::next_rest() const noexcept {
  if (rest_size_ > 0) return byte_view(rest_.bytes()).subspan(rest_begin_, rest_size_);
  return as_bytes(body_rest_);
}

void output::count_failure(error why) noexcept {
  failed_ = why;
  if (why.code != errc::timed_out) return;
  const bool rate = std::string_view(why.where) == "write_rate_min";
  ++(rate ? service_.counters.too_slow_write_rate_min : service_.counters.timed_out_write_deadline);
}

runtime::task<error> output::write_rest() {
  const error why = co_await runtime::within(never_ns, "write_deadline", write_loop());
  if (why) count_failure(why);
  rest_.give_back();
  rest_size_ = 0;
  body_rest_ = {};
  body_owner_.reset();
  co_return why;
}

void output::count(std::size_t sent) noexcept {
  service_.counters.bytes_sent += sent;
  // Bounded: what was taken long ago, or by the system's buffers, pays for no slow rest of hours.
  const limits& bounds = *bounds_;
  slack_ns_ = std::min(due_after(slack_ns_, earned_ns(sent, bounds.write_rate_min)),
                       due_after(bounds.rate_grace, bounds.write_deadline));
}

void output::waited_since(time_ns since_ns) noexcept {
  if (slack_ns_ == never_ns) return;
  slack_ns_ = std::max<time_ns>(slack_ns_ - (service_.loop.now_ns() - since_ns), 0);
}

void output::set_deadlines(runtime::scope& in) const noexcept {
  const time_ns stall_due_ns = due_after(service_.loop.now_ns(), bounds_->write_deadline);
  const time_ns rate_due_ns = due_after(service_.loop.now_ns(), slack_ns_);
  if (rate_due_ns < stall_due_ns) {
    in.set_deadline(rate_due_ns, "write_rate_min");
  } else {
    in.set_deadline(stall_due_ns, "write_deadline");
  }
}

runtime::task<error> output::write_loop() {
  runtime::scope& here = co_await runtime::this_scope();
  while (blocked()) {
    set_deadlines(here);
    const time_ns since_ns = service_.loop.now_ns();
    const result<std::size_t> sent = co_await runtime::write_some(*to_, next_rest());
    if (!sent.ok()) co_return sent.why();
    waited_since(since_ns);
    count(sent.value());
    if (rest_size_ > 0) {
      rest_begin_ += sent.value();
      rest_size_ -= sent.value();
    } else {
      body_rest_.remove_prefix(sent.value());
    }
  }
  co_return error{};
}

runtime::task<error> output::write_file(const file& source, std::uint64_t offset,
                                        std::uint64_t count_bytes) {
  if (count_bytes > 0) {
    flush_with_next();
  } else {
    flush();
  }
  if (blocked()) {
    const error why = co_await write_rest();
    if (why) co_return why;
  }
  if (failed_) co_return failed_;
  const error why =
      co_await runtime::within(never_ns, "write_deadline", file_loop(source, offset, count_bytes));
  if (why) count_failure(why);
  co_return why;
}

runtime::task<error> output::file_loop(const file& source, std::uint64_t offset,
                                       std::uint64_t count_bytes) {
  runtime::scope& here = co_await runtime::this_scope();
  bool by_system = to_->writes_files();
  while (count_bytes > 0) {
    set_deadlines(here);
    if (!by_system) {
      here.set_deadline(never_ns, "write_deadline");  // write_rest() has clocks of its own
      const error why = co_await copy_file(source, offset, count_bytes);
      co_return why;
    }
    const time_ns since_ns = service_.loop.now_ns();
    const result<std::size_t> sent =
        co_await runtime::write_file_some(*to_, source, offset, count_bytes);
    if (!sent.ok() && sent.why() == errc::not_supported) {
      by_system = false;
      continue;
    }
    if (!sent.ok()) co_return sent.why();
    waited_since(since_ns);
    count(sent.value());
    offset += sent.value();
    count_bytes -= sent.value();
    // A file that the socket takes as fast as it comes must not hold the loop.
    if (count_bytes == 0) break;
    const error why = co_await runtime::next_turn();
    if (why) co_return why;
  }
  co_return error{};
}

runtime::task<error> output::copy_file(const file& source, std::uint64_t offset,
                                       std::uint64_t count_bytes) {
  while (count_bytes > 0) {
    rest_ = service_.large_buffers.take();
    if (!rest_) co_return error(errc::limit, "output buffers");
    const byte_span whole = rest_.bytes();
    const std::size_t wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(whole.size(), count_bytes));
    const result<std::size_t> got = source.read_at(offset, whole.first(wanted));
    if (!got.ok()) co_return got.why();
    if (got.value() == 0) co_return error(errc::eof, "the file became shorter");
    rest_begin_ = 0;
    rest_size_ = got.value();
    const error why = co_await write_rest();
    if (why) co_return why;
    offset += got.value();
    count_bytes -= got.value();
  }
  co_return error{};
}

}  // namespace weir::http
