// behaviour/post_conditions.hpp - what has to hold after every attack, whatever it was.
//
// That nothing is left of a connection, no descriptor and no thread on sockets, and that each one
// accepted was closed, is asserted by stage::finish(). How long any of it took belongs to
// benchmarks: tests have no timed assertion.
#pragma once

#include <cstdint>

#include "behaviour/stage.hpp"

namespace weir::http::behaviour {

// Well-behaved peers: one that is there while the attack goes on, one that comes after it.
class others {
 public:
  static constexpr std::size_t count = 2;

  // Connects the first.
  explicit others(stage& on) : on_(on), beside_(on.connect(ask(get("/plaintext"), 1))) {}
  // Waits until every peer has ended; then both have to have been served.
  void check();

 private:
  stage& on_;
  peer_id beside_;
};

// How often a limit, a deadline or a refusal has bitten, all of them together: after an attack on
// one of them it is that one's counter and no more. Pauses are no part of it, because how often a
// peer is waited for depends on the network.
std::uint64_t bites(const server_counters& counted);

// What a parser's refusal is counted under.
std::uint64_t refused_as(const server_counters& counted, const refusal_kind& kind);

}  // namespace weir::http::behaviour
