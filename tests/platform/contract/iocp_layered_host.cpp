// tests/platform/contract/iocp_layered_host.cpp - the completion port as it is where a socket's
// provider cannot skip the packet of what succeeded at the start.
#include "hosts.hpp"
#include "iocp/open_iocp.hpp"

namespace weir::platform::contract {

namespace {

class iocp_layered_host final : public host {
 public:
  const char* name() const override { return "iocp, layered"; }
  result<std::unique_ptr<poller>> open(const poller_options& options) override {
    iocp::iocp_options tuning;
    tuning.skip_on_success = false;
    return iocp::open_iocp_poller(options, tuning);
  }
};

}  // namespace

std::unique_ptr<host> make_iocp_layered() {
  return std::make_unique<iocp_layered_host>();
}

}  // namespace weir::platform::contract
