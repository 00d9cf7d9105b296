// simulation/tls_protection.cpp - TLS in a simulation: the real engine and stream on the server's
// side, the engine below the script on the client's.
//
// All that TLS draws follows from the seed, and its time is that of the network. Steps of
// handshakes run in virtual time, on the one thread there is (runtime/offload.hpp).
#include <optional>
#include <utility>

#include <weir/platform/assert.hpp>
#include <weir/tls/server_security.hpp>

#include "simulation/forgetful_stream.hpp"
#include "simulation/protection.hpp"
#include "support/seeded_tls.hpp"
#include "support/tls_layer.hpp"

namespace weir::simulation {

namespace {

class loop_clock final : public clock {
 public:
  explicit loop_clock(const platform::poller& of) : of_(of) {}
  time_ns now_ns() const noexcept override { return of_.now_ns(); }
  std::int64_t unix_seconds() const noexcept override { return of_.unix_seconds(); }

 private:
  const platform::poller& of_;
};

tls::context taken(result<tls::context> made) {
  WEIR_ASSERT(made.ok());
  return std::move(made).value();
}

tls::context make_client(bool older) {
  tls::client_options options;
  options.anchors = test::seeded_anchors();
  if (older) options.newest = tls::version::tls_1_2;
  return taken(tls::context::for_clients(std::move(options)));
}

class tls_protection final : public protection {
 public:
  explicit tls_protection(const protection_options& options)
      : options_(options),
        client_(make_client(false)),
        older_client_(make_client(true)),
        forgets_(options.seed, options.planted == session_bug::lost_close_notify) {}
  ~tls_protection() override { test::time_tls(nullptr); }

  runtime::stream_security& serve(runtime::scheduler& on) override {
    time_.emplace(on.poller());
    test::time_tls(&*time_);
    tls::server_options what;
    what.identities = {test::seeded_identity()};
    tls::server_security_options how;
    how.virtual_handshake_step_ns = options_.handshake_step_ns;
    server_.emplace(on, taken(tls::context::for_servers(std::move(what))), how);
    forgets_.over(*server_);
    return forgets_;
  }
  std::shared_ptr<platform::sim_layer> connect(bool older) override {
    return std::make_shared<test::tls_layer>(older ? older_client_ : client_, test::seeded_host);
  }
  std::uint64_t planted_count() const override { return forgets_.forgotten(); }

 private:
  protection_options options_;
  tls::context client_;
  tls::context older_client_;
  std::optional<loop_clock> time_;
  std::optional<tls::server_security> server_;
  forgetful_security forgets_;
};

}  // namespace

bool can_protect() {
  return test::own_tls();
}

std::unique_ptr<protection> make_protection(const protection_options& options) {
  WEIR_ASSERT(can_protect());
  static_cast<void>(test::seeded_identity());
  test::tls_numbers() = seeded_random(options.seed);
  return std::make_unique<tls_protection>(options);
}

}  // namespace weir::simulation
