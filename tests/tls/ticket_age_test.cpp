// How old a ticket is, by the clock that the library was told of.
#include <memory>
#include <string>
#include <utility>

#include <catch_amalgamated.hpp>

#include <weir/platform/clock.hpp>
#include <weir/tls/library.hpp>

#include "bare_client.hpp"
#include "engine_pair.hpp"

using namespace weir;
using namespace weir::test;

namespace {

using kept_ticket = std::shared_ptr<const bare_client::ticket>;

// The library's time as long as it is there.
class owned_time {
 public:
  owned_time() { REQUIRE(tls::use_clock(one_)); }
  owned_time(const owned_time&) = delete;
  owned_time& operator=(const owned_time&) = delete;
  ~owned_time() { tls::use_clock(system_clock()); }
  void advance(time_ns span_ns) { one_.advance(span_ns); }

 private:
  manual_clock one_{1'000 * second_ns, system_clock().unix_seconds()};
};

struct visit {
  bool new_session = false;
  kept_ticket kept;
};

visit shake(const tls::context& server, const tls::context& client, const kept_ticket& with) {
  const std::unique_ptr<engine> one = take(engine::for_server(server));
  bare_client other(client, with);
  bool over = false;
  for (int i = 0; i < 20 && !(over && !one->handshaking()); ++i) {
    over = other.handshake();
    inject(*one, std::exchange(other.out, ""));
    static_cast<void>(one->advance());
    for (const byte_view piece : one->egress()) other.in += as_text(piece);
    one->sent(one->egress_bytes());
  }
  REQUIRE(over);
  REQUIRE_FALSE(one->handshaking());
  CHECK(other.read_all().empty());
  return {!other.serial().empty(), other.kept()};
}

}  // namespace

TEST_CASE("a ticket grows old by the clock that the library was told of") {
  owned_time time;
  for (const tls::version each : {tls::version::tls_1_2, tls::version::tls_1_3}) {
    INFO("version " << static_cast<int>(each));
    tls::server_options server = server_options();
    server.oldest = server.newest = each;
    server.ticket_lifetime_seconds = 1'000;
    const tls::context of = make_context(std::move(server));
    const tls::context by = make_context(client_options());
    const visit first = shake(of, by, nullptr);
    CHECK(first.new_session);
    REQUIRE(first.kept != nullptr);
    time.advance(900 * second_ns);
    CHECK_FALSE(shake(of, by, first.kept).new_session);
    time.advance(200 * second_ns);
    CHECK(shake(of, by, first.kept).new_session);
  }
}
