// behaviour/sim_stage.cpp - the simulator as a stage: calm, stormy, and with either buffer model.
#include <optional>

#include <weir/runtime/scheduler.hpp>
#include <weir/runtime/task_tree.hpp>

#include "behaviour/stage.hpp"
#include "support/contract_auditor.hpp"

namespace weir::http::behaviour {
namespace {

using platform::sim_network;
using platform::sim_options;
using platform::sim_peer_id;

class sim_stage final : public stage {
 public:
  sim_stage(const char* name, const sim_options& options, bool exact, const transport* over)
      : stage(over), name_(name), exact_(exact), net_(options) {}
  ~sim_stage() override {
    // A test that failed half-way leaves a server that was never stopped.
    if (loop_) {
      ending how;
      server_->drain();
      for (int i = 0; i < 10'000 && !stopped(); ++i) sim_stage::turn(10 * millisecond_ns);
      static_cast<void>(sim_stage::tear_down(how));
    }
  }

  const char* name() const override { return name_; }
  bool exact() const override { return exact_; }

  void serve(const limits& bounds, bool may_start) override {
    result<std::unique_ptr<platform::poller>> opened = net_.open_poller();
    REQUIRE(opened.ok());
    auto audited = std::make_unique<test::contract_auditor>(
        std::move(opened).value(), [this] { return net_.stalled_operations(); });
    violations_ = audited->shared_violations();
    loop_ = std::make_unique<runtime::scheduler>(std::move(audited));
    frames_before_ = loop_->frames().bytes_in_use();
    state.compute = [this](time_ns span_ns) { net_.advance(span_ns); };
    routes_.emplace(make_routes(state));
    server_options options;
    options.bounds = bounds;
    options.observe_hold = &stage::on_hold;
    options.observe_context = static_cast<stage*>(this);
    options.virtual_blocking_ns = virtual_blocking_ns;
    state.held->open();
    if (secure()) security_ = over_->of_server(*loop_, virtual_handshake_step_ns);
    options.security = security_.get();
    server_.emplace(*loop_, *routes_, options);
    const address wanted = address::loopback_ipv4(8'080);
    const result<address> at = secure() ? server_->listen_secure(wanted) : server_->listen(wanted);
    REQUIRE(at.ok());
    at_ = at.value();
    if (may_start) start();
  }
  void start() override {
    const error why = server_->start(
        [](void* context, const drain_report& report) noexcept {
          static_cast<sim_stage*>(context)->report_ = report;
        },
        this);
    REQUIRE_FALSE(why);
  }
  time_ns now_ns() const override { return net_.now_ns(); }

  peer_id connect_over(std::shared_ptr<platform::sim_layer> layer, script steps, bool) override {
    // All from one host, as on loopback.
    const auto port = static_cast<std::uint16_t>(10'000 + peers_.size());
    const result<sim_peer_id> peer = net_.add_peer({.at = at_,
                                                    .from = address::loopback_ipv4(port),
                                                    .steps = std::move(steps),
                                                    .layer = std::move(layer)});
    REQUIRE(peer.ok());
    peers_.push_back(peer.value());
    return peers_.size() - 1;
  }
  const sim_record& record(peer_id peer) const override { return net_.record(peers_.at(peer)); }
  std::size_t peers() const override { return peers_.size(); }

  void turn(time_ns at_most_ns) override {
    const error why = loop_->poll_once(net_.now_ns() + at_most_ns);
    if (why) FAIL("the scheduler's poller broke: " << to_string(why.code));
  }

  void drain() override { server_->drain(); }
  bool stopped() override { return report_.has_value(); }
  server_counters counters() override { return server_->counters(); }
  runtime::offload_counters blocking() override { return server_->blocking(); }
  runtime::scheduler_counters loop() override { return loop_->counters(); }

 protected:
  std::vector<std::string> tear_down(ending& how) override {
    std::vector<std::string> complaints;
    const auto say = [&complaints](bool fine, const std::string& what) {
      if (!fine) complaints.push_back(what);
    };
    how.stopped = report_.has_value() && server_->stopped();
    how.report = report_.value_or(drain_report());
    how.counters = server_->counters();
    how.held = held_;
    say(server_->connections() == 0, "the server still counts connections");
    // What the server asked to end still has to be answered.
    for (int i = 0; i < 200 && loop_->poller().counters().operations_open > 0; ++i) {
      turn(millisecond_ns);
    }
    const platform::poller_counters& left = loop_->poller().counters();
    say(left.sockets_open == 0, std::to_string(left.sockets_open) + " sockets are open");
    say(left.operations_open == 0, std::to_string(left.operations_open) + " operations are open");
    say(left.slots_leaked == 0, "slots were leaked");
    server_.reset();
    security_.reset();
    say(loop_->frames().bytes_in_use() == frames_before_, "frames are left:\n" + task_tree(*loop_));
    say(loop_->timers().soonest() == nullptr, "a timer is armed");
    loop_.reset();
    for (const std::string& v : *violations_) complaints.push_back("contract: " + v);
    for (const std::string& v : net_.violations()) complaints.push_back("memory: " + v);
    return complaints;
  }

 private:
  const char* name_;
  bool exact_;
  sim_network net_;
  std::shared_ptr<const std::vector<std::string>> violations_;
  std::optional<routes> routes_;
  std::unique_ptr<runtime::scheduler> loop_;
  std::size_t frames_before_ = 0;
  std::shared_ptr<runtime::stream_security> security_;
  std::optional<server> server_;
  std::optional<drain_report> report_;
  address at_;
  std::vector<sim_peer_id> peers_;
};

// Everything a network can do to its users short of breaking a connection.
sim_options stormy(bool kernel) {
  return {.seed = 20'261'121,
          .latency_min_ns = 0,
          .latency_max_ns = 300 * microsecond_ns,
          .pipe_bytes = 30'011,
          .segment_bytes = 997,
          .kernel_owns_buffers = kernel,
          .shuffle = true,
          .short_receive_permille = 300,
          .short_send_permille = 300,
          .would_block_permille = 200,
          .early_readable_permille = 200};
}

sim_options calm(bool kernel) {
  return {.latency_min_ns = 0,
          .latency_max_ns = 0,
          .kernel_owns_buffers = kernel,
          .cancel_delay_max_ns = 0};
}

}  // namespace

std::unique_ptr<stage> make_sim_stage(const char* name, weather how, bool kernel,
                                      const transport* over) {
  const bool is_calm = how == weather::calm;
  return std::make_unique<sim_stage>(name, is_calm ? calm(kernel) : stormy(kernel), is_calm, over);
}

}  // namespace weir::http::behaviour
