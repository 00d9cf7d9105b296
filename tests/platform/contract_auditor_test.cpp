// The auditor, against backends with planted bugs: does it see them, and only them?
#include <string>
#include <vector>

#include <catch_amalgamated.hpp>

#include <weir/platform/sim.hpp>

#include "support/contract_auditor.hpp"
#include "support/echo_loop.hpp"

using namespace weir;
using namespace weir::platform;

namespace {

struct outcome {
  std::vector<std::string> violations;
  std::vector<std::string> touched;  // what the network itself saw
  std::uint64_t planted = 0;
  std::uint64_t digest = 0;
  std::size_t accepted = 0;
};

// Twelve peers of four kinds talk to an echo server for ten seconds of virtual time.
outcome simulate(std::uint64_t seed, sim_bug planted, bool kernel) {
  sim_network net({.seed = seed,
                   .latency_min_ns = 10 * microsecond_ns,
                   .latency_max_ns = 5 * millisecond_ns,
                   .pipe_bytes = 4'096,
                   .kernel_owns_buffers = kernel,
                   .shuffle = true,
                   .short_receive_permille = 100,
                   .short_send_permille = 100,
                   .would_block_permille = 50,
                   .early_readable_permille = 50,
                   .accept_exhausted_permille = 20,
                   .accept_aborted_permille = 20,
                   .planted = planted,
                   .planted_permille = 20});
  outcome seen;
  std::shared_ptr<const std::vector<std::string>> violations;
  {
    result<std::unique_ptr<poller>> opened = net.open_poller();
    REQUIRE(opened.ok());
    test::contract_auditor auditor(std::move(opened).value(),
                                   [&net] { return net.stalled_operations(); });
    violations = auditor.shared_violations();
    // Declared before the poller's last words: its memory is the kernel's until then.
    test::echo_loop server(auditor, 2 * second_ns, seed % 2 == 0);
    const result<address> at = server.listen(address::loopback_ipv4(8080));
    REQUIRE(at.ok());
    for (unsigned i = 0; i < 12; ++i) {
      sim_peer peer{.at = at.value(), .start_ns = time_ns(i) * 100 * millisecond_ns};
      const std::string text(500 + 400 * (seed % 7), static_cast<char>('a' + i));
      switch ((seed + i) % 4) {
        case 0:
          peer.steps = {sim_step::split(text, 200, 20 * millisecond_ns), sim_step::half_close()};
          break;
        case 1:
          peer.steps = {sim_step::send(text), sim_step::pause(millisecond_ns), sim_step::reset()};
          break;
        case 2:
          peer.steps = {sim_step::read_slowly(64, 10 * millisecond_ns), sim_step::send(text),
                        sim_step::half_close()};
          break;
        default: peer.steps = {sim_step::drip("slow", 1, second_ns)}; break;
      }
      REQUIRE(net.add_peer(std::move(peer)).ok());
    }
    for (int i = 0; i < 10; ++i) {
      const error why = server.run(net.now_ns() + second_ns);
      if (why && why != errc::deadlock) FAIL(to_string(why.code));
      auditor.wake();
      static_cast<void>(server.run(net.now_ns() + millisecond_ns));
    }
    seen.accepted = server.accepted();
    static_cast<void>(auditor.close_all(second_ns));
  }
  seen.violations = *violations;
  seen.touched = net.violations();
  seen.planted = net.planted_count();
  seen.digest = net.digest();
  return seen;
}

std::string first_line(const outcome& o) {
  return o.violations.empty() ? std::string("none") : o.violations.front();
}

}  // namespace

TEST_CASE("an honest backend gives the auditor nothing to say, on 400 seeds") {
  for (const bool kernel : {false, true}) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      const outcome o = simulate(seed, sim_bug::none, kernel);
      INFO("seed " << seed << " kernel " << kernel << ": " << first_line(o));
      CHECK(o.accepted > 0);
      CHECK(o.planted == 0);
      CHECK(o.touched.empty());
      REQUIRE(o.violations.empty());
    }
  }
}

TEST_CASE("each planted bug is seen, and its seed shows it again") {
  struct row {
    sim_bug bug;
    const char* sentence;
  };
  const row rows[] = {{sim_bug::double_completion, "P6 "},
                      {sim_bug::lost_wake, "P1"},
                      {sim_bug::stale_generation, "P16 "}};
  for (const row& r : rows) {
    for (const bool kernel : {false, true}) {
      int planted = 0;
      int found = 0;
      std::uint64_t seed_found = 0;
      for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        const outcome o = simulate(seed, r.bug, kernel);
        planted += o.planted > 0;
        if (!o.violations.empty()) {
          ++found;
          if (seed_found == 0) seed_found = seed;
          INFO(first_line(o));
          CHECK(o.planted > 0);
        }
      }
      INFO("bug " << static_cast<int>(r.bug) << " kernel " << kernel << ": planted in " << planted
                  << " seeds, found in " << found);
      CHECK(found > 0);
      CHECK(found * 2 >= planted);
      REQUIRE(seed_found != 0);
      const outcome first = simulate(seed_found, r.bug, kernel);
      const outcome again = simulate(seed_found, r.bug, kernel);
      CHECK(first.violations == again.violations);
      CHECK(first.digest == again.digest);
      CHECK(first_line(first).substr(0, std::string_view(r.sentence).size()) == r.sentence);
    }
  }
}
