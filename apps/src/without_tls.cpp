// apps/without_tls.cpp - what stands for the parts over weir::tls in a build without it.
#include <cstdio>

#include "cert.hpp"
#include "exit_code.hpp"

namespace weir::apps {

int make_cert(const cert_options&) {
  std::fputs("weir: this weir was built without TLS (WEIR_TLS=OFF) and makes no certificates\n",
             stderr);
  return exit_code::misuse;
}

}  // namespace weir::apps
