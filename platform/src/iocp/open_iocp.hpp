// platform/iocp/open_iocp.hpp - opens the IOCP backend with what only its tests change.
//
// No system header in here: the tests include it.
#pragma once

#include <memory>

#include <weir/platform/poller.hpp>

namespace weir::platform::iocp {

struct iocp_options {
  // Have what succeeds at the start post no packet, where the socket's provider can do that.
  // false is what a provider that cannot (a layered one) looks like.
  bool skip_on_success = true;
  // While true, no packet is read: what a driver that never completes looks like.
  const bool* hold_packets = nullptr;
};

result<std::unique_ptr<poller>> open_iocp_poller(const poller_options& options,
                                                 const iocp_options& tuning) noexcept;

}  // namespace weir::platform::iocp
