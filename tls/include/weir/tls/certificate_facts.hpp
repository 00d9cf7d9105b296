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

}  // namespace weir::tls
