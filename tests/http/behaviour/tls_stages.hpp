// behaviour/tls_stages.hpp - what tests of TLS itself ask of a stage beyond what all stages have.
#pragma once

#include <memory>
#include <vector>

#include <weir/tls/context.hpp>

#include "behaviour/stage.hpp"

namespace weir::http::behaviour {

// The one version of a secure stage.
tls::version spoken(const stage& on);
// What its peers are made of.
const tls::context& client_context(const stage& on);
// Sessions from now on are made of these, but for the version.
void renew(stage& on, tls::server_options with);
// Of clients that speak one version only.
std::vector<std::shared_ptr<platform::sim_layer>> one_of_each_version();

}  // namespace weir::http::behaviour
