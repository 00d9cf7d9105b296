// What a broken stream raises on POSIX alone.
#include "behaviour/stage.hpp"
#include "support/raw_sockets.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::behaviour;

CROWD_BEHAVIOUR(
    "pressure: a reset during pipelined writes never ends the process under default SIGPIPE") {
  REQUIRE(test::sigpipe_is_default());
  on.serve({});
  std::string all;
  for (int i = 0; i < 60; ++i) all += get("/bytes/100000");
  for (int i = 0; i < 40; ++i) {
    on.connect({sim_step::stop_reading(), sim_step::send(all), sim_step::pause(i * millisecond_ns),
                sim_step::reset()},
               true);
    on.connect({sim_step::send(all),
                sim_step::await_bytes(1 + 50'000 * static_cast<std::size_t>(i)),
                sim_step::reset()});
  }
  on.until_ended();
  const peer_id good = on.connect(ask(get("/plaintext"), 1));
  on.until_ended();
  CHECK(on.see(good).complete == 1);
  on.finish();
  CHECK(test::sigpipe_is_default());
}
