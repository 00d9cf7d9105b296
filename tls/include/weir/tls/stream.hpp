// tls/stream.hpp - TLS as a byte_stream over a byte_stream: what HTTP cannot tell from plain TCP.
//
//   tls::stream s(loop, socket, engine);      // one end of a session over one end of a connection
//   co_await s.handshake(due_ns);             // or nothing below works
//   ... try_read, try_write, readable(s), write_some(s, ...) ...
//   co_await s.finish(due_ns);                // close_notify, and then the end of our side
//
// What was taken by a write may wait here for the peer, up to one egress ring (engine.hpp); it goes
// on leaving on its own, whatever the owner is waiting for. A peer that ended in order reads as
// errc::eof; one whose side ended without close_notify as errc::truncated.
//
// Used on its scheduler's thread. The inner stream outlives it, and nobody else uses it meanwhile;
// it is ended by its owner afterwards, as any other stream is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <weir/platform/bytes.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/platform/time.hpp>
#include <weir/runtime/offload.hpp>
#include <weir/runtime/scheduler.hpp>
#include <weir/runtime/scope.hpp>
#include <weir/runtime/secured_stream.hpp>
#include <weir/runtime/task.hpp>
#include <weir/runtime/waits.hpp>
#include <weir/tls/engine.hpp>

namespace weir::tls {

struct stream_options {
  // tls_records_per_second_max: records with fewer than engine::small_record_bytes in them that a
  // peer may send in a second. Each costs as much as a full one, so crumbs are an attack on the
  // processor. A full record never counts: a fast peer is welcome. One more ends the session with
  // errc::limit of this name.
  runtime::secured_limits bounds{};
  // Where the steps of handshakes run that compute keys and signatures: a class of its own that
  // always has a free worker, so that a flood of handshakes does not slow established sessions.
  // Null: on the scheduler's thread, as the light ones always do.
  runtime::offload* handshakes = nullptr;
};

class WEIR_EXPORT stream final : public runtime::secured_stream {
 public:
  stream(runtime::scheduler& owner, runtime::byte_stream& inner, std::shared_ptr<engine> over,
         const stream_options& options = stream_options()) noexcept;
  // After finish() or abandon(), or when the handshake failed or never began (asserted).
  ~stream() override;

  // The whole handshake by `due_ns`, however it is dripped: errc::timed_out, "handshake_deadline".
  // What failed is kept by the engine; a peer that is to be told was told as far as it could be.
  // After a failure the inner stream is only good to be ended.
  runtime::task<error> handshake(time_ns due_ns) override;

  // Sends what waits, then close_notify, then ends our side of the inner stream. Gives up at
  // `due_ns` (errc::timed_out, "tls close"). Not cut short by a cancel around it. Nothing is under
  // way afterwards.
  runtime::task<error> finish(time_ns due_ns) override;
  // As finish(), without a word to the peer: for sessions that failed, and peers that do not read.
  runtime::task<error> abandon() override;
  runtime::secured_end ended_by() const noexcept override;

  const engine& session() const noexcept { return *engine_; }

  // byte_stream. ---------------------------------------------------------------------------------

  result<std::size_t> try_read(byte_span into) noexcept override;
  result<std::size_t> try_write(std::span<const byte_view> parts) noexcept override;
  // close_notify, and the end of the inner stream's sending side once that has left.
  error shut_write() noexcept override;
  // Files are read and written: they have to be encrypted.
  bool writes_files() const noexcept override { return false; }
  platform::started start_wait_readable(runtime::io_wait& wait) noexcept override;
  platform::started start_write(byte_view bytes, runtime::io_wait& wait) noexcept override;
  platform::started start_write_file(const file& source, std::uint64_t offset, std::uint64_t count,
                                     runtime::io_wait& wait) noexcept override;
  void cancel(platform::operation_id operation) noexcept override;

 private:
  // An operation on the inner stream that belongs to nobody's coroutine.
  class pump final : public runtime::io_wait {
   public:
    using handler = void (stream::*)(std::uint64_t value, error why) noexcept;
    pump(stream& of, const char* what, handler done) noexcept;
    bool busy() const noexcept { return busy_; }
    // True when it is under way; false when it ended at once, as `outcome` says.
    bool begin(const platform::started& outcome) noexcept;
    void on_cancel(error why) noexcept override;

   private:
    static void ended(runtime::ready_node& node) noexcept;
    stream& of_;
    handler done_;
    bool busy_ = false;
  };

  // One of the two things an owner can have under way.
  struct request {
    runtime::io_wait* waiting = nullptr;
    std::uint32_t generation = 0;
  };
  static constexpr std::uint32_t read_index = 1;
  static constexpr std::uint32_t write_index = 2;

  runtime::task<error> shake();
  runtime::task<error> take_step();
  runtime::task<error> step_handshake();
  runtime::task<error> close_in_order();
  runtime::task<error> stop_pumps();

  void step() noexcept;
  bool pull() noexcept;
  void send_egress() noexcept;
  error shut_inner() noexcept;
  void on_receivable(std::uint64_t value, error why) noexcept;
  void on_sent(std::uint64_t value, error why) noexcept;
  void after_event() noexcept;
  void inner_ended(error why) noexcept;
  bool over_rate() noexcept;
  bool can_read() const noexcept;
  result<std::size_t> take(byte_view bytes) noexcept;
  void give_back() noexcept;

  runtime::scheduler& owner_;
  runtime::byte_stream& inner_;
  std::shared_ptr<engine> engine_;
  stream_options options_;
  runtime::scope home_;  // of the pumps; shielded: they end with this stream, not before
  pump receiving_;
  pump sending_;
  runtime::event moved_;  // a pump ended

  request reader_;
  request writer_;
  byte_view writing_;  // of writer_

  error failed_{};                 // of this stream: the engine has its own
  bool over_rate_ = false;         // that is why
  bool inner_broken_ = false;      // nothing can be sent any more
  bool inner_eof_ = false;         // nothing will come any more
  bool inner_drained_ = false;     // the last receive took all there was
  bool shut_after_close_ = false;  // asked for by shut_write()
  bool inner_shut_ = false;
  bool engine_away_ = false;  // with a worker

  time_ns rate_since_ns_ = 0;
  std::uint64_t rate_from_ = 0;
};

}  // namespace weir::tls
