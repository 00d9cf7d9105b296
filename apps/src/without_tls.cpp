// apps/without_tls.cpp - what stands for the parts over weir::tls in a build without it.
#include <cstdio>

#include "cert.hpp"
#include "exit_code.hpp"
#include "tls_setup.hpp"

namespace weir::apps {

int make_cert(const cert_options&) {
  std::fputs("weir: this weir was built without TLS (WEIR_TLS=OFF) and makes no certificates\n",
             stderr);
  return exit_code::misuse;
}

struct tls_setup::impl {};

tls_setup::tls_setup(const tls_settings&) {}

tls_setup::~tls_setup() = default;

std::string tls_setup::load() {
  return "--tls-cert: this weir was built without TLS (WEIR_TLS=OFF)";
}

bool tls_setup::changed() {
  return false;
}

std::vector<std::string> tls_setup::about() const {
  return {};
}

std::shared_ptr<runtime::stream_security> tls_setup::secure(runtime::scheduler&) const {
  return nullptr;
}

}  // namespace weir::apps
