// A handler that holds the loop makes everybody wait: it is counted, and told by its route.
#include "behaviour/stage.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::behaviour;

namespace {

// Told so often, of each about so long; in virtual time exactly, and nobody else is told of.
void check_held(const stage& on, const ending& how, const std::string& pattern, std::size_t times,
                time_ns span_ns) {
  INFO(pattern);
  std::size_t found = 0;
  for (const auto& [held, held_ns] : how.held) {
    if (held != pattern) continue;
    ++found;
    if (on.real_time()) {
      CHECK(held_ns >= span_ns - 20 * millisecond_ns);  // a tick of the coarsest clock
    } else {
      CHECK(held_ns == span_ns);
    }
  }
  // A machine with much to do holds a thread too, where time is real.
  CHECK(found >= times);
  if (!on.real_time()) CHECK(found == times);
}

}  // namespace

BEHAVIOUR("loop_hold_max: what runs longer is counted and told by its route, at the limit not") {
  limits bounds;
  bounds.loop_hold_max = 100 * millisecond_ns;
  on.serve(bounds);
  // Where time is real, work that is to be allowed is none at all.
  const std::string allowed = on.real_time() ? "0" : "100";
  std::string all;
  for (const std::string kind : {"", "-first", "-later", "-child"}) {
    all += get("/compute" + kind + "/" + allowed);
    all += get("/compute" + kind + "/150");
    all += get("/plaintext");
  }
  const peer_id peer = on.connect(ask(all, 12));
  on.until_ended();
  const stage::seen seen = on.see(peer);
  CHECK(seen.broken == "");
  REQUIRE(seen.complete == 12);
  for (const test::answer& a : seen.answers) CHECK(a.status == 200);
  const ending how = on.finish();
  for (const std::string kind : {"", "-first", "-later", "-child"}) {
    check_held(on, how, "/compute" + kind + "/{ms}", 1, 150 * millisecond_ns);
  }
  CHECK(how.counters.held_loop_hold_max == how.held.size());
  if (!on.real_time()) CHECK(how.held.size() == 4);
}

BEHAVIOUR("loop_hold_max: a handler that throws after its work has held the loop too") {
  limits bounds;
  bounds.loop_hold_max = 50 * millisecond_ns;
  on.serve(bounds);
  const peer_id peer =
      on.connect({sim_step::send(get("/compute-throw/120")), sim_step::await_end()});
  on.until_ended();
  REQUIRE(on.see(peer).complete == 1);
  CHECK(on.see(peer).answers[0].status == 500);
  check_held(on, on.finish(), "/compute-throw/{ms}", 1, 120 * millisecond_ns);
}

BEHAVIOUR("loop_hold_max: who waits, or blocks on a worker, holds nobody") {
  limits bounds;
  bounds.loop_hold_max = 250 * millisecond_ns;
  on.virtual_blocking_ns = 300 * millisecond_ns;
  on.serve(bounds);
  const peer_id waits = on.connect(ask(get("/delay/300"), 1));
  const peer_id blocks = on.connect(ask(get("/hold"), 1));
  on.until([&] { return on.ended(waits); });
  on.state.held->open();
  on.until_ended();
  CHECK(on.see(blocks).complete == 1);
  const ending how = on.finish();
  if (!on.real_time()) CHECK(how.counters.held_loop_hold_max == 0);
  if (!on.real_time()) CHECK(how.held.empty());
}
