// behaviour/tls_stages.cpp - the same tests inside TLS: peers whose scripts go through a session.
#include "behaviour/tls_stages.hpp"

#include <weir/tls/server_security.hpp>

#include "support/tls_layer.hpp"
#include "tls/identities.hpp"

namespace weir::http::behaviour {

namespace {

class tls_transport final : public transport {
 public:
  explicit tls_transport(tls::version v)
      : spoken_(v),
        server_(test::make_context(speaking_only(v, test::server_options()))),
        client_(test::make_context(speaking_only(v, test::client_options()))) {}

  std::shared_ptr<runtime::stream_security> of_server(runtime::scheduler& on,
                                                      time_ns step_ns) const override {
    tls::server_security_options options;
    options.virtual_handshake_step_ns = step_ns;
    live_ = std::make_shared<tls::live_context>(server_);
    return std::make_shared<tls::server_security>(on, live_, options);
  }
  std::shared_ptr<platform::sim_layer> of_peer() const override {
    return std::make_shared<test::tls_layer>(client_, test::host);
  }
  tls::version spoken() const { return spoken_; }
  const tls::context& of_client() const { return client_; }
  void renew(tls::server_options with) const {
    live_->use(test::make_context(speaking_only(spoken_, std::move(with))));
  }

 private:
  template <class Options>
  static Options speaking_only(tls::version v, Options options) {
    options.oldest = options.newest = v;
    return options;
  }

  tls::version spoken_;
  tls::context server_;
  tls::context client_;
  mutable std::shared_ptr<tls::live_context> live_;  // of the server there is: one at a time
};

const tls_transport& speaking(tls::version v) {
  static const tls_transport newer(tls::version::tls_1_3);
  static const tls_transport older(tls::version::tls_1_2);
  return v == tls::version::tls_1_3 ? newer : older;
}

const tls_transport& below(const stage& on) {
  return static_cast<const tls_transport&>(*on.over());
}

}  // namespace

tls::version spoken(const stage& on) {
  return below(on).spoken();
}

const tls::context& client_context(const stage& on) {
  return below(on).of_client();
}

void renew(stage& on, tls::server_options with) {
  below(on).renew(std::move(with));
}

std::vector<std::shared_ptr<platform::sim_layer>> one_of_each_version() {
  return {speaking(tls::version::tls_1_2).of_peer(), speaking(tls::version::tls_1_3).of_peer()};
}

// Where processors are slow, or sockets, some tests are drawn by their titles: the same in every
// run. See WEIR_TLS_* in CMakeLists.txt.
std::vector<std::unique_ptr<stage>> make_stages(matter of, std::string_view title) {
  const tls_transport& newer = speaking(tls::version::tls_1_3);
  const tls_transport& older = speaking(tls::version::tls_1_2);
  std::vector<std::unique_ptr<stage>> all;
  if (of == matter::crowd) return all;
  std::uint32_t lot = 2'166'136'261u;
  for (const char c : title) lot = (lot ^ static_cast<unsigned char>(c)) * 16'777'619u;
  const bool always = of == matter::handshake;
  if (!always && (lot >> 8) % WEIR_TLS_ONE_IN != 0) return all;
  all.push_back(make_sim_stage("sim, TLS 1.3", weather::calm, false, &newer));
  all.push_back(
      make_sim_stage("sim, TLS 1.2, stormy, kernel owns buffers", weather::stormy, true, &older));
  const std::uint32_t over_sockets = (lot >> 16) % WEIR_TLS_SOCKETS_ONE_IN;
  if (always || over_sockets == 0) all.push_back(make_socket_stage("sockets, TLS 1.3", &newer));
  // Not the same ones, where there are others.
  if (always || over_sockets == 1 % WEIR_TLS_SOCKETS_ONE_IN) {
    all.push_back(make_socket_stage("sockets, TLS 1.2", &older));
  }
  return all;
}

}  // namespace weir::http::behaviour
