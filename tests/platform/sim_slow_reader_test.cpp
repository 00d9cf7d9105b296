// Peers of the simulator that read slowly, with a layer below their script and without.
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <catch_amalgamated.hpp>

#include <weir/platform/sim.hpp>

#include "support/echo_loop.hpp"

using namespace weir;
using namespace weir::platform;

namespace {

const address server_at = address::loopback_ipv4(8080);

sim_peer_id add(sim_network& net, sim_peer peer) {
  const result<sim_peer_id> id = net.add_peer(std::move(peer));
  REQUIRE(id.ok());
  return id.value();
}

// Runs an echo server over `net`, until nothing can happen any more. Peers were added before.
void serve(sim_network& net) {
  result<std::unique_ptr<poller>> opened = net.open_poller();
  REQUIRE(opened.ok());
  poller& p = *opened.value();
  test::echo_loop server(p, never_ns, false);
  REQUIRE(server.listen(server_at).ok());
  CHECK(server.run(never_ns) == errc::deadlock);
  static_cast<void>(p.close_all(second_ns));
}

// A layer whose records are lines: what comes of one is for the script when it is whole.
class whole_lines final : public sim_layer {
 public:
  bool ready() const override { return true; }
  std::size_t say(std::string_view text) override {
    outgoing_ += text;
    return text.size();
  }
  void end() override {}
  void hear(std::string_view wire, std::string& text) override {
    line_ += wire;
    const std::size_t whole = line_.rfind('\n') + 1;  // 0: none is
    text += line_.substr(0, whole);
    line_.erase(0, whole);
  }
  bool heard_end() const override { return true; }
  std::string& outgoing() override { return outgoing_; }

 private:
  std::string line_;
  std::string outgoing_;
};

}  // namespace

TEST_CASE("a slow reader takes its bytes at its own pace, and the sender feels it") {
  sim_network net({.latency_min_ns = 0, .latency_max_ns = 0, .pipe_bytes = 50});
  const std::string text(500, 'x');
  const sim_peer_id id = add(net, {.at = server_at,
                                   .steps = {sim_step::read_slowly(10, second_ns),
                                             sim_step::send(text), sim_step::half_close()}});
  serve(net);
  const sim_record& r = net.record(id);
  CHECK(r.received == text);
  CHECK(r.chunks.size() == 50);
  CHECK(r.ended_ns - r.connected_ns >= 49 * second_ns);
  CHECK(r.ended_ns - r.connected_ns <= 60 * second_ns);
}

TEST_CASE("a peer that begins to read slowly takes what is there already") {
  sim_network net({.latency_min_ns = 0, .latency_max_ns = 0});
  const std::string text(50, 'x');
  const sim_peer_id id =
      add(net, {.at = server_at,
                .steps = {sim_step::stop_reading(), sim_step::send(text),
                          sim_step::pause(60 * second_ns), sim_step::read_slowly(10, second_ns),
                          sim_step::await_bytes(text.size()), sim_step::half_close()}});
  serve(net);
  const sim_record& r = net.record(id);
  CHECK(r.received == text);
  CHECK(r.chunks.size() == 5);
  CHECK(r.end == sim_end::eof);
}

TEST_CASE("a slow reader behind a layer goes on with what came behind the end of a record") {
  // Each half of the text fills the pipe, and the first record ends in the second half.
  sim_network net({.latency_min_ns = 0, .latency_max_ns = 0, .pipe_bytes = 500});
  const std::string text = std::string(599, 'x') + "\n" + std::string(399, 'y') + "\n";
  const sim_peer_id id =
      add(net, {.at = server_at,
                .steps = {sim_step::stop_reading(), sim_step::send(text),
                          sim_step::pause(60 * second_ns), sim_step::read_slowly(50, second_ns),
                          sim_step::await_bytes(text.size()), sim_step::half_close()},
                .layer = std::make_shared<whole_lines>()});
  serve(net);
  const sim_record& r = net.record(id);
  CHECK(r.received == text);
  REQUIRE(r.chunks.size() == 2);
  CHECK(r.chunks[0].bytes == 600);
  // What was read too early, for the sake of the first record, was paid for.
  CHECK(r.chunks[1].at_ns - r.chunks[0].at_ns >= 10 * second_ns);
  CHECK(r.end == sim_end::eof);
}

TEST_CASE("a peer that reads everything again owes nothing for what it read too early") {
  // The first record fills the pipe forty times.
  sim_network net({.latency_min_ns = 0, .latency_max_ns = 0, .pipe_bytes = 500});
  const std::string text = std::string(19'999, 'x') + "\n" + std::string(399, 'y') + "\n";
  const sim_peer_id id =
      add(net, {.at = server_at,
                .steps = {sim_step::stop_reading(), sim_step::send(text),
                          sim_step::pause(60 * second_ns), sim_step::read_slowly(50, second_ns),
                          sim_step::await_bytes(20'000), sim_step::read_fully(),
                          sim_step::await_bytes(text.size()), sim_step::half_close()},
                .layer = std::make_shared<whole_lines>()});
  serve(net);
  const sim_record& r = net.record(id);
  CHECK(r.received == text);
  CHECK(r.ended_ns - r.connected_ns < 61 * second_ns);
  CHECK(r.end == sim_end::eof);
}
