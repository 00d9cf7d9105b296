// tls/stream.cpp - see the header.
#include <weir/tls/stream.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <weir/platform/assert.hpp>
#include <weir/runtime/within.hpp>

namespace weir::tls {

namespace {

// Records read for one call: a peer that sends crumbs does not get a turn without end.
constexpr int records_in_call_max = 64;
// Small parts are gathered into one record, as long as that is cheaper than a record of their own.
// A little less than a record, whatever the version.
constexpr std::size_t gather_bytes = 16'000;
// Encrypted for one call: whoever sends bulk does not hold the turn for as long as its peer reads.
constexpr std::size_t taken_in_call_max = 256 * 1024;

}  // namespace

// Pumps. ------------------------------------------------------------------------------------------

stream::pump::pump(stream& of, const char* what, handler done) noexcept
    : io_wait(what), of_(of), done_(done) {
  run = &ended;  // woken, it calls the stream instead of resuming a coroutine
}

bool stream::pump::begin(const platform::started& outcome) noexcept {
  WEIR_ASSERT(!busy_);
  value_ = 0;
  why_ = error();
  cancelled_by_ = error();
  busy_ = settle(of_.home_, {}, outcome);
  return busy_;
}

void stream::pump::on_cancel(error why) noexcept {
  asked_to_end(why);
  of_.inner_.cancel(operation_);
}

void stream::pump::ended(runtime::ready_node& node) noexcept {
  pump& self = static_cast<pump&>(node);
  self.busy_ = false;
  (self.of_.*self.done_)(self.value_, self.why_);
}

// Making and ending. ------------------------------------------------------------------------------

stream::stream(runtime::scheduler& owner, runtime::byte_stream& inner, std::shared_ptr<engine> over,
               const stream_options& options) noexcept
    : owner_(owner),
      inner_(inner),
      engine_(std::move(over)),
      options_(options),
      home_(owner.root(), "tls", runtime::scope::kind::shielded),
      receiving_(*this, "tls receive", &stream::on_receivable),
      sending_(*this, "tls send", &stream::on_sent),
      rate_since_ns_(owner.now_ns()) {}

stream::~stream() {
  WEIR_ASSERT(!receiving_.busy());
  WEIR_ASSERT(!sending_.busy());
  WEIR_ASSERT(reader_.waiting == nullptr);
  WEIR_ASSERT(writer_.waiting == nullptr);
}

runtime::task<error> stream::finish(time_ns due_ns) {
  error why = failed_;
  if (!why) {
    const error closed = co_await runtime::shielded(due_ns, "tls close", close_in_order());
    why = closed;
  }
  const error stopped = co_await abandon();
  static_cast<void>(stopped);
  co_return why;
}

runtime::secured_end stream::ended_by() const noexcept {
  if (engine_away_) return runtime::secured_end::other;
  if (over_rate_) return runtime::secured_end::tls_records_per_second_max;
  if (engine_->spoken_to_plainly()) return runtime::secured_end::spoken_to_plainly;
  if (engine_->truncated()) return runtime::secured_end::truncated;
  const error why = engine_->why_failed();
  // The wire broke, which is nobody's word.
  if (why == errc::reset || why == errc::aborted) return runtime::secured_end::other;
  return why ? runtime::secured_end::failed : runtime::secured_end::other;
}

runtime::task<error> stream::abandon() {
  // The completions come as soon as the inner stream lets go; the bound is for one that does not.
  const time_ns due_ns = due_after(owner_.now_ns(), second_ns);
  const error why = co_await runtime::shielded(due_ns, "tls abandon", stop_pumps());
  if (!engine_away_) engine_->give_back();
  co_return why;
}

runtime::task<error> stream::stop_pumps() {
  if (!failed_) failed_ = error(errc::cancelled, "tls stream");
  inner_broken_ = true;  // and do not begin again
  inner_eof_ = true;
  receiving_.interrupt(error(errc::cancelled, "tls stream"));
  sending_.interrupt(error(errc::cancelled, "tls stream"));
  while (receiving_.busy() || sending_.busy()) {
    moved_.clear();
    const error why = co_await moved_.wait();
    if (why) co_return why;
  }
  co_return error{};
}

runtime::task<error> stream::close_in_order() {
  for (int idle = 0; idle < 3;) {
    const error why = engine_->close();
    step();
    if (inner_broken_) co_return error(errc::reset, "tls close");
    // A session that failed has an alert to send, and nothing after it.
    if (why.code != errc::would_block && engine_->egress_bytes() == 0) {
      if (why) co_return why;
      co_return shut_inner();
    }
    if (!sending_.busy() && !receiving_.busy()) {
      ++idle;  // step() has moved it on: look again
      continue;
    }
    moved_.clear();
    const error waited = co_await moved_.wait();
    if (waited) co_return waited;
  }
  co_return error(errc::aborted, "tls close");  // it waits for what cannot come any more
}

error stream::shut_inner() noexcept {
  if (inner_shut_) return {};
  inner_shut_ = true;
  return inner_.shut_write();
}

error stream::shut_write() noexcept {
  if (failed_) return failed_;
  shut_after_close_ = true;
  const error why = engine_->close();
  step();
  if (why.code == errc::would_block) return {};  // after what is under way
  return why;
}

// The handshake: in the owner's coroutine, so that its scope cancels it. --------------------------

namespace {

// One step on a worker. It shares the engine: when nobody waits any more, it ends with the job.
struct step_outcome {
  explicit step_outcome(error e) noexcept : why(e) {}
  error why;
};
class handshake_step {
 public:
  explicit handshake_step(std::shared_ptr<engine> of) noexcept : of_(std::move(of)) {}
  step_outcome operator()() noexcept { return step_outcome(of_->advance()); }

 private:
  std::shared_ptr<engine> of_;
};

}  // namespace

runtime::task<error> stream::step_handshake() {
  if (options_.handshakes == nullptr) co_return engine_->advance();
  handshake_step job(engine_);
  engine_away_ = true;
  result<step_outcome> done = co_await options_.handshakes->run(std::move(job));
  if (!done.ok()) co_return done.why();  // it may still be away, and stays so
  engine_away_ = false;
  co_return done.value().why;
}

// One step, when it may be computed.
runtime::task<error> stream::take_step() {
  if (engine_->light_step()) {
    // Two threads would take longer to change places.
    const error why = engine_->advance();
    co_return why;
  }
  runtime::semaphore* const steps = options_.bounds.handshake_steps;
  if (steps == nullptr) {
    const error why = co_await step_handshake();
    co_return why;
  }
  if (!steps->try_acquire()) {
    ++*options_.bounds.handshake_steps_paused;
    const error unheard = co_await steps->acquire();
    if (unheard) co_return unheard;
  }
  const error why = co_await step_handshake();
  steps->release();
  co_return why;
}

runtime::task<error> stream::shake() {
  // What a client has said already, if it was waited for: a step without it would be for nothing.
  pull();
  for (;;) {
    const error why = co_await take_step();
    if (engine_away_) co_return why;
    // Whatever came of it, the peer is told: of its turn, or of the alert.
    while (engine_->egress_bytes() > 0) {
      const byte_view piece = engine_->egress()[0];
      const result<std::size_t> sent = co_await runtime::write_some(inner_, piece);
      if (!sent.ok()) {
        if (why && why.code != errc::would_block) co_return why;
        co_return sent.why();
      }
      engine_->sent(sent.value());
    }
    if (why.code != errc::would_block) co_return why;
    if (!engine_->wants_receive(false)) continue;  // it waited for what has left
    bool more = !inner_drained_ && pull();
    while (!more) {
      const error waited = co_await runtime::readable(inner_);
      if (waited) co_return waited;
      more = pull();
    }
  }
}

runtime::task<error> stream::handshake(time_ns due_ns) {
  const error why = co_await runtime::within(due_ns, "handshake_deadline", shake());
  if (why) {
    failed_ = why;
    co_return why;
  }
  give_back();
  co_return error{};
}

// Moving ciphertext. ------------------------------------------------------------------------------

void stream::inner_ended(error why) noexcept {
  inner_eof_ = true;
  if (why.code != errc::eof) inner_broken_ = true;
  engine_->transport_ended(why);
}

// One receive. False: nothing to be had now, or no room for it.
//
// One that leaves room has taken all there was: inner_drained_ spares the receive that would only
// say so. What comes later wakes whoever waits for it.
bool stream::pull() noexcept {
  if (inner_eof_) return false;
  const byte_span room = engine_->ingress_room();
  if (room.empty()) {
    if (!engine_->ingress_empty()) return false;
    inner_ended(error(errc::limit, "tls buffers"));
    return true;
  }
  const result<std::size_t> got = inner_.try_read(room);
  inner_drained_ = !got.ok() || got.value() < room.size();
  if (got.ok()) {
    engine_->received(got.value());
    return true;
  }
  if (got.why().code == errc::would_block) return false;
  inner_ended(got.why());
  return true;
}

void stream::send_egress() noexcept {
  while (engine_->egress_bytes() > 0 && !sending_.busy() && !inner_broken_) {
    const std::array<byte_view, 2> pieces = engine_->egress();
    const std::size_t count = pieces[1].empty() ? 1 : 2;
    const result<std::size_t> sent =
        inner_.try_write(std::span<const byte_view>(pieces).first(count));
    if (sent.ok() && sent.value() > 0) {
      engine_->sent(sent.value());
      continue;
    }
    if (!sent.ok() && sent.why().code != errc::would_block) {
      inner_ended(sent.why());
      return;
    }
    const platform::started outcome = inner_.start_write(pieces[0], sending_);
    if (sending_.begin(outcome)) return;
    if (outcome.why) {
      inner_ended(outcome.why);
      return;
    }
    engine_->sent(static_cast<std::size_t>(outcome.value));
  }
  if (!shut_after_close_ || engine_->egress_bytes() > 0) return;
  if (engine_->at() != engine::phase::write_shut) return;
  const error why = shut_inner();
  static_cast<void>(why);  // the peer is gone: reading says so
}

// Everything the last event made possible, and the waits that what is left needs.
void stream::step() noexcept {
  for (;;) {
    send_egress();
    const error why = engine_->advance();
    static_cast<void>(why);  // kept by the engine, told by the next read or write
    const bool reading = reader_.waiting != nullptr;
    if (inner_eof_ || receiving_.busy()) break;
    if (reading && can_read()) break;
    if (!engine_->wants_receive(reading)) break;
    if (!inner_drained_ && pull()) continue;
    if (inner_eof_ || (!engine_->ingress_empty() && engine_->ingress_room().empty())) break;
    const platform::started outcome = inner_.start_wait_readable(receiving_);
    if (receiving_.begin(outcome)) break;
    inner_drained_ = false;
    if (outcome.why) inner_ended(outcome.why);
  }
  send_egress();
}

void stream::on_receivable(std::uint64_t /*value*/, error why) noexcept {
  if (why && why.code != errc::cancelled) inner_ended(why);
  if (!inner_eof_) pull();
  after_event();
}

void stream::on_sent(std::uint64_t value, error why) noexcept {
  if (why) {
    // A send that was cut may have sent any part of its bytes.
    if (!inner_broken_)
      inner_ended(why.code == errc::cancelled ? error(errc::aborted, "tls") : why);
  } else {
    engine_->sent(static_cast<std::size_t>(value));
  }
  after_event();
}

void stream::after_event() noexcept {
  step();
  if (reader_.waiting != nullptr && can_read()) {
    std::exchange(reader_.waiting, nullptr)->complete(0, {});
  }
  if (writer_.waiting != nullptr) {
    const result<std::size_t> taken = take(writing_);
    if (taken.ok() || taken.why().code != errc::would_block) {
      const std::uint64_t value = taken.ok() ? taken.value() : 0;
      std::exchange(writer_.waiting, nullptr)->complete(value, taken.why());
    }
  }
  give_back();
  moved_.set();
}

// No pump points into an empty ring.
void stream::give_back() noexcept {
  if (!engine_away_) engine_->give_back();
}

// Reading. ----------------------------------------------------------------------------------------

bool stream::can_read() const noexcept {
  return static_cast<bool>(failed_) || engine_->readable();
}

bool stream::over_rate() noexcept {
  const std::uint64_t seen = engine_->counters().small_records_in;
  const time_ns now_ns = owner_.now_ns();
  if (now_ns - rate_since_ns_ >= second_ns) {
    rate_since_ns_ = now_ns;
    rate_from_ = seen;
  }
  return seen - rate_from_ > options_.bounds.tls_records_per_second_max;
}

result<std::size_t> stream::try_read(byte_span into) noexcept {
  if (failed_) return failed_;
  if (into.empty()) return error(errc::invalid, "tls read");
  std::size_t done = 0;
  error why(errc::would_block, "tls read");
  for (int record = 0; record < records_in_call_max && done < into.size();) {
    const result<std::size_t> got = engine_->read(into.subspan(done));
    if (got.ok()) {
      done += got.value();
      ++record;
      continue;
    }
    why = got.why();
    if (why.code != errc::would_block) break;
    if (done > 0 && inner_drained_) break;
    // A wait of ours is under way when somebody needs it; receiving beside it is allowed (P1).
    if (!engine_->wants_receive(true) || !pull()) break;
    const error advanced = engine_->advance();
    static_cast<void>(advanced);
  }
  if (over_rate()) {
    over_rate_ = true;
    failed_ = error(errc::limit, "tls_records_per_second_max");
    return failed_;
  }
  if (engine_->egress_bytes() > 0) send_egress();
  give_back();
  if (done > 0) return done;
  return why;
}

platform::started stream::start_wait_readable(runtime::io_wait& wait) noexcept {
  if (reader_.waiting != nullptr) return {.why = error(errc::in_progress, "tls read")};
  if (can_read()) return {};
  reader_.waiting = &wait;
  step();
  if (can_read()) {
    reader_.waiting = nullptr;
    return {};
  }
  return {.id = {read_index, ++reader_.generation}};
}

// Writing. ----------------------------------------------------------------------------------------

result<std::size_t> stream::take(byte_view bytes) noexcept {
  if (failed_) return failed_;
  if (inner_broken_) return error(errc::reset, "tls write");
  std::size_t done = 0;
  while (done < bytes.size() && done < taken_in_call_max) {
    const result<std::size_t> taken = engine_->write(bytes.subspan(done));
    if (!taken.ok()) {
      if (done > 0) break;
      return taken.why();
    }
    done += taken.value();
    send_egress();
  }
  if (inner_broken_) return error(errc::reset, "tls write");  // they went nowhere
  return done;
}

result<std::size_t> stream::try_write(std::span<const byte_view> parts) noexcept {
  if (writer_.waiting != nullptr) return error(errc::would_block, "tls write");
  std::array<std::byte, gather_bytes> gathered;
  std::size_t held = 0;
  std::size_t done = 0;
  error why;
  // Takes what was gathered, or `bytes`; false when not all of it was taken.
  const auto all_taken = [&](byte_view bytes) noexcept {
    if (bytes.empty()) return true;
    const result<std::size_t> taken = take(bytes);
    if (taken.ok()) done += taken.value();
    why = taken.why();
    return taken.ok() && taken.value() == bytes.size();
  };
  bool going = true;
  for (const byte_view part : parts) {
    if (held + part.size() <= gathered.size()) {
      std::copy(part.begin(), part.end(), gathered.begin() + static_cast<std::ptrdiff_t>(held));
      held += part.size();
      continue;
    }
    going = all_taken(byte_view(gathered).first(std::exchange(held, 0))) && all_taken(part);
    if (!going) break;
  }
  if (going) all_taken(byte_view(gathered).first(held));
  if (sending_.busy() || engine_->egress_bytes() > 0) step();
  give_back();
  if (done > 0 || !why) return done;
  return why;
}

platform::started stream::start_write(byte_view bytes, runtime::io_wait& wait) noexcept {
  if (writer_.waiting != nullptr) return {.why = error(errc::in_progress, "tls write")};
  if (bytes.empty()) return {.why = error(errc::invalid, "tls write")};
  result<std::size_t> taken = take(bytes);
  if (!taken.ok() && taken.why().code == errc::would_block) {
    step();
    taken = take(bytes);
  }
  give_back();
  if (taken.ok()) return {.value = taken.value()};
  if (taken.why().code != errc::would_block) return {.why = taken.why()};
  writer_.waiting = &wait;
  writing_ = bytes;
  return {.id = {write_index, ++writer_.generation}};
}

platform::started stream::start_write_file(const file& /*source*/, std::uint64_t /*offset*/,
                                           std::uint64_t /*count*/,
                                           runtime::io_wait& /*wait*/) noexcept {
  return {.why = error(errc::not_supported, "tls write file")};
}

void stream::cancel(platform::operation_id operation) noexcept {
  request* const of = operation.index == read_index    ? &reader_
                      : operation.index == write_index ? &writer_
                                                       : nullptr;
  if (of == nullptr || of->waiting == nullptr || of->generation != operation.generation) return;
  std::exchange(of->waiting, nullptr)->complete(0, error(errc::cancelled, "tls stream"));
}

}  // namespace weir::tls
