// tls/certificate_data.hpp - the mbedTLS objects behind identity and trust_anchors.
//
// mbedTLS takes pointers to what is not const. It is shared between threads all the same: a parsed
// certificate is only read, a key has its own lock (RSA blinding) or is only read (elliptic curves,
// whose tables are static).
#pragma once

#include <string>
#include <string_view>

#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

namespace weir::tls {

struct identity_data {
  identity_data() noexcept {
    mbedtls_x509_crt_init(&chain);
    mbedtls_pk_init(&key);
  }
  ~identity_data() {
    mbedtls_pk_free(&key);
    mbedtls_x509_crt_free(&chain);
  }
  identity_data(const identity_data&) = delete;
  identity_data& operator=(const identity_data&) = delete;

  // Whether the leaf is meant for this host name: its DNS names, case aside, `*` for one label.
  bool names(std::string_view host) const noexcept;

  mutable mbedtls_x509_crt chain;
  mutable mbedtls_pk_context key;
};

struct anchor_data {
  anchor_data() noexcept { mbedtls_x509_crt_init(&chain); }
  ~anchor_data() { mbedtls_x509_crt_free(&chain); }
  anchor_data(const anchor_data&) = delete;
  anchor_data& operator=(const anchor_data&) = delete;

  mutable mbedtls_x509_crt chain;
};

// The random numbers of all mbedTLS calls.
int random_for_mbedtls(void* unused, unsigned char* into, std::size_t bytes) noexcept;

}  // namespace weir::tls
