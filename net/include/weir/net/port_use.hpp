// net/port_use.hpp - whether a listener has its port for itself.
#pragma once

#include <cstdint>

namespace weir::net {

// Sharing is for the threads of one process on Linux, which spreads connections over the listeners
// of a port; other systems make no such promise, and refuse with errc::not_supported.
enum class port_use : std::uint8_t {
  alone,   // the port is ours, or the listener is refused
  shared,  // other listeners may join; first bound alone for a moment, which proves that no other
           // program has the port: two programs that share one by accident split its connections
  joined,  // joins a listener of this process that is `shared`: the proof would find that one
};

// Whether this system does. Elsewhere one listener accepts for all threads.
#if defined(__linux__)
inline constexpr bool ports_spread = true;
#else
inline constexpr bool ports_spread = false;
#endif

}  // namespace weir::net
