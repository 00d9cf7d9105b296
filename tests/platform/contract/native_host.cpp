// tests/platform/contract/native_host.cpp - the system's own backend, over loopback.
#include "system_host.hpp"

namespace weir::platform::contract {

std::unique_ptr<host> make_native() {
  return std::make_unique<system_host>(&open_poller);
}

}  // namespace weir::platform::contract
