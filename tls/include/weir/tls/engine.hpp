// tls/engine.hpp - one TLS session without a socket: ciphertext and plaintext, in and out.
//
//   received(), transport_ended() --> [ ingress ] --> mbedTLS --> read()
//                  egress(), sent() <-- [ egress ] <-- mbedTLS <-- write(), close()
//
// The caller moves ciphertext, asks what the engine waits for, and calls advance() after each
// event. Nothing here blocks, knows a clock or starts anything.
//
//   handshaking --advance()--> open --close()--> write_shut
//        |                       |
//        +-------> failed <------+        (no call into the library from then on)
//
// What a maintainer must not break, each of which loses or doubles bytes with a naive binding:
//  - what an operation waits for is kept for each operation by itself; it is tried again only after
//    ciphertext came (want: read) or left (want: write) since its last attempt;
//  - a write that did not finish is repeated with the same bytes: they are copied, and count as
//    taken; no other operation runs over it;
//  - application bytes may not use the last part of the egress (egress_reserve_bytes), so that
//    alerts and handshake records always fit and a read never waits for a write;
//  - the first failure is kept, and the library is not called again.
//
// Not thread-safe. While handshaking() the engine may be handed from thread to thread, one at a
// time; afterwards it belongs to the thread of its buffer pool.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include <weir/platform/bytes.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/runtime/buffer_pool.hpp>
#include <weir/tls/byte_ring.hpp>
#include <weir/tls/context.hpp>

namespace weir::tls {

class session;  // src/session.hpp: the seam to the library
struct outcome;

struct engine_options {
  // Where ciphertext waits once the handshake is over. Null: the heap. Buffers of at least
  // ring_bytes_min; the pool lives longer than the engine.
  runtime::buffer_pool* buffers = nullptr;
  // Where an open session has the records it works on, as long as it works on some: one each way,
  // and nothing while it waits. Null: it has room for both as long as it lives, as it does over an
  // mbedTLS that weir did not build. Buffers of engine::records_bytes(); the pool lives longer.
  runtime::buffer_pool* records = nullptr;
  // On the heap, each way: during the handshake, and after it when there is no pool.
  std::size_t ring_bytes = 65'536;
};

struct engine_counters {
  std::uint64_t want_read = 0;
  std::uint64_t want_write = 0;
  std::uint64_t cross_wants = 0;     // a read that waited to send, a write that waited to receive
  std::uint64_t futile_retries = 0;  // an attempt that moved nothing and said the same again
  std::uint64_t records_in = 0;
  std::uint64_t small_records_in = 0;  // with less than small_record_bytes in them
};

class WEIR_EXPORT engine {
 public:
  enum class phase : std::uint8_t { handshaking, open, write_shut, failed };

  // A whole record, and what an alert or a key update may take on top.
  static constexpr std::size_t egress_reserve_bytes = 16'384 + 2'048 + 1'024;
  static constexpr std::size_t ring_bytes_min = 2 * egress_reserve_bytes;
  // A record costs about the same whatever is in it: peers who send crumbs are counted.
  static constexpr std::size_t small_record_bytes = 512;
  // For engine_options::records.
  static std::size_t records_bytes() noexcept;

  static result<std::unique_ptr<engine>> for_server(const context& of,
                                                    const engine_options& options = {}) noexcept;
  // `host_name` is what the server's certificate has to be for: a DNS name or an address, as the
  // client was given it, not as a server names itself. A certificate that is not good, or not for
  // this name, fails the handshake: errc::permission, and `where` says why.
  static result<std::unique_ptr<engine>> for_client(const context& of, std::string_view host_name,
                                                    const engine_options& options = {}) noexcept;
  // Over any implementation of the seam: for tests.
  engine(std::unique_ptr<session> over, const engine_options& options) noexcept;
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;
  ~engine();

  // Ciphertext. ----------------------------------------------------------------------------------

  // Where to receive to. Empty: read() first, or errc::limit when nothing is unread (no memory).
  byte_span ingress_room() noexcept { return ingress_.free_piece(); }
  bool ingress_empty() const noexcept { return ingress_.empty(); }
  void received(std::size_t bytes) noexcept;
  // errc::eof: the peer's sending side ended. Anything else: neither side can be used any more.
  void transport_ended(error why) noexcept;

  // What to send, in order. The views stay good until sent() says they are gone.
  std::array<byte_view, 2> egress() const noexcept { return egress_.pieces(); }
  std::size_t egress_bytes() const noexcept { return egress_.size(); }
  void sent(std::size_t bytes) noexcept;

  // Plaintext. -----------------------------------------------------------------------------------

  // Does what the last event made possible. During the handshake: no error once it is done,
  // errc::would_block until then. Later: what failed, or no error.
  error advance() noexcept;
  // During the handshake: what advance() does next agrees on no key and signs nothing, so that
  // it takes about as long as a request. Otherwise it is better computed on another thread.
  bool light_step() const noexcept;
  // At least one byte, errc::would_block, errc::eof (the peer's close_notify), or the failure. An
  // end without close_notify is errc::truncated.
  result<std::size_t> read(byte_span into) noexcept;
  // How many bytes were taken, at least one; errc::would_block: no room, wait for sent().
  result<std::size_t> write(byte_view bytes) noexcept;
  // Says close_notify. No error: it is in the egress; errc::would_block: after the next event.
  // Reading goes on (RFC 8446 6.1: each side closes by itself).
  error close() noexcept;

  // What the engine waits for: functions of its state, to be asked after every call. -------------

  // More ciphertext. `reading`: whether the caller would read() now.
  bool wants_receive(bool reading) const noexcept;
  // Ciphertext to leave.
  bool wants_send() const noexcept;
  // Whether read() has something to say without more ciphertext.
  bool readable() const noexcept;
  // Whether write() would take something.
  bool writable() const noexcept;

  // State. ---------------------------------------------------------------------------------------

  phase at() const noexcept { return phase_; }
  bool handshaking() const noexcept { return phase_ == phase::handshaking; }
  error why_failed() const noexcept { return fatal_; }
  bool peer_closed() const noexcept { return peer_closed_; }
  bool truncated() const noexcept { return truncated_; }
  // It failed, and what came first was a capital letter: the start of a request in plain HTTP, and
  // of no record.
  bool spoken_to_plainly() const noexcept;
  const engine_counters& counters() const noexcept { return counters_; }
  // Once open. A view into the session.
  std::string_view protocol() const noexcept;
  version spoken() const noexcept;

  // Gives memory back that is not needed now. On the thread of the pools; during the handshake on
  // any one.
  void give_back() noexcept;

 private:
  enum class operation : std::uint8_t { handshake, read, write, close };
  enum class direction : std::uint8_t { none, read, write };
  // What one operation waits for, and how many events of that kind it had seen when it asked.
  struct want {
    direction of = direction::none;
    std::uint64_t seen = 0;
  };
  struct bridge;  // the wire the session sees

  want& want_of(operation which) noexcept { return wants_[static_cast<std::size_t>(which)]; }
  const want& want_of(operation which) const noexcept {
    return wants_[static_cast<std::size_t>(which)];
  }
  bool waits_for(operation which, direction what) const noexcept {
    return want_of(which).of == what;
  }
  bool may_try(operation which) const noexcept;
  bool read_allowed() const noexcept;
  template <class Call>
  outcome attempt(operation which, Call call) noexcept;
  void fail(error why) noexcept;
  error step_handshake() noexcept;
  void retry_write() noexcept;
  void try_close() noexcept;
  void read_aside() noexcept;
  bool freeze(byte_view bytes) noexcept;

  result<std::size_t> take_ciphertext(byte_span into) noexcept;
  result<std::size_t> give_ciphertext(byte_view bytes) noexcept;
  void count_records(byte_view bytes) noexcept;

  engine_options options_;
  byte_ring ingress_;
  byte_ring egress_;
  std::unique_ptr<bridge> bridge_;
  std::unique_ptr<session> session_;

  std::array<want, 4> wants_{};
  std::uint64_t received_events_ = 0;
  std::uint64_t sent_events_ = 0;
  std::uint64_t bytes_taken_ = 0;  // by the session
  std::byte first_{};              // of them
  std::uint64_t bytes_given_ = 0;

  std::unique_ptr<std::byte[]> frozen_;  // an unfinished write: these bytes until it is done
  std::size_t frozen_bytes_ = 0;
  std::optional<std::byte> aside_;  // read only to let something else go on

  phase phase_ = phase::handshaking;
  error fatal_{};
  error ended_{};  // of the transport
  bool peer_closed_ = false;
  bool truncated_ = false;
  bool closing_ = false;
  bool close_sent_ = false;

  std::size_t header_have_ = 0;  // of the record header that passes by
  std::array<std::byte, 5> header_{};
  std::size_t body_left_ = 0;
  engine_counters counters_;
};

}  // namespace weir::tls
