// tls/session_clock.hpp - what time it is for sessions and their tickets: see use_clock().
#pragma once

#include <weir/platform/clock.hpp>

namespace weir::tls {

// Where a host's mbedTLS has a time of its own, that of the system, which its own is too.
const clock& session_clock() noexcept;

}  // namespace weir::tls
