// Whom a client believes: every reason not to is its own, and told (RFC 9110 4.3.4, RFC 6125).
#include <string>

#include <catch_amalgamated.hpp>

#include "engine_pair.hpp"

using namespace weir;
using namespace weir::test;

namespace {

constexpr const char* believed = "believed";
constexpr const char* no_anchor = "tls: the peer's certificate leads to no trust anchor";
constexpr const char* expired = "tls: the peer's certificate has expired";
constexpr const char* too_early = "tls: the peer's certificate is not valid yet";
constexpr const char* other_host = "tls: the peer's certificate is for another host";

// What the client says of a server that shows this; TLS 1.2 and 1.3 have to agree.
std::string verdict(const tls::identity& shown, std::string_view name,
                    const tls::client_options& how) {
  std::string said;
  for (const tls::version v : {tls::version::tls_1_2, tls::version::tls_1_3}) {
    tls::server_options server;
    server.identities = {shown};
    server.oldest = server.newest = v;
    const tls::context of_client = make_context(how);
    engine_pair pair(make_context(server), of_client);
    pair.client = take(engine::for_client(of_client, name));
    const bool open = pair.shake();
    const error why = pair.client->why_failed();
    CHECK(open != static_cast<bool>(why));
    if (!open) CHECK(why == errc::permission);
    const std::string now = open ? believed : why.where;
    if (!said.empty()) CHECK(now == said);
    said = now;
  }
  return said;
}

std::string verdict(const tls::made_certificate& shown, std::string_view name = host,
                    const tls::made_certificate& anchor = authority()) {
  tls::client_options how = client_options();
  how.anchors = anchors_of(anchor);
  return verdict(identity_of(shown), name, how);
}

tls::made_certificate leaf_for(const char* name, const char* common_name = "weir tests") {
  tls::certificate_request request = leaf_request();
  request.common_name = common_name;
  request.dns_names = {name};
  request.addresses.clear();
  return make_leaf(request);
}

}  // namespace

TEST_CASE("a client believes a good certificate under each of its names") {
  for (const char* name : {"localhost", "LOCALHOST", "127.0.0.1", "::1"}) {
    CHECK(verdict(server_certificate(), name) == believed);
  }
  tls::certificate_request request = leaf_request();
  request.kind = tls::key_kind::rsa_2048;
  CHECK(verdict(make_leaf(request)) == believed);
}

TEST_CASE("a certificate for another host is refused, however alike the names are") {
  for (const char* name : {"elsewhere.test", "localhos", "localhost.test", "127.0.0.2", "::2"}) {
    CHECK(verdict(server_certificate(), name) == other_host);
  }
  CHECK(verdict(leaf_for("example.com"), "example.org") == other_host);
}

TEST_CASE("a wildcard stands for one whole label, the first, and for nothing else") {
  const tls::made_certificate shown = leaf_for("*.example.com");
  CHECK(verdict(shown, "a.example.com") == believed);
  CHECK(verdict(shown, "A.Example.COM") == believed);
  for (const char* name : {"example.com", "a.b.example.com", ".example.com", "a.example.org"}) {
    CHECK(verdict(shown, name) == other_host);
  }
  CHECK(verdict(leaf_for("a*.example.com"), "ab.example.com") == other_host);
  CHECK(verdict(leaf_for("a.*.com"), "a.example.com") == other_host);
  CHECK(verdict(leaf_for("*"), "localhost") == other_host);
}

TEST_CASE("the common name of a certificate is no name of a host") {
  tls::certificate_request request = leaf_request();
  request.common_name = "localhost";
  request.dns_names.clear();
  request.addresses.clear();
  CHECK(verdict(make_leaf(request)) == other_host);
  CHECK(verdict(leaf_for("example.com", "localhost")) == other_host);
}

TEST_CASE("a certificate out of its time is refused, and told from one that is too early") {
  tls::certificate_request request = leaf_request();
  SECTION("expired") {
    request.not_after = request.not_before + 60;
    CHECK(verdict(make_leaf(request)) == expired);
  }
  SECTION("not valid yet") {
    request.not_before = request.not_after - 60;
    CHECK(verdict(make_leaf(request)) == too_early);
  }
}

TEST_CASE("a certificate that leads to no anchor is refused") {
  SECTION("signed by somebody else") {
    CHECK(verdict(make_leaf(leaf_request(), stranger())) == no_anchor);
  }
  SECTION("signed by somebody else who has the same name") {
    tls::certificate_request same = leaf_request();
    same.common_name = "weir test authority";
    same.dns_names.clear();
    same.addresses.clear();
    same.authority = true;
    const result<tls::made_certificate> impostor = tls::make_certificate(same, nullptr);
    REQUIRE(impostor.ok());
    CHECK(verdict(make_leaf(leaf_request(), impostor.value())) == no_anchor);
  }
  SECTION("signed by itself") {
    const result<tls::made_certificate> own = tls::make_certificate(leaf_request(), nullptr);
    REQUIRE(own.ok());
    CHECK(verdict(own.value()) == no_anchor);
  }
  SECTION("signed by a leaf") {
    CHECK(verdict(make_leaf(leaf_request(), server_certificate())) == no_anchor);
    tls::made_certificate both = make_leaf(leaf_request(), server_certificate());
    both.certificate += server_certificate().certificate;
    CHECK(verdict(both) == no_anchor);
  }
}

TEST_CASE("a chain is followed over what the server sends, and not when a link is missing") {
  tls::certificate_request request = leaf_request();
  request.common_name = "weir intermediate";
  request.dns_names.clear();
  request.addresses.clear();
  request.authority = true;
  const tls::made_certificate between = make_leaf(request);
  tls::made_certificate leaf = make_leaf(leaf_request(), between);
  CHECK(verdict(leaf) == no_anchor);
  leaf.certificate += between.certificate;
  CHECK(verdict(leaf) == believed);
  // An anchor need not be a root.
  CHECK(verdict(make_leaf(leaf_request(), between), host, between) == believed);
}

TEST_CASE("a certificate for clients is not shown by a server") {
  tls::server_options server = server_options();
  server.identities = {identity_of(client_certificate())};
  const tls::context of_client = make_context(client_options());
  engine_pair pair(make_context(server), of_client);
  CHECK_FALSE(pair.shake());
}

TEST_CASE("what a client lacks for verifying is refused before it begins") {
  tls::client_options how = client_options();
  how.anchors = tls::trust_anchors();
  CHECK(tls::context::for_clients(how).why() == errc::invalid);
  CHECK(std::string(tls::context::for_clients(how).why().where) == "anchors");
  const tls::context good = make_context(client_options());
  CHECK(engine::for_client(good, "").why() == errc::invalid);
  CHECK(engine::for_client(good, std::string(256, 'a')).why() == errc::invalid);
  CHECK(engine::for_client(good, std::string_view("localhost\0.test", 15)).why() == errc::invalid);
}

TEST_CASE("the authorities of the system are anchors, and do not vouch for ours") {
  const result<tls::trust_anchors> found = tls::trust_anchors::of_system();
  if (!found.ok()) {
    CHECK(found.why() == errc::not_found);
    SKIP("this system has no authorities where such systems have them");
  }
  tls::client_options how;
  how.anchors = found.value();
  CHECK(verdict(identity_of(server_certificate()), host, how) == no_anchor);
}

TEST_CASE("a server says why it does not believe a client") {
  tls::server_options server = server_options();
  server.client_anchors = anchors_of(authority());
  server.ask = GENERATE(tls::client_certificates::optional, tls::client_certificates::required);
  server.oldest = server.newest = GENERATE(tls::version::tls_1_2, tls::version::tls_1_3);
  tls::certificate_request request = leaf_request();
  request.for_servers = false;
  request.for_clients = true;
  const char* says = no_anchor;
  tls::client_options client = client_options();
  SECTION("signed by somebody else") {
    client.identities = {identity_of(make_leaf(request, stranger()))};
  }
  SECTION("expired") {
    request.not_after = request.not_before + 60;
    client.identities = {identity_of(make_leaf(request))};
    says = expired;
  }
  SECTION("not valid yet") {
    request.not_before = request.not_after - 60;
    client.identities = {identity_of(make_leaf(request))};
    says = too_early;
  }
  SECTION("of a server") {
    client.identities = {identity_of(server_certificate())};
    says = "tls: the peer's certificate is for another use";
  }
  engine_pair pair(make_context(server), make_context(client));
  pair.shake();
  CHECK(pair.server->why_failed() == errc::permission);
  CHECK(std::string(pair.server->why_failed().where) == says);
}
