// apps/cert.hpp - `weir cert`: an authority for development and the certificates it signs, as
// files.
//
// What a maintainer must not break: a key is never in a file that others may read, nothing that is
// there is overwritten unless that was asked for, the authority not even then, and after an error
// or a signal there is either everything that was meant to be made or nothing of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir::apps {

struct cert_options {
  // Where ca.pem and ca.key lie, or will, and server.pem and server.key (or client.*) are written.
  std::string folder = ".";
  std::vector<std::string> names;  // host names and addresses, beside those of this machine
  std::uint32_t days = 1;          // how long a leaf is good for
  bool rsa = false;                // keys of RSA 2048 instead of P-256
  bool for_client = false;         // a leaf that clients show, not servers
  bool replace_leaf = false;
};

// What public authorities may not exceed, and what our authority lasts.
inline constexpr std::uint32_t cert_days_max = 397;

// Makes the authority, unless it is there, and one leaf. Standard output has the paths of what was
// made, one a line; everything else goes to standard error. Returns the exit code.
int make_cert(const cert_options& options);

}  // namespace weir::apps
