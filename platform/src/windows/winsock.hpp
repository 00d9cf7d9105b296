// platform/windows/winsock.hpp - Winsock must be started before its first call.
#pragma once

#include <weir/platform/error.hpp>

namespace weir::platform {

// Starts Winsock 2.2 on the first call, for the life of the process; any thread, any number of
// times. Windows counts starts, so a host that starts and stops it for itself is not disturbed.
error winsock_ready() noexcept;

}  // namespace weir::platform
