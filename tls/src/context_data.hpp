// tls/context_data.hpp - the mbedTLS configuration behind a context, and all it points to.
//
// mbedTLS keeps pointers to what it is given: suites, protocol names, chains, anchors, the keys of
// tickets. All of it is owned here, and this is owned by every session.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <mbedtls/ssl.h>

#include <weir/tls/context.hpp>

#include "ticket_sealer.hpp"

namespace weir::tls {

// What mbedTLS says of a client's certificate that was asked for and not required: absent or good.
inline bool may_be_served(std::uint32_t verify_flags) noexcept {
  constexpr std::uint32_t absent = MBEDTLS_X509_BADCERT_MISSING | MBEDTLS_X509_BADCERT_SKIP_VERIFY;
  return (verify_flags & ~absent) == 0;
}

struct context_data {
  context_data() noexcept { mbedtls_ssl_config_init(&config); }
  ~context_data() { mbedtls_ssl_config_free(&config); }
  context_data(const context_data&) = delete;
  context_data& operator=(const context_data&) = delete;

  mbedtls_ssl_config config;
  ticket_sealer tickets;
  std::vector<identity> identities;
  trust_anchors anchors;
  std::vector<std::string> protocols;
  std::vector<const char*> protocol_list;  // ends with a null pointer, as mbedTLS wants it
  bool server = false;
  client_certificates ask = client_certificates::none;
};

}  // namespace weir::tls
