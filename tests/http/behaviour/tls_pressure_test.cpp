// Many secure connections at once that cannot go on: they cost nothing while they wait, and do not
// keep a server from ending. TLS stages only.
#include <utility>

#include "behaviour/post_conditions.hpp"
#include "behaviour/tls_stages.hpp"
#include "support/wrapped_layer.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::behaviour;

namespace {

constexpr std::size_t peers = 64;

// Peers whose sessions are blocked in both directions: an answer that they do not read, and a
// record of which the rest does not come.
void block_all(stage& on) {
  for (std::size_t i = 0; i < peers; ++i) {
    on.connect_over(std::make_shared<test::torn_record>(on.make_layer()),
                    {sim_step::stop_reading(), sim_step::send(get("/bytes/8388608")),
                     sim_step::send(get("/echo/smuggled"))},
                    true);
  }
  on.until([&on] { return on.state.producers_begun == static_cast<int>(peers); });
  // Until a look finds what the one before it found.
  std::uint64_t before = 0;
  const auto at_rest = [&on, &before] {
    const std::uint64_t now = on.loop().resumptions;
    return std::exchange(before, now) == now;
  };
  on.until(at_rest, 50 * millisecond_ns);
}

// Blocking so many takes seconds where a handshake is slow: that is nobody's fault.
limits patient(time_ns drain_timeout_ns) {
  limits bounds;
  bounds.drain_timeout = drain_timeout_ns;
  bounds.handshake_deadline = bounds.write_deadline = bounds.rate_grace = 600 * second_ns;
  return bounds;
}

void pass(stage& on, time_ns span_ns) {
  const time_ns due_ns = due_after(on.now_ns(), span_ns);
  while (on.now_ns() < due_ns) on.turn(due_ns - on.now_ns());
}

}  // namespace

HANDSHAKE_BEHAVIOUR(
    "no spin: 64 sessions blocked in both directions turn nobody's loop while nothing moves") {
  on.serve(patient(100 * millisecond_ns));
  block_all(on);
  const runtime::scheduler_counters before = on.loop();
  if (on.real_time()) {
    pass(on, 500 * millisecond_ns);
    // Being asked is a turn; a few for what the system had still to say. A loop that spins turns a
    // hundred thousand times.
    CHECK(on.loop().turns - before.turns < peers);
  } else {
    pass(on, 2 * second_ns);
    if (on.exact()) CHECK(on.loop().turns - before.turns == 1);
    CHECK(on.loop().resumptions - before.resumptions == 0);
  }
  CHECK(on.state.smuggled == 0);
  const ending how = on.finish();
  CHECK(how.report.forced == peers);
  CHECK(bites(how.counters) == 0);
}

HANDSHAKE_BEHAVIOUR("W10 a drain ends 64 peers that never read at its deadline, and says so") {
  const limits bounds = patient(300 * millisecond_ns);
  on.serve(bounds);
  block_all(on);
  const time_ns began_ns = on.now_ns();
  on.drain();
  on.until([&] { return on.stopped(); });
  if (on.exact()) CHECK(on.now_ns() - began_ns == bounds.drain_timeout);
  const ending how = on.finish();
  CHECK(how.report.forced == peers);
  CHECK(how.report.drained == 0);
  CHECK(how.counters.connections_reset == peers);
  CHECK(on.state.producers_ended == static_cast<int>(peers));
  CHECK(bites(how.counters) == 0);
}
