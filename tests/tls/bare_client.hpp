// tests/tls/bare_client.hpp - a client that is mbedTLS alone, and does what ours never would.
//
// It keeps tickets and comes back with them, tells what it was shown, and sends messages of a
// handshake when there is none: for that it reaches into the library, which has to be the one that
// is built here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <weir/tls/context.hpp>

namespace weir::test {

class bare_client {
 public:
  // What it could come back with.
  class ticket;
  // `with`: a session it was in before.
  explicit bare_client(const tls::context& of_client,
                       const std::shared_ptr<const ticket>& with = nullptr);
  bare_client(const bare_client&) = delete;
  bare_client& operator=(const bare_client&) = delete;
  ~bare_client();

  // Ciphertext, for the test to carry.
  std::string in;
  std::string out;

  bool handshake();  // a step; true once it is over
  // Takes all of it; false: the session is over.
  bool write(std::string_view text);
  std::string read_all();
  void close();  // close_notify
  bool heard_close() const noexcept { return heard_close_; }

  // Of the certificate that was shown in this handshake, in hexadecimal; empty when there was none,
  // because a session was taken up again.
  const std::string& serial() const noexcept { return serial_; }
  // The last one that came; null: none so far.
  const std::shared_ptr<ticket>& kept() const noexcept { return kept_; }
  // Changes a bit of a ticket.
  static void spoil(ticket& which);

  enum class message : std::uint8_t { client_hello = 1, key_update = 24 };
  void say(message which);

 private:
  struct impl;
  void keep();

  std::unique_ptr<impl> impl_;
  std::string serial_;
  std::shared_ptr<ticket> kept_;
  bool heard_close_ = false;
};

}  // namespace weir::test
