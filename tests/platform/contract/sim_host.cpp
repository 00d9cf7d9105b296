// tests/platform/contract/sim_host.cpp - the simulator as a backend under the contract.
#include <weir/platform/sim.hpp>

#include "hosts.hpp"

namespace weir::platform::contract {

namespace {

class sim_host final : public host {
 public:
  sim_host(const char* name, const sim_options& options) : name_(name), net_(options) {
    net_.fail_connect(silent(), errc::timed_out, 127 * second_ns);
  }
  const char* name() const override { return name_; }
  result<std::unique_ptr<poller>> open(const poller_options& options) override {
    return net_.open_poller(options);
  }
  std::optional<address> unix_path() override {
    return address::unix_path("/sim/" + std::to_string(++paths_)).value();
  }
  bool real_time() const override { return false; }
  std::vector<std::string> complaints() override {
    std::vector<std::string> all = net_.violations();
    if (net_.endpoints_open() != 0) all.emplace_back("endpoints were left open");
    return all;
  }

 private:
  const char* name_;
  sim_network net_;
  int paths_ = 0;
};

// Everything a network can do to its users short of breaking a connection.
sim_options stormy(bool kernel) {
  return {.seed = 20'260'101,
          .latency_min_ns = 0,
          .latency_max_ns = 300 * microsecond_ns,
          .pipe_bytes = 10'007,
          .segment_bytes = 997,
          .kernel_owns_buffers = kernel,
          .shuffle = true,
          .short_receive_permille = 300,
          .short_send_permille = 300,
          .would_block_permille = 200,
          .early_readable_permille = 200};
}

}  // namespace

std::unique_ptr<host> make_sim() {
  return std::make_unique<sim_host>("sim", sim_options{});
}
std::unique_ptr<host> make_sim_kernel() {
  return std::make_unique<sim_host>("sim, kernel owns buffers",
                                    sim_options{.kernel_owns_buffers = true});
}
std::unique_ptr<host> make_sim_stormy() {
  return std::make_unique<sim_host>("sim, stormy", stormy(false));
}
std::unique_ptr<host> make_sim_stormy_kernel() {
  return std::make_unique<sim_host>("sim, stormy, kernel owns buffers", stormy(true));
}

}  // namespace weir::platform::contract
