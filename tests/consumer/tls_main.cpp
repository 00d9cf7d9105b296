// tests/consumer/tls_main.cpp - a user's program over weir::tls: two sessions, and the bytes
// between them carried by hand.
//
// It has to run each part of the floor that pulls something in when it is linked: certificates,
// contexts, random bytes, both ends of a handshake.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include <weir/platform/clock.hpp>
#include <weir/tls/engine.hpp>
#include <weir/tls/library.hpp>
#include <weir/tls/make_certificate.hpp>

using namespace weir;

namespace {

int failed(const error& why) {
  std::fprintf(stderr, "%s: %s\n", why.where, to_string(why.code));
  return 1;
}

void carry(tls::engine& from, tls::engine& to) {
  while (from.egress_bytes() > 0 && !to.ingress_room().empty()) {
    const byte_view piece = from.egress()[0];
    const byte_span room = to.ingress_room();
    const std::size_t count = std::min(piece.size(), room.size());
    std::memcpy(room.data(), piece.data(), count);
    to.received(count);
    from.sent(count);
  }
}

}  // namespace

int main() {
  tls::certificate_request request;
  request.dns_names = {"localhost"};
  request.not_before = system_clock().unix_seconds() - 3'600;
  request.not_after = request.not_before + 86'400;
  const auto made = tls::make_certificate(request, nullptr);
  if (!made.ok()) return failed(made.why());

  tls::server_options ours;
  const auto identity = tls::identity::from_pem(made.value().certificate, made.value().key);
  if (!identity.ok()) return failed(identity.why());
  ours.identities = {identity.value()};
  const auto for_servers = tls::context::for_servers(std::move(ours));
  if (!for_servers.ok()) return failed(for_servers.why());

  tls::client_options theirs;
  auto anchors = tls::trust_anchors::from_pem(made.value().certificate);
  if (!anchors.ok()) return failed(anchors.why());
  theirs.anchors = std::move(anchors).value();
  const auto for_clients = tls::context::for_clients(std::move(theirs));
  if (!for_clients.ok()) return failed(for_clients.why());

  auto opened_server = tls::engine::for_server(for_servers.value());
  if (!opened_server.ok()) return failed(opened_server.why());
  auto opened_client = tls::engine::for_client(for_clients.value(), "localhost");
  if (!opened_client.ok()) return failed(opened_client.why());
  tls::engine& server = *opened_server.value();
  tls::engine& client = *opened_client.value();
  // Two flights each way at most; the rest is tickets.
  for (int flight = 0; flight < 8; ++flight) {
    static_cast<void>(client.advance());
    carry(client, server);
    static_cast<void>(server.advance());
    carry(server, client);
  }
  if (client.why_failed()) return failed(client.why_failed());
  if (server.why_failed()) return failed(server.why_failed());

  constexpr std::string_view words = "hello";
  const auto written = client.write(as_bytes(words));
  if (!written.ok()) return failed(written.why());
  carry(client, server);
  std::array<std::byte, 16> room;
  const auto got = server.read(room);
  if (!got.ok()) return failed(got.why());
  const std::string_view heard = as_text(byte_view(room).first(got.value()));
  std::printf("%.*s over mbedTLS %.*s\n", static_cast<int>(heard.size()), heard.data(),
              static_cast<int>(tls::library_version().size()), tls::library_version().data());
  return heard == words ? 0 : 1;
}
