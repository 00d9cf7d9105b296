#include <initializer_list>
#include <string>

#include <catch_amalgamated.hpp>

#include <weir/tls/certificate_facts.hpp>
#include <weir/tls/library.hpp>

#include "engine_pair.hpp"
#include "name_match.hpp"

using namespace weir;
using namespace weir::test;

namespace {

error load(const std::string& chain, const std::string& key) {
  const result<tls::identity> got = tls::identity::from_pem(chain, key);
  return got.why();
}

}  // namespace

TEST_CASE("the library starts, and is one that is fit for use") {
  const error why = tls::start_library();
  CHECK_FALSE(why);
  CHECK(tls::library_version() >= "3.6.6");
}

TEST_CASE("a certificate and the key of another are refused as no pair") {
  CHECK(load(server_certificate().certificate, client_certificate().key) == errc::invalid);
  CHECK_FALSE(load(server_certificate().certificate, server_certificate().key));
}

TEST_CASE("what is no certificate or no key is refused by name, and never shown") {
  const error chain = load("no certificate", server_certificate().key);
  CHECK(chain == errc::malformed);
  CHECK(std::string(chain.where) == "certificate chain");
  const error key = load(server_certificate().certificate, "no key");
  CHECK(key == errc::malformed);
  CHECK(std::string(key.where) == "private key");
}

TEST_CASE("a chain with one broken certificate is refused whole") {
  std::string broken = authority().certificate;
  broken.replace(broken.find('\n') + 20, 8, "????????");
  CHECK(load(server_certificate().certificate + broken, server_certificate().key) ==
        errc::malformed);
  const result<tls::trust_anchors> anchors =
      tls::trust_anchors::from_pem(authority().certificate + broken);
  CHECK(anchors.why() == errc::malformed);
}

TEST_CASE("S11 a chain of 64 KiB is refused when it is loaded; the longest is served") {
  std::string chain = server_certificate().certificate;
  while (chain.size() < 64 * 1024 * 4 / 3) chain += authority().certificate;  // PEM is a third more
  const error why = load(chain, server_certificate().key);
  CHECK(why == errc::invalid);
  CHECK(std::string(why.where) == "the certificate chain is longer than one record");
  const tls::version v = GENERATE(tls::version::tls_1_2, tls::version::tls_1_3);
  tls::server_options longest = server_options();
  longest.identities = {long_identity()};
  longest.oldest = longest.newest = v;
  engine_pair pair(make_context(std::move(longest)), make_context(client_options()));
  CHECK(pair.shake());
}

TEST_CASE("certificate names match as RFC 6125 says") {
  CHECK(tls::name_matches("Example.com", "eXample.COM"));
  CHECK(tls::name_matches("*.example.com", "a.example.com"));
  CHECK_FALSE(tls::name_matches("*.example.com", "example.com"));
  CHECK_FALSE(tls::name_matches("*.example.com", "a.b.example.com"));
  CHECK_FALSE(tls::name_matches("*.example.com", ".example.com"));
  CHECK_FALSE(tls::name_matches("example.com", "example.org"));
}

TEST_CASE("what cannot be made into a certificate is refused by name") {
  tls::certificate_request request = leaf_request();
  request.common_name = "a,O=b";
  CHECK(tls::make_certificate(request, nullptr).why() == errc::invalid);
  request = leaf_request();
  request.addresses = {"not an address"};
  CHECK(tls::make_certificate(request, nullptr).why() == errc::invalid);
  request = leaf_request();
  request.not_after = request.not_before;
  CHECK(tls::make_certificate(request, nullptr).why() == errc::invalid);
  request = leaf_request();
  request.not_after = 253'402'300'799;  // the last second of the year 9999
  CHECK(tls::make_certificate(request, nullptr).ok());
  ++request.not_after;
  CHECK(tls::make_certificate(request, nullptr).why() == errc::invalid);
}

TEST_CASE("a certificate says of itself what was asked for when it was made") {
  tls::certificate_request request = leaf_request();
  request.dns_names = {"localhost", "*.example.com"};
  request.addresses = {"127.0.0.1", "fe80::1"};
  const tls::certificate_facts leaf = tls::facts_of(identity_of(make_leaf(request)));
  CHECK(leaf.not_before == request.not_before);
  CHECK(leaf.not_after == request.not_after);
  CHECK(leaf.serial.size() == 32);
  CHECK_FALSE(leaf.authority);
  CHECK(leaf.for_servers);
  for (const char* name : {"localhost", "*.example.com", "127.0.0.1", "fe80::1"}) {
    CHECK(leaf.names.find(name) != std::string::npos);
  }
  CHECK(tls::facts_of(identity_of(client_certificate())).for_servers == false);
  const tls::certificate_facts issuer = tls::facts_of(identity_of(authority()));
  CHECK(issuer.authority);
  CHECK(issuer.names.empty());

  // Leap days and the turn of a century.
  for (const std::int64_t at :
       std::initializer_list<std::int64_t>{0, 951'782'400, 951'868'800, 4'107'542'399}) {
    request.not_before = at;
    request.not_after = at + 1;
    CHECK(tls::facts_of(identity_of(make_leaf(request))).not_before == at);
    CHECK(tls::facts_of(identity_of(make_leaf(request))).not_after == at + 1);
  }
}

TEST_CASE("a context refuses what it could not work with") {
  tls::server_options server = server_options();
  server.identities.clear();
  CHECK(tls::context::for_servers(server).why() == errc::invalid);
  server = server_options();
  server.oldest = tls::version::tls_1_3;
  server.newest = tls::version::tls_1_2;
  CHECK(tls::context::for_servers(server).why() == errc::invalid);
  server = server_options();
  server.ask = tls::client_certificates::required;
  CHECK(tls::context::for_servers(server).why() == errc::invalid);
}
