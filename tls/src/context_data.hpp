// tls/context_data.hpp - the mbedTLS configuration behind a context, and all it points to.
//
// mbedTLS keeps pointers to what it is given: suites, protocol names, chains, anchors, the ticket
// context. All of it is owned here, and this is owned by every session.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>

#include <weir/tls/context.hpp>

namespace weir::tls {

// What mbedTLS says of a client's certificate that was asked for and not required: absent or good.
inline bool may_be_served(std::uint32_t verify_flags) noexcept {
  constexpr std::uint32_t absent = MBEDTLS_X509_BADCERT_MISSING | MBEDTLS_X509_BADCERT_SKIP_VERIFY;
  return (verify_flags & ~absent) == 0;
}

struct context_data {
  context_data() noexcept {
    mbedtls_ssl_config_init(&config);
    mbedtls_ssl_ticket_init(&ticket_keys);
  }
  ~context_data() {
    mbedtls_ssl_config_free(&config);
    mbedtls_ssl_ticket_free(&ticket_keys);
  }
  context_data(const context_data&) = delete;
  context_data& operator=(const context_data&) = delete;

  mbedtls_ssl_config config;
  mutable mbedtls_ssl_ticket_context ticket_keys;  // has its own lock
  std::vector<identity> identities;
  trust_anchors anchors;
  std::vector<std::string> protocols;
  std::vector<const char*> protocol_list;  // ends with a null pointer, as mbedTLS wants it
  bool server = false;
  client_certificates ask = client_certificates::none;
};

}  // namespace weir::tls
