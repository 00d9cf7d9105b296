// simulation/scenario.hpp - one simulation, drawn from its seed: a network, limits, and clients.
//
// Everything that happens follows from the seed. A scenario says what each client does and what it
// must see; what "must" means stands in invariants.cpp alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <weir/http/limits.hpp>
#include <weir/platform/sim.hpp>

#include "simulation/client_wire.hpp"
#include "simulation/protection.hpp"

namespace weir::simulation {

// A request of a client, and its one right answer.
struct exchange {
  std::string bytes;
  std::string method = "GET";
  int status = 200;
  std::string body;
};

enum class manner : std::uint8_t {
  orderly,       // waits for its answers, then ends its side
  hasty,         // ends its side behind its last request, and still reads
  idle,          // waits for its answers, then for the server to close
  slow_reader,   // reads little at a time
  attacker,      // its last request breaks the protocol; more requests stand behind it
  staller,       // its last request stops half-way
  breaker,       // resets or closes at any moment
  stuck_reader,  // stops reading while a large answer is on its way
};
inline constexpr std::size_t manners = 8;
const char* to_string(manner m) noexcept;

struct client {
  manner how = manner::orderly;
  std::vector<exchange> exchanges;  // those that deserve an answer of their own, in order
  int refusal = 0;                  // the status that must follow them, 0: none
  std::string sent;                 // everything it sends, if nobody stops it
  platform::sim_peer peer;
  wire_plan wire;    // of a secure server's
  std::string plan;  // for people

  // It sends all and reads all, and does not break off: so nobody else may.
  bool healthy() const noexcept {
    return how != manner::breaker && how != manner::stuck_reader &&
           (wire.how == wire_manner::honest || wire.how == wire_manner::mute_end);
  }
  // How many of its requests begin in the first `bytes` of what it sends.
  std::size_t begun_in(std::size_t bytes) const noexcept;
};

struct scenario {
  std::uint64_t seed = 0;
  platform::sim_options network;
  http::limits bounds;
  std::vector<client> clients;
  bool secure = false;  // the server speaks TLS, and most clients do
  protection_options sessions;
  // Whether the network may lose a connection before it is accepted, or the system be out of
  // descriptors: then some clients are turned away without a byte.
  bool turns_away() const noexcept {
    return network.accept_aborted_permille > 0 || network.accept_exhausted_permille > 0;
  }
  // The drain begins so long after the start although clients are at work; never_ns: after them.
  time_ns drain_after_ns = never_ns;
};

struct asked_for {
  bool secure = false;
  platform::sim_bug planted = platform::sim_bug::none;
  session_bug planted_in_sessions = session_bug::none;
};
scenario draw(std::uint64_t seed, const asked_for& what);

}  // namespace weir::simulation
