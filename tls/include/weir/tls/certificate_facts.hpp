// tls/certificate_facts.hpp - what a certificate says of itself, for programs that check theirs
// before they serve with it, and that say which one they serve with.
#pragma once

#include <cstdint>
#include <string>

#include <weir/platform/export.hpp>
#include <weir/tls/certificate.hpp>

namespace weir::tls {

// Of the leaf of an identity.
struct certificate_facts {
  std::string serial;  // hexadecimal, lower case
  // Whom it is for: host names and addresses, "localhost, 127.0.0.1, ::1". "": for nobody, and then
  // no client of today takes it, whatever its common name is (RFC 9110 4.3.4).
  std::string names;
  // Seconds since 1970, both included.
  std::int64_t not_before = 0;
  std::int64_t not_after = 0;
  bool authority = false;   // may sign others
  bool for_servers = true;  // its extended key usage, if it has one, allows a server
};

// May throw std::bad_alloc.
WEIR_EXPORT certificate_facts facts_of(const identity& who);

// Why no client would take a certificate from a server, whoever has signed it.
enum class fitness : std::uint8_t { fit, expired, not_yet_valid, for_nobody, not_for_servers };
// `now` in seconds since 1970. The first reason, in this order.
WEIR_EXPORT fitness fitness_for_servers(const certificate_facts& facts, std::int64_t now) noexcept;

}  // namespace weir::tls
