// support/raw_client.cpp - see the header.
#include "support/raw_client.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

#include <weir/platform/clock.hpp>

#include "support/raw_calls.hpp"

namespace weir::test {
namespace {

time_ns now_ns() {
  return system_clock().now_ns();
}

// A poll counts milliseconds: rounded up, so that it never returns before the instant.
int milliseconds_until(time_ns due_ns) {
  const time_ns left_ns = due_ns - now_ns();
  if (left_ns <= 0) return 0;
  return static_cast<int>(
      std::min<time_ns>((left_ns + millisecond_ns - 1) / millisecond_ns, 60'000));
}

}  // namespace

const char* to_string(raw_outcome outcome) noexcept {
  switch (outcome) {
    case raw_outcome::done: return "done";
    case raw_outcome::blocked: return "blocked";
    case raw_outcome::eof: return "eof";
    case raw_outcome::reset: return "reset";
    case raw_outcome::timed_out: return "timed_out";
    case raw_outcome::failed: return "failed";
  }
  return "?";
}

raw_client raw_client::connect(const address& to, const raw_options& options) {
  const int socket = raw::open(to);
  if (socket < 0) return {};
  raw::set_buffers(socket, options.receive_buffer_bytes, options.send_buffer_bytes);
  if (!raw::connect(socket, to)) {
    raw::close(socket);
    return {};
  }
  return {socket, options};
}

raw_client::raw_client(int descriptor, const raw_options& options)
    : descriptor_(descriptor), options_(options) {
  raw::make_prompt(descriptor_);
}

void raw_client::swap(raw_client& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(options_, other.options_);
  std::swap(stalls_, other.stalls_);
  std::swap(end_, other.end_);
  std::swap(received_, other.received_);
}

raw_count raw_client::try_send(std::string_view bytes) noexcept {
  if (descriptor_ < 0) return {raw_outcome::failed, 0};
  return raw::send(descriptor_, bytes);
}

raw_count raw_client::try_read(std::size_t bytes_max) {
  if (descriptor_ < 0) return {raw_outcome::failed, 0};
  if (end_ != raw_outcome::done) return {end_, 0};
  const std::size_t before = received_.size();
  received_.resize(before + bytes_max);
  const raw_count n = raw::receive(descriptor_, {received_.data() + before, bytes_max});
  received_.resize(before + n.bytes);
  if (n.outcome != raw_outcome::done && n.outcome != raw_outcome::blocked) end_ = n.outcome;
  return n;
}

bool raw_client::turn(bool wants_write, time_ns due_ns) {
  raw_interest one{.of = this, .read = !stalls_ && end_ == raw_outcome::done, .write = wants_write};
  raw_wait({&one, 1}, due_ns);
  if (one.readable) static_cast<void>(try_read(64 * 1024));
  return one.readable || one.writable;
}

raw_outcome raw_client::rest_until(time_ns due_ns) {
  while (now_ns() < due_ns) {
    if (end_ != raw_outcome::done) return end_;
    turn(false, due_ns);
  }
  return end_;
}

raw_outcome raw_client::send(std::string_view bytes) {
  const time_ns due_ns = due_after(now_ns(), options_.patience_ns);
  while (!bytes.empty()) {
    const raw_count n = try_send(bytes);
    if (n.outcome == raw_outcome::done) {
      bytes.remove_prefix(n.bytes);
    } else if (n.outcome != raw_outcome::blocked) {
      return n.outcome;
    } else if (now_ns() >= due_ns) {
      return raw_outcome::timed_out;
    } else {
      turn(true, due_ns);
    }
  }
  return raw_outcome::done;
}

raw_outcome raw_client::send_split(std::string_view bytes, std::span<const std::size_t> offsets,
                                   time_ns pause_ns) {
  std::size_t sent = 0;
  for (const std::size_t offset : offsets) {
    const std::size_t until = std::min(offset, bytes.size());
    const raw_outcome out = send(bytes.substr(sent, until - sent));
    if (out != raw_outcome::done) return out;
    sent = until;
    // An end of the stream is no reason to stop: what follows may be what is tested.
    static_cast<void>(rest_until(now_ns() + pause_ns));
  }
  return send(bytes.substr(sent));
}

raw_outcome raw_client::drip(std::string_view bytes, time_ns interval_ns) {
  time_ns due_ns = now_ns();
  for (const char& byte : bytes) {
    const raw_outcome rested = rest_until(due_ns);
    if (rested != raw_outcome::done) return rested;
    const raw_outcome sent = send({&byte, 1});
    if (sent != raw_outcome::done) return sent;
    due_ns += interval_ns;
  }
  return raw_outcome::done;
}

raw_outcome raw_client::read_until(const std::function<bool(std::string_view)>& enough) {
  const time_ns due_ns = due_after(now_ns(), options_.patience_ns);
  while (!enough(received_)) {
    const raw_count n = try_read(64 * 1024);
    if (n.outcome == raw_outcome::done) continue;
    if (n.outcome != raw_outcome::blocked) return n.outcome;
    if (now_ns() >= due_ns) return raw_outcome::timed_out;
    raw_interest one{.of = this, .read = true};
    raw_wait({&one, 1}, due_ns);
  }
  return raw_outcome::done;
}

raw_outcome raw_client::read_to_end() {
  return read_until([](std::string_view) { return false; });
}

void raw_client::half_close() noexcept {
  if (descriptor_ >= 0) raw::shut_write(descriptor_);
}

void raw_client::reset() noexcept {
  if (descriptor_ < 0) return;
  raw::reset_on_close(descriptor_);
  close();
}

void raw_client::close() noexcept {
  if (descriptor_ >= 0) raw::close(std::exchange(descriptor_, -1));
}

std::size_t raw_client::bytes_unread() const noexcept {
  return descriptor_ < 0 ? 0 : raw::bytes_unread(descriptor_);
}

raw_listener::raw_listener(const address& at) {
  const int socket = raw::open(at);
  if (socket < 0) return;
  const result<address> bound = raw::listen(socket, at);
  if (!bound.ok()) {
    raw::close(socket);
    return;
  }
  descriptor_ = socket;
  where_ = bound.value();
}

raw_listener::~raw_listener() {
  if (descriptor_ < 0) return;
  raw::close(descriptor_);
  if (where_.family() == address_family::unix_path) {
    static_cast<void>(std::remove(std::string(where_.path()).c_str()));
  }
}

raw_client raw_listener::accept(const raw_options& options) {
  if (descriptor_ < 0) return {};
  raw::readiness one{.socket = descriptor_, .read = true};
  raw::poll({&one, 1}, milliseconds_until(now_ns() + options.patience_ns));
  const int socket = one.readable ? raw::accept(descriptor_) : -1;
  if (socket < 0) return {};
  return {socket, options};
}

void raw_wait(std::span<raw_interest> interests, time_ns due_ns) {
  // Those who ask for nothing are left out: the end of their stream would wake us.
  std::vector<raw::readiness> set;
  std::vector<raw_interest*> asked;
  for (raw_interest& i : interests) {
    i.readable = i.writable = false;
    if (!i.read && !i.write) continue;
    set.push_back({.socket = i.of->descriptor(), .read = i.read, .write = i.write});
    asked.push_back(&i);
  }
  raw::poll(set, milliseconds_until(due_ns));
  for (std::size_t k = 0; k < set.size(); ++k) {
    asked[k]->readable = set[k].readable;
    asked[k]->writable = set[k].writable;
  }
}

}  // namespace weir::test
