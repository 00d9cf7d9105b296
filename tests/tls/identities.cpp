// tests/tls/identities.cpp - see the header.
#include "identities.hpp"

#include <string>
#include <utility>

#include <catch_amalgamated.hpp>

#include <weir/platform/clock.hpp>

namespace weir::test {

namespace {

constexpr std::int64_t hour = 3'600;

tls::made_certificate made(result<tls::made_certificate> got) {
  INFO(got.why().where << " " << got.why().os_code);
  REQUIRE(got.ok());
  return std::move(got).value();
}

tls::made_certificate make_authority(const char* name) {
  tls::certificate_request request = leaf_request();
  request.common_name = name;
  request.dns_names.clear();
  request.addresses.clear();
  request.authority = true;
  return made(tls::make_certificate(request, nullptr));
}

}  // namespace

tls::certificate_request leaf_request() {
  const std::int64_t now = system_clock().unix_seconds();
  tls::certificate_request request;
  request.common_name = "weir tests";
  request.dns_names = {"localhost"};
  request.addresses = {"127.0.0.1", "::1"};
  request.not_before = now - hour;
  request.not_after = now + 24 * hour;
  return request;
}

tls::made_certificate make_leaf(const tls::certificate_request& request,
                                const tls::made_certificate& by) {
  return made(tls::make_certificate(request, &by));
}

const tls::made_certificate& authority() {
  static const tls::made_certificate one = make_authority("weir test authority");
  return one;
}

const tls::made_certificate& stranger() {
  static const tls::made_certificate one = make_authority("somebody else");
  return one;
}

const tls::made_certificate& server_certificate() {
  static const tls::made_certificate one = make_leaf(leaf_request());
  return one;
}

const tls::made_certificate& client_certificate() {
  static const tls::made_certificate one = [] {
    tls::certificate_request request = leaf_request();
    request.for_servers = false;
    request.for_clients = true;
    return make_leaf(request);
  }();
  return one;
}

tls::identity identity_of(const tls::made_certificate& from) {
  result<tls::identity> got = tls::identity::from_pem(from.certificate, from.key);
  INFO(got.why().where);
  REQUIRE(got.ok());
  return std::move(got).value();
}

tls::identity long_identity() {
  const tls::made_certificate& leaf = server_certificate();
  tls::identity longest = identity_of(leaf);
  std::string chain = leaf.certificate;
  for (;;) {
    chain += authority().certificate;
    result<tls::identity> longer = tls::identity::from_pem(chain, leaf.key);
    if (!longer.ok()) return longest;
    longest = std::move(longer).value();
  }
}

tls::trust_anchors anchors_of(const tls::made_certificate& from) {
  result<tls::trust_anchors> got = tls::trust_anchors::from_pem(from.certificate);
  INFO(got.why().where);
  REQUIRE(got.ok());
  return std::move(got).value();
}

tls::server_options server_options() {
  tls::server_options options;
  options.identities = {identity_of(server_certificate())};
  return options;
}

tls::client_options client_options() {
  tls::client_options options;
  options.anchors = anchors_of(authority());
  return options;
}

tls::context make_context(tls::server_options options) {
  result<tls::context> got = tls::context::for_servers(std::move(options));
  INFO(got.why().where);
  REQUIRE(got.ok());
  return std::move(got).value();
}

tls::context make_context(tls::client_options options) {
  result<tls::context> got = tls::context::for_clients(std::move(options));
  INFO(got.why().where);
  REQUIRE(got.ok());
  return std::move(got).value();
}

}  // namespace weir::test
