// behaviour/post_conditions.cpp - see the header.
#include "behaviour/post_conditions.hpp"

namespace weir::http::behaviour {

void others::check() {
  on_.until_ended();
  const peer_id after = on_.connect(ask(get("/plaintext"), 1));
  on_.until_ended();
  for (const peer_id other : {beside_, after}) {
    const stage::seen seen = on_.see(other);
    CHECK(seen.broken == "");
    CHECK(seen.end == sim_end::eof);
    REQUIRE(seen.complete == 1);
    CHECK(seen.answers[0].body == "Hello, World!");
  }
}

std::uint64_t bites(const server_counters& counted) {
  static_assert(sizeof counted == (18 + refusals::all.size() + 24) * sizeof(std::uint64_t),
                "a counter is new: does a limit bite with it?");
  std::uint64_t sum = 0;
  for (const std::uint64_t n : counted.refused) sum += n;
  return sum + counted.shed_connections_max + counted.shed_connections_per_peer_max +
         counted.shed_requests_in_flight_max + counted.shed_blocking_queue_max +
         counted.ended_tls_records_per_second_max + counted.timed_out_handshake_deadline +
         counted.ended_requests_per_connection_max + counted.timed_out_head_deadline +
         counted.timed_out_body_deadline + counted.timed_out_handler_deadline +
         counted.timed_out_blocking_queue_deadline + counted.timed_out_write_deadline +
         counted.timed_out_idle_deadline + counted.timed_out_linger_deadline +
         counted.timed_out_upgraded_idle_deadline + counted.too_slow_body_rate_min +
         counted.too_slow_write_rate_min + counted.linger_bytes_max_reached + counted.late_results +
         counted.input_buffers_refused;
}

std::uint64_t refused_as(const server_counters& counted, const refusal_kind& kind) {
  for (std::size_t i = 0; i < refusals::all.size(); ++i) {
    if (refusals::all[i] == &kind) return counted.refused[i];
  }
  FAIL("not a refusal of a parser: " << kind.code);
  return 0;
}

}  // namespace weir::http::behaviour
