// tls/make_certificate.hpp - certificates for development and tests: an authority, and leaves.
//
// Not a certificate authority for anybody else: no revocation, no records. What is made here is
// believed only by those who were given the authority's certificate as a trust anchor.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>

namespace weir::tls {

enum class key_kind : std::uint8_t { p256, rsa_2048 };

// PEM texts. The key is a secret: a file of it belongs to its owner alone (0600).
struct made_certificate {
  std::string certificate;
  std::string key;
};

struct certificate_request {
  std::string common_name = "weir development";
  std::vector<std::string> dns_names{};  // the names it is for; a leaf wants at least one of these
  std::vector<std::string> addresses{};  // or of these: "127.0.0.1", "::1"
  key_kind kind = key_kind::p256;
  bool authority = false;   // may sign others; otherwise a leaf
  bool for_servers = true;  // extended key usage of a leaf
  bool for_clients = false;
  // Seconds since 1970. Some clocks run late: begin a little before now.
  std::int64_t not_before = 0;
  std::int64_t not_after = 0;
};

// Makes a key and a certificate for it, signed by `issuer`, or by itself when that is null. The
// serial number is random (RFC 5280 4.1.2.2). errc::invalid names the field that cannot be used.
WEIR_EXPORT result<made_certificate> make_certificate(const certificate_request& request,
                                                      const made_certificate* issuer) noexcept;

}  // namespace weir::tls
