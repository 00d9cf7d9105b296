// simulation/protection.hpp - what stands between HTTP and the network of a simulation, on either
// side: TLS where it is built (tls_protection.cpp), nothing elsewhere.
#pragma once

#include <cstdint>
#include <memory>

#include <weir/platform/sim.hpp>
#include <weir/runtime/scheduler.hpp>
#include <weir/runtime/secured_stream.hpp>

namespace weir::simulation {

// Bugs of a server's sessions that are there on purpose.
enum class session_bug : std::uint8_t {
  none,
  lost_close_notify,  // now and then a session ends without its last word
};

struct protection_options {
  std::uint64_t seed = 1;
  time_ns handshake_step_ns = 0;  // of the server
  session_bug planted = session_bug::none;
};

// Of one simulation. Ends after its server and before its loop.
class protection {
 public:
  virtual ~protection() = default;
  // The server's, once; before any client's.
  virtual runtime::stream_security& serve(runtime::scheduler& on) = 0;
  // A client's session, as far as its first flight. `older`: of TLS 1.2.
  virtual std::shared_ptr<platform::sim_layer> connect(bool older) = 0;
  virtual std::uint64_t planted_count() const = 0;
};

// Whether there is one, whose every byte follows from its seed.
bool can_protect();
std::unique_ptr<protection> make_protection(const protection_options& options);

}  // namespace weir::simulation
