// TLS on several schedulers of one process, which share certificates, keys and the library's own
// state: above all for ThreadSanitizer, which has to find nothing.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <catch_amalgamated.hpp>

#include <weir/http/background_server.hpp>
#include <weir/tls/engine.hpp>
#include <weir/tls/server_security.hpp>

#include "support/raw_client.hpp"
#include "tls/identities.hpp"

using namespace weir;
using namespace weir::http;

namespace {

constexpr std::uint32_t schedulers = 4;
constexpr int clients = 4;  // threads

// One connection, one request, one answer. No assertion of the test library: it is not for threads.
bool served(const address& at, const tls::context& as) {
  result<std::unique_ptr<tls::engine>> made = tls::engine::for_client(as, test::host);
  test::raw_client socket = test::raw_client::connect(at);
  if (!made.ok() || !socket.connected()) return false;
  tls::engine& session = *made.value();
  std::string answer;
  bool asked = false;
  for (;;) {
    if (session.advance() && session.why_failed()) return false;
    if (!session.handshaking() && !asked) {
      asked = session.write(as_bytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")).ok();
    }
    const bool whole = answer.ends_with("served");
    if (whole) static_cast<void>(session.close());
    while (session.egress_bytes() > 0) {
      const byte_view piece = session.egress()[0];
      if (socket.send(as_text(piece)) != test::raw_outcome::done) return whole;
      session.sent(piece.size());
    }
    if (whole) return true;
    const auto any = [](std::string_view got) { return !got.empty(); };
    if (socket.read_until(any) != test::raw_outcome::done) return false;
    std::string_view wire = socket.received();
    while (!wire.empty()) {
      const byte_span room = session.ingress_room();
      const std::size_t count = std::min(room.size(), wire.size());
      if (count == 0) return false;
      std::memcpy(room.data(), wire.data(), count);
      session.received(count);
      wire.remove_prefix(count);
      static_cast<void>(session.advance());
      std::array<std::byte, 1'000> text;
      while (!session.handshaking()) {
        const result<std::size_t> got = session.read(text);
        if (!got.ok()) break;
        answer += as_text(byte_view(text).first(got.value()));
      }
    }
    socket.forget_received();
  }
}

void shake_hands(int count) {
  routes handlers;
  REQUIRE_FALSE(handlers.get("/", [](const request&) { return response::view("served"); }));
  tls::server_options server = test::server_options();
  server.oldest = tls::version::tls_1_3;
  tls::client_options client = test::client_options();
  client.oldest = tls::version::tls_1_3;
  struct shared {
    tls::context server;
    std::atomic<std::uint32_t> secured{0};
  } all{test::make_context(std::move(server))};
  const tls::context as = test::make_context(std::move(client));
  background_options options;
  options.threads = schedulers;
  options.secure = [](void* context, runtime::scheduler& loop) {
    shared& of = *static_cast<shared*>(context);
    ++of.secured;
    return std::shared_ptr<runtime::stream_security>(
        std::make_shared<tls::server_security>(loop, of.server));
  };
  options.context = &all;
  result<std::unique_ptr<background_server>> made = background_server::open(handlers, options);
  REQUIRE(made.ok());
  background_server& on = *made.value();
  const result<address> at = on.listen_secure("127.0.0.1:0");
  REQUIRE(at.ok());
  REQUIRE_FALSE(on.start());
  CHECK(all.secured == schedulers);
  std::atomic<int> done{0};
  std::atomic<int> begun{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < clients; ++i) {
    threads.emplace_back([&] {
      while (begun.fetch_add(1) < count) done += served(at.value(), as) ? 1 : 0;
    });
  }
  for (std::thread& each : threads) each.join();
  CHECK(done == count);
  CHECK(on.stop().forced == 0);
}

}  // namespace

TEST_CASE("four schedulers share a certificate: hundreds of handshakes, each served", "[http]") {
  shake_hands(400);
}

TEST_CASE("four schedulers share a certificate: 4,000 handshakes, each served", "[.long]") {
  shake_hands(4'000);
}
