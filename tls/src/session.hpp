// tls/session.hpp - the seam: all that the engine asks of a TLS library, for one connection.
//
// mbedtls_session.cpp is the real one and the only file that calls mbedtls_ssl_*; the tests have a
// scripted one. An implementation says what happened; it decides nothing: when a call may be
// repeated, and with what, is the engine's business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include <weir/platform/bytes.hpp>
#include <weir/platform/error.hpp>
#include <weir/runtime/buffer_pool.hpp>
#include <weir/tls/context.hpp>

namespace weir::tls {

// Where a session gets its ciphertext and leaves it.
class wire {
 public:
  // At least one byte, errc::would_block, errc::eof, or why there will be no more.
  virtual result<std::size_t> take(byte_span into) noexcept = 0;
  // At least one byte taken, errc::would_block, or why nothing can be sent any more. Never 0: to
  // mbedTLS that is success with nothing sent.
  virtual result<std::size_t> give(byte_view bytes) noexcept = 0;

 protected:
  ~wire() = default;
};

struct outcome {
  enum class answer : std::uint8_t {
    done,
    want_read,   // again once more ciphertext is there
    want_write,  // again once ciphertext has left
    again,       // again at once: something that is not for us was dealt with
    closed,      // read: the peer's close_notify
    eof,         // read: the wire ended without one
    failed,      // the session is over; `why`
  };
  answer what = answer::done;
  std::size_t bytes = 0;  // read, write
  error why{};
};

class session {
 public:
  session() = default;
  session(const session&) = delete;
  session& operator=(const session&) = delete;
  virtual ~session() = default;

  // Once, before anything else. The wire lives longer than the session.
  virtual error attach(wire& to) noexcept = 0;

  virtual outcome handshake() noexcept = 0;
  // Whether what handshake() does next, when it has what it waits for, is quick: a key that is
  // agreed on or a signature takes a hundred times what a record takes. Sure of nothing: false.
  virtual bool handshake_is_light() const noexcept { return false; }
  virtual outcome read(byte_span into) noexcept = 0;
  // One record at most. Not with nothing: that would be sent.
  virtual outcome write(byte_view bytes) noexcept = 0;
  virtual outcome close_notify() noexcept = 0;

  // Whether read() has something without the wire.
  virtual bool pending() const noexcept = 0;
  // Whether a record is made and not all of it was given to the wire.
  virtual bool unsent() const noexcept = 0;
  // The most bytes one record carries, once the handshake is over.
  virtual std::size_t record_bytes_max() const noexcept = 0;
  // Known once the handshake is over; empty when none was agreed on.
  virtual std::string_view protocol() const noexcept = 0;
  virtual version spoken() const noexcept = 0;

  // Open, and not failed: nothing is asked of it for now. It may put down what only records under
  // way need, and take that from `records` (which lives longer) when it is asked again.
  virtual void rest(runtime::buffer_pool& /*records*/) noexcept {}
};

// What the buffers of such a pool hold.
std::size_t session_records_bytes() noexcept;

// The real one. `host_name` is for clients: the name that the server's certificate has to bear.
result<std::unique_ptr<session>> open_session(std::shared_ptr<const context_data> of,
                                              std::string_view host_name) noexcept;

}  // namespace weir::tls
