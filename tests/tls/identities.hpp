// tests/tls/identities.hpp - certificates for tests: an authority, and who it vouches for.
#pragma once

#include <string_view>

#include <weir/tls/context.hpp>
#include <weir/tls/make_certificate.hpp>

namespace weir::test {

// Made once for a program: each is a signature.
const tls::made_certificate& authority();
const tls::made_certificate& stranger();  // an authority nobody here believes

// For localhost and 127.0.0.1, good now, signed by authority().
const tls::made_certificate& server_certificate();
const tls::made_certificate& client_certificate();

tls::certificate_request leaf_request();
tls::made_certificate make_leaf(const tls::certificate_request& request,
                                const tls::made_certificate& by = authority());

tls::identity identity_of(const tls::made_certificate& made);
// server_certificate() with as many others behind it as can be sent; one more is refused.
tls::identity long_identity();
tls::trust_anchors anchors_of(const tls::made_certificate& made);

// A server that is server_certificate(), and a client that believes authority().
tls::server_options server_options();
tls::client_options client_options();
tls::context make_context(tls::server_options options);
tls::context make_context(tls::client_options options);

constexpr std::string_view host = "localhost";

}  // namespace weir::test
