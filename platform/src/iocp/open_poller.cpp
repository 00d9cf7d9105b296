// platform/iocp/open_poller.cpp - the backend of Windows.
#include <weir/platform/poller.hpp>

#include "iocp/open_iocp.hpp"

namespace weir::platform {

result<std::unique_ptr<poller>> open_poller(const poller_options& options) noexcept {
  return iocp::open_iocp_poller(options, iocp::iocp_options{});
}

}  // namespace weir::platform
