// tests/tls/renegotiating_peer.hpp - a TLS 1.2 client that asks for another handshake.
//
// No library built for weir can do so; this one reaches into mbedTLS and sends the record by hand.
#pragma once

#include <memory>
#include <string>

#include <weir/tls/context.hpp>

namespace weir::test {

class renegotiating_peer {
 public:
  explicit renegotiating_peer(const tls::context& of_client);
  ~renegotiating_peer();

  // Ciphertext, for the test to carry.
  std::string in;
  std::string out;

  bool handshake();  // a step; true once it is over
  void ask_again();
  std::string read_all();

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace weir::test
