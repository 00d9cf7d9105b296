// net/connect.hpp - connect to the first of several addresses that answers.
#pragma once

#include <span>

#include <weir/platform/address.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/platform/poller.hpp>
#include <weir/platform/time.hpp>
#include <weir/runtime/scheduler.hpp>
#include <weir/runtime/task.hpp>

namespace weir::net {

struct connect_options {
  // One deadline over everything, on the scheduler's clock.
  time_ns due_ns = never_ns;
  // How long an attempt has for itself before the next address is tried beside it (RFC 8305 5
  // recommends 250 ms). A failed attempt starts the next at once.
  time_ns attempt_delay_ns = 250 * millisecond_ns;
};

// Races the addresses in their order (resolve() interleaves the families). The first connection
// wins and the other attempts are closed. `to` has to outlive the call. Without a winner: the error
// of the first address, or errc::timed_out, or errc::invalid for no address at all.
WEIR_EXPORT runtime::task<result<platform::socket_id>> connect(runtime::scheduler& owner,
                                                               std::span<const address> to,
                                                               connect_options options);

}  // namespace weir::net
