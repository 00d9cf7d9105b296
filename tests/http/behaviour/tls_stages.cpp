// behaviour/tls_stages.cpp - the same tests inside TLS: peers whose scripts go through a session.
//
#include <weir/tls/server_security.hpp>

#include "behaviour/stage.hpp"
#include "support/tls_layer.hpp"
#include "support/wrapped_layer.hpp"
#include "tls/identities.hpp"

namespace weir::http::behaviour {

namespace {

class tls_transport final : public transport {
 public:
  explicit tls_transport(tls::version v)
      : server_(test::make_context(speaking_only(v, test::server_options()))),
        client_(test::make_context(speaking_only(v, test::client_options()))) {}

  std::shared_ptr<runtime::stream_security> of_server(runtime::scheduler& on,
                                                      time_ns step_ns) const override {
    tls::server_security_options options;
    options.virtual_handshake_step_ns = step_ns;
    return std::make_shared<tls::server_security>(on, server_, options);
  }
  std::shared_ptr<platform::sim_layer> of_peer() const override {
    return std::make_shared<test::tls_layer>(client_, test::host);
  }

 private:
  template <class Options>
  static Options speaking_only(tls::version v, Options options) {
    options.oldest = options.newest = v;
    return options;
  }

  tls::context server_;
  tls::context client_;
};

}  // namespace

namespace {

const tls_transport& speaking(tls::version v) {
  static const tls_transport newer(tls::version::tls_1_3);
  static const tls_transport older(tls::version::tls_1_2);
  return v == tls::version::tls_1_3 ? newer : older;
}

}  // namespace

// Handshakes are what this costs, above all under sanitizers: each matter where it can differ.
std::vector<std::unique_ptr<stage>> make_stages(matter of, std::string_view title) {
  const tls_transport& newer = speaking(tls::version::tls_1_3);
  const tls_transport& older = speaking(tls::version::tls_1_2);
  std::vector<std::unique_ptr<stage>> all;
  if (of == matter::crowd) return all;
  std::uint32_t lot = 2'166'136'261u;
  for (const char c : title) lot = (lot ^ static_cast<unsigned char>(c)) * 16'777'619u;
  if (of != matter::handshake && (lot >> 8) % WEIR_TLS_ONE_IN != 0) return all;
  all.push_back(make_sim_stage("sim, TLS 1.3", weather::calm, false, &newer));
  all.push_back(
      make_sim_stage("sim, TLS 1.2, stormy, kernel owns buffers", weather::stormy, true, &older));
  // Real deadlines take real time: a sample of the others.
  if (of == matter::handshake || (lot >> 16) % 16 == 0) {
    all.push_back(make_socket_stage("sockets, TLS 1.3", &newer));
  }
  if (of == matter::handshake || (lot >> 16) % 16 == 1) {
    all.push_back(make_socket_stage("sockets, TLS 1.2", &older));
  }
  return all;
}

}  // namespace weir::http::behaviour

std::vector<std::shared_ptr<weir::platform::sim_layer>> weir::test::one_of_each_version() {
  using http::behaviour::speaking;
  return {speaking(tls::version::tls_1_2).of_peer(), speaking(tls::version::tls_1_3).of_peer()};
}
