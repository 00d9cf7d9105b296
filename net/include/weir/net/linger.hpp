// net/linger.hpp - how a connection ends so that the peer can read our last answer.
//
// Closing a socket with unread input makes the kernel send a reset, and a reset makes the peer's
// kernel throw away what it had not read yet: our answer. RFC 9112 9.6 therefore ends in stages:
// shut our sending side, discard what still comes, close when the peer closes. Both bounds below
// keep a peer from using that kindness to stay.
#pragma once

#include <cstdint>

#include <weir/net/socket_stream.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/platform/time.hpp>
#include <weir/runtime/task.hpp>

namespace weir::net {

struct linger_limits {
  time_ns deadline_ns = 2 * second_ns;  // from the call
  std::uint64_t bytes_max = 262'144;    // discarded at most
};

enum class linger_end : std::uint8_t {
  clean,       // the peer closed too
  peer_reset,  // the peer, or the network, broke the connection
  timed_out,   // deadline_ns passed
  too_much,    // bytes_max was reached
};

// Shuts the sending side, discards, closes the stream. Runs shielded: a drain or a deadline around
// it does not cut the answer short, its own bounds do. The result is for counters.
WEIR_EXPORT runtime::task<result<linger_end>> linger_close(runtime::scheduler& owner,
                                                           socket_stream& stream,
                                                           linger_limits limits);

}  // namespace weir::net
