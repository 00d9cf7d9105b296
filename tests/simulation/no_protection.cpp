// simulation/no_protection.cpp - weir is built without TLS.
#include "simulation/protection.hpp"

namespace weir::simulation {

bool can_protect() {
  return false;
}

std::unique_ptr<protection> make_protection(const protection_options& /*unused*/) {
  return nullptr;
}

}  // namespace weir::simulation
