// platform/sim/open_poller.cpp - -DWEIR_POLLER=sim: every poller has a network of its own.
#include <weir/platform/sim.hpp>

namespace weir::platform {

result<std::unique_ptr<poller>> open_poller(const poller_options& options) noexcept {
  sim_network net;  // the poller keeps its state alive
  return net.open_poller(options);
}

}  // namespace weir::platform
