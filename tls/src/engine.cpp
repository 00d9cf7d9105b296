// tls/engine.cpp - see the header.
#include <weir/tls/engine.hpp>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include <weir/platform/assert.hpp>

#include "session.hpp"

namespace weir::tls {

namespace {

// What a record costs beside its payload: header, explicit nonce, tag, content type.
constexpr std::size_t record_overhead_bytes = 64;
// No records of a few bytes at the end of the room: it is better to wait for more of it.
constexpr std::size_t record_bytes_min = 4'096;
// Steps of one read that ate ciphertext but gave nothing: tickets, warnings, empty records.
constexpr int steps_max = 64;

using answer = outcome::answer;

}  // namespace

struct engine::bridge final : wire {
  explicit bridge(engine& e) noexcept : of(e) {}
  result<std::size_t> take(byte_span into) noexcept override { return of.take_ciphertext(into); }
  result<std::size_t> give(byte_view bytes) noexcept override { return of.give_ciphertext(bytes); }
  engine& of;
};

// Making one. -------------------------------------------------------------------------------------

engine::engine(std::unique_ptr<session> over, const engine_options& options) noexcept
    : options_(options),
      // The handshake may run on another thread, which may not touch the pool.
      ingress_(nullptr, options.ring_bytes),
      egress_(nullptr, options.ring_bytes),
      bridge_(new(std::nothrow) bridge(*this)),
      session_(std::move(over)) {
  WEIR_ASSERT(options.ring_bytes >= ring_bytes_min);
  WEIR_ASSERT(options.buffers == nullptr || options.buffers->buffer_bytes() >= ring_bytes_min);
  WEIR_ASSERT(options.records == nullptr || options.records->buffer_bytes() >= records_bytes());
  if (bridge_ == nullptr) {
    fail({errc::memory_exhausted, "tls engine"});
  } else if (const error why = session_->attach(*bridge_)) {
    fail(why);
  }
}

engine::~engine() = default;

std::size_t engine::records_bytes() noexcept {
  return session_records_bytes();
}

namespace {

result<std::unique_ptr<engine>> over(result<std::unique_ptr<session>> opened,
                                     const engine_options& options) noexcept {
  if (!opened.ok()) return opened.why();
  std::unique_ptr<engine> made(new (std::nothrow) engine(std::move(opened).value(), options));
  if (made == nullptr) return error(errc::memory_exhausted, "tls engine");
  if (made->why_failed()) return made->why_failed();
  return made;
}

}  // namespace

result<std::unique_ptr<engine>> engine::for_server(const context& of,
                                                   const engine_options& options) noexcept {
  return over(open_session(of.data(), {}), options);
}

result<std::unique_ptr<engine>> engine::for_client(const context& of, std::string_view host_name,
                                                   const engine_options& options) noexcept {
  return over(open_session(of.data(), host_name), options);
}

// Ciphertext. -------------------------------------------------------------------------------------

void engine::received(std::size_t bytes) noexcept {
  ingress_.filled(bytes);
  if (bytes > 0) ++received_events_;
}

void engine::transport_ended(error why) noexcept {
  WEIR_ASSERT(why.code != errc::none);
  if (ended_) return;
  ended_ = why;
  ++received_events_;  // the end is something to read
  if (why.code != errc::eof) ++sent_events_;
}

void engine::sent(std::size_t bytes) noexcept {
  egress_.taken(bytes);
  if (bytes > 0) ++sent_events_;
}

result<std::size_t> engine::take_ciphertext(byte_span into) noexcept {
  if (ingress_.empty()) {
    if (ended_) return ended_;
    return error(errc::would_block, "ingress");
  }
  const std::size_t count = ingress_.get(into);
  if (bytes_taken_ == 0) first_ = into.front();
  count_records(into.first(count));
  bytes_taken_ += count;
  return count;
}

result<std::size_t> engine::give_ciphertext(byte_view bytes) noexcept {
  if (ended_ && ended_.code != errc::eof) return ended_;
  const std::size_t count = egress_.put(bytes);
  if (count == 0) {
    if (!egress_.has_memory()) return error(errc::limit, "tls buffers");
    return error(errc::would_block, "egress");
  }
  bytes_given_ += count;
  return count;
}

void engine::count_records(byte_view bytes) noexcept {
  while (!bytes.empty()) {
    if (body_left_ > 0) {
      const std::size_t passed = std::min(body_left_, bytes.size());
      body_left_ -= passed;
      bytes = bytes.subspan(passed);
      continue;
    }
    header_[header_have_++] = bytes.front();
    bytes = bytes.subspan(1);
    if (header_have_ < header_.size()) continue;
    header_have_ = 0;
    body_left_ =
        std::to_integer<std::size_t>(header_[3]) << 8 | std::to_integer<std::size_t>(header_[4]);
    ++counters_.records_in;
    if (body_left_ < small_record_bytes) ++counters_.small_records_in;
  }
}

// Operations. -------------------------------------------------------------------------------------

bool engine::may_try(operation which) const noexcept {
  const want& w = want_of(which);
  if (w.of == direction::read) return w.seen != received_events_;
  if (w.of == direction::write) return w.seen != sent_events_;
  return true;
}

void engine::fail(error why) noexcept {
  WEIR_ASSERT(why.code != errc::none);
  if (fatal_) return;
  fatal_ = why;
  phase_ = phase::failed;
  for (want& each : wants_) each = want();
  frozen_.reset();
  frozen_bytes_ = 0;
}

// The only way into the session, so that the rules hold for every operation.
template <class Call>
outcome engine::attempt(operation which, Call call) noexcept {
  WEIR_ASSERT(!fatal_);
  const want before = want_of(which);
  const std::uint64_t taken = bytes_taken_;
  const std::uint64_t given = bytes_given_;
  const outcome got = call();
  want& now = want_of(which);
  now = want();
  if (got.what == answer::failed) {
    fail(got.why);
    return got;
  }
  if (got.what == answer::want_read) {
    now = {direction::read, received_events_};
    ++counters_.want_read;
    if (which == operation::write || which == operation::close) ++counters_.cross_wants;
  }
  if (got.what == answer::want_write) {
    now = {direction::write, sent_events_};
    ++counters_.want_write;
    if (which == operation::read) ++counters_.cross_wants;
  }
  if (before.of != direction::none && now.of == before.of && taken == bytes_taken_ &&
      given == bytes_given_) {
    ++counters_.futile_retries;
  }
  return got;
}

error engine::advance() noexcept {
  if (fatal_) return fatal_;
  if (handshaking()) return step_handshake();
  // A read that waits to send holds up everything else that sends. Whoever should read may be
  // waiting for that very thing, so one byte is read aside for them.
  if (waits_for(operation::read, direction::write) && !aside_) read_aside();
  if (!fatal_ && frozen_bytes_ > 0) retry_write();
  if (!fatal_ && closing_) try_close();
  return fatal_;
}

bool engine::light_step() const noexcept {
  return handshaking() && !fatal_ && session_->handshake_is_light();
}

error engine::step_handshake() noexcept {
  // Ends: it goes on only while it eats what is in the ingress.
  while (may_try(operation::handshake)) {
    const std::uint64_t taken = bytes_taken_;
    const outcome got = attempt(operation::handshake, [&] { return session_->handshake(); });
    if (got.what == answer::failed) return fatal_;
    if (got.what == answer::done) {
      // Only this answer ends it: "over" is said earlier, with the last records still unsent.
      phase_ = phase::open;
      ingress_.use(options_.buffers);
      egress_.use(options_.buffers);
      return {};
    }
    // It may ask for more although more is there: a message at a time.
    if (got.what == answer::want_read && bytes_taken_ != taken && !ingress_.empty()) {
      want_of(operation::handshake) = want();
    }
  }
  return {errc::would_block, "tls handshake"};
}

bool engine::read_allowed() const noexcept {
  if (phase_ != phase::open && phase_ != phase::write_shut) return false;
  if (frozen_bytes_ > 0 && waits_for(operation::write, direction::write)) return false;
  if (closing_ && waits_for(operation::close, direction::write)) return false;
  return true;
}

result<std::size_t> engine::read(byte_span into) noexcept {
  if (into.empty()) return error(errc::invalid, "read");
  if (aside_) {
    into[0] = *aside_;
    aside_.reset();
    return std::size_t{1};
  }
  if (fatal_) return fatal_;
  if (peer_closed_) return error(errc::eof, "read");
  if (truncated_) return error(errc::truncated, "tls");
  bool asked_again = false;
  for (int step = 0; step < steps_max; ++step) {
    if (!read_allowed() || !may_try(operation::read)) break;
    const std::uint64_t taken = bytes_taken_;
    const outcome got = attempt(operation::read, [&] { return session_->read(into); });
    switch (got.what) {
      case answer::done: return got.bytes;
      case answer::failed: return fatal_;
      case answer::closed: peer_closed_ = true; return error(errc::eof, "read");
      case answer::eof: truncated_ = true; return error(errc::truncated, "tls");
      case answer::again:
      case answer::want_write: break;
      case answer::want_read: {
        // "More, please" does not always mean from the wire: a ticket or a warning was eaten, and
        // what follows is here. Without progress it is believed the second time.
        const bool moved = bytes_taken_ != taken && !ingress_.empty();
        if (moved || (session_->pending() && !asked_again)) {
          want_of(operation::read) = want();
          asked_again = !moved;
        }
        break;
      }
    }
  }
  return error(errc::would_block, "read");
}

void engine::read_aside() noexcept {
  std::byte one{};
  const result<std::size_t> got = read({&one, 1});
  if (got.ok()) aside_ = one;
}

result<std::size_t> engine::write(byte_view bytes) noexcept {
  if (fatal_) return fatal_;
  if (bytes.empty()) return std::size_t{0};  // an empty record would be sent
  if (closing_) return error(errc::broken_pipe, "write");
  std::size_t done = 0;
  while (done < bytes.size() && writable()) {
    const std::size_t room = egress_.room() - egress_reserve_bytes - record_overhead_bytes;
    const std::size_t most = std::min(session_->record_bytes_max(), room);
    const byte_view piece = bytes.subspan(done, std::min(most, bytes.size() - done));
    if (session_->unsent()) {
      // An alert that found no room, although a reserve is kept for it: the peer makes us answer
      // and does not read. The library would take this write for a retry of that and drop it.
      fail({errc::protocol, "tls: the peer does not read its answers"});
      return fatal_;
    }
    const outcome got = attempt(operation::write, [&] { return session_->write(piece); });
    if (got.what == answer::failed) return fatal_;
    if (got.what == answer::done) {
      WEIR_ASSERT(got.bytes <= piece.size());
      done += got.bytes;
      continue;
    }
    // From here on these bytes are the write, whatever the caller comes back with.
    if (!freeze(piece)) return fatal_;
    done += piece.size();
  }
  if (done == 0) return error(errc::would_block, "write");
  return done;
}

bool engine::freeze(byte_view bytes) noexcept {
  frozen_.reset(new (std::nothrow) std::byte[bytes.size()]);
  if (frozen_ == nullptr) {
    fail({errc::memory_exhausted, "tls write"});
    return false;
  }
  std::memcpy(frozen_.get(), bytes.data(), bytes.size());
  frozen_bytes_ = bytes.size();
  return true;
}

void engine::retry_write() noexcept {
  if (waits_for(operation::read, direction::write)) return;
  while (frozen_bytes_ > 0 && may_try(operation::write)) {
    const byte_view piece{frozen_.get(), frozen_bytes_};
    const outcome got = attempt(operation::write, [&] { return session_->write(piece); });
    if (got.what != answer::done) return;
    WEIR_ASSERT(got.bytes <= frozen_bytes_);
    // What one record did not carry goes on as a write of its own.
    std::memmove(frozen_.get(), frozen_.get() + got.bytes, frozen_bytes_ - got.bytes);
    frozen_bytes_ -= got.bytes;
  }
  if (frozen_bytes_ == 0) frozen_.reset();
}

error engine::close() noexcept {
  if (fatal_) return fatal_;
  closing_ = true;
  if (handshaking()) {
    // Nothing was promised to anybody yet, and the library would say nothing.
    close_sent_ = true;
    return {};
  }
  try_close();
  if (fatal_) return fatal_;
  if (!close_sent_) return {errc::would_block, "close"};
  return {};
}

void engine::try_close() noexcept {
  if (close_sent_ || frozen_bytes_ > 0) return;
  if (waits_for(operation::read, direction::write)) return;
  // With an older record unsent, success means only that this one has left.
  bool only_flushed = true;
  while (only_flushed && may_try(operation::close)) {
    only_flushed = session_->unsent();
    const outcome got = attempt(operation::close, [&] { return session_->close_notify(); });
    if (got.what != answer::done) return;
    if (!only_flushed) {
      close_sent_ = true;
      phase_ = phase::write_shut;
    }
  }
}

// What the engine waits for. ----------------------------------------------------------------------

bool engine::wants_receive(bool reading) const noexcept {
  if (fatal_ || ended_) return false;
  for (const want& each : wants_) {
    const bool of_read = &each == &want_of(operation::read);
    if (each.of == direction::read && (!of_read || reading)) return true;
  }
  return reading && !peer_closed_ && !truncated_ && read_allowed() &&
         !waits_for(operation::read, direction::write);
}

bool engine::wants_send() const noexcept {
  if (!egress_.empty()) return true;
  return std::any_of(wants_.begin(), wants_.end(),
                     [](const want& each) { return each.of == direction::write; });
}

bool engine::readable() const noexcept {
  if (aside_ || fatal_ || peer_closed_ || truncated_) return true;
  if (!read_allowed() || !may_try(operation::read)) return false;
  if (!waits_for(operation::read, direction::none)) return true;
  return !ingress_.empty() || ended_ || session_->pending();
}

bool engine::writable() const noexcept {
  if (phase_ != phase::open || closing_ || frozen_bytes_ > 0) return false;
  if (waits_for(operation::read, direction::write)) return false;
  return egress_.room() >= egress_reserve_bytes + record_overhead_bytes + record_bytes_min;
}

// State. ------------------------------------------------------------------------------------------

std::string_view engine::protocol() const noexcept {
  return handshaking() || fatal_ ? std::string_view{} : session_->protocol();
}

version engine::spoken() const noexcept {
  return session_->spoken();
}

bool engine::spoken_to_plainly() const noexcept {
  return fatal_ && first_ >= std::byte{'A'} && first_ <= std::byte{'Z'};
}

void engine::give_back() noexcept {
  ingress_.give_back_if_empty();
  egress_.give_back_if_empty();
  if (options_.records != nullptr && !handshaking() && !fatal_) session_->rest(*options_.records);
}

}  // namespace weir::tls
