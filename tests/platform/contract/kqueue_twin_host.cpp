// tests/platform/contract/kqueue_twin_host.cpp - the kqueue backend, over a kqueue made of epoll.
#include "kqueue/kqueue_queue.hpp"
#include "readiness_poller.hpp"
#include "system_host.hpp"

namespace weir::platform::contract {

std::unique_ptr<host> make_kqueue_twin() {
  return std::make_unique<system_host>(&open_readiness_poller<kqueue_queue>, "kqueue (twin)");
}

}  // namespace weir::platform::contract
