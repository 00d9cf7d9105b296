// Defects that were found in a living server of another make, as tests of this one.
#include "behaviour/stage.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::behaviour;

namespace {

// Twenty requests one after the other, each of which waits on the loop: a loop that is held by
// somebody else shows in it.
script good_client() {
  script steps;
  for (std::size_t i = 0; i < 20; ++i) {
    steps.push_back(sim_step::send(get("/delay/30")));
    steps.push_back(await_answers(i + 1));
  }
  steps.push_back(sim_step::half_close());
  steps.push_back(sim_step::await_end());
  return steps;
}

}  // namespace

BEHAVIOUR("living peer: who pipelines and never reads is cut in time, in bounded memory") {
  limits bounds;
  bounds.write_deadline = 300 * millisecond_ns;
  bounds.requests_per_connection_max = limits::unbounded;
  on.serve(bounds);
  // Each request of 40 bytes asks for 64 KiB: what is answered must stand as soon as the peer does.
  const std::size_t asked = 20'000;
  std::string all;
  for (std::size_t i = 0; i < asked; ++i) all += get("/bytes/65536");
  std::vector<peer_id> stuck;
  for (int i = 0; i < 4; ++i) {
    stuck.push_back(on.connect({sim_step::stop_reading(), sim_step::send(all),
                                sim_step::pause(second_ns), sim_step::close()},
                               true));
  }
  const peer_id good = on.connect(good_client());
  on.until([&] { return on.counters().connections_closed >= stuck.size(); });
  const server_counters counted = on.counters();
  CHECK(counted.timed_out_write_deadline == stuck.size());
  CHECK(counted.connections_reset >= stuck.size());
  // What the sockets hold, and no more: the rest was never read, parsed or answered.
  CHECK(counted.requests < stuck.size() * asked / 10);
  CHECK(counted.bytes_received < stuck.size() * all.size() / 2 + 4 * 1'024 * 1'024);
  CHECK(on.state.producers_begun == on.state.producers_ended);
  on.until_ended();
  CHECK(on.see(good).broken == "");
  CHECK(on.see(good).complete == 20);
  if (on.exact()) CHECK(on.see(good).lasted_ns == 20 * 30 * millisecond_ns);
  on.finish();
}

BEHAVIOUR("living peer: who stops reading a large body is cut in time, and slows nobody") {
  limits bounds;
  bounds.write_deadline = 300 * millisecond_ns;
  on.serve(bounds);
  std::vector<peer_id> stuck;
  for (const char* target : {"/large", "/bytes/20000000", "/firehose/20000000"}) {
    stuck.push_back(on.connect({sim_step::stop_reading(), sim_step::send(get(target)),
                                sim_step::pause(second_ns), sim_step::close()},
                               true));
  }
  const peer_id good = on.connect(good_client());
  on.until([&] { return on.counters().connections_closed >= stuck.size(); });
  CHECK(on.counters().timed_out_write_deadline == stuck.size());
  // A handler stands where its peer does: at most what sockets and one connection queue.
  CHECK(on.state.written < 10'000'000);
  CHECK(on.state.producers_ended == 2);
  on.until_ended();
  CHECK(on.see(good).broken == "");
  CHECK(on.see(good).complete == 20);
  if (on.exact()) CHECK(on.see(good).lasted_ns == 20 * 30 * millisecond_ns);
  on.finish();
}

BEHAVIOUR("living peer: a pipelined burst leaves in one piece, and waits for no acknowledgement") {
  on.serve({});
  std::string burst;
  for (int i = 0; i < 16; ++i) burst += get("/plaintext");
  const peer_id peer = on.connect(ask(burst, 16));
  on.until_ended();
  const auto seen = on.see(peer);
  CHECK(seen.broken == "");
  REQUIRE(seen.complete == 16);
  // One send, whole: nothing of it can wait for the acknowledgement of what went before.
  if (!on.has_weather() && on.exact()) CHECK(on.record(peer).chunks.size() == 1);
  on.finish();
}
