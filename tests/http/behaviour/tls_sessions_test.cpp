// Sessions that are taken up again, that are asked for what is not there, and whose certificate is
// exchanged under them: TLS stages only. The peers are mbedTLS without anything of ours.
#include <algorithm>

#include <weir/tls/certificate_facts.hpp>

#include "behaviour/post_conditions.hpp"
#include "behaviour/tls_stages.hpp"
#include "support/bare_layer.hpp"
#include "tls/identities.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::behaviour;
using test::bare_client;

namespace {

using kept_ticket = std::shared_ptr<const bare_client::ticket>;

// A peer that asks for one thing.
struct visitor {
  visitor(stage& on, const tls::context& as, const kept_ticket& with = nullptr)
      : layer(std::make_shared<test::bare_layer>(as, with)),
        peer(on.connect_over(layer, ask(get("/echo/here"), 1))) {}
  explicit visitor(stage& on, const kept_ticket& with = nullptr)
      : visitor(on, client_context(on), with) {}

  const bare_client& client() const { return layer->client(); }
  // Waits for its end. Who was served is shown a certificate if his session was a new one.
  bool served(stage& on) const {
    on.until([&] { return on.ended(peer); });
    const stage::seen seen = on.see(peer);
    return seen.complete == 1 && seen.answers[0].body == "here" && seen.broken.empty();
  }
  bool resumed() const { return client().serial().empty(); }

  std::shared_ptr<test::bare_layer> layer;
  peer_id peer;
};

std::string serial_of(const tls::made_certificate& made) {
  return tls::facts_of(test::identity_of(made)).serial;
}

tls::server_options being(const tls::made_certificate& made) {
  tls::server_options options;
  options.identities = {test::identity_of(made)};
  return options;
}

}  // namespace

HANDSHAKE_BEHAVIOUR("S19 a session is taken up by its ticket, and a spoilt one is a new session") {
  on.serve({});
  others good(on);
  const visitor first(on);
  CHECK(first.served(on));
  CHECK_FALSE(first.resumed());
  const std::shared_ptr<bare_client::ticket> kept = first.client().kept();
  REQUIRE(kept != nullptr);
  for (int i = 0; i < 2; ++i) {
    const visitor again(on, kept);
    CHECK(again.served(on));
    CHECK(again.resumed());
  }
  bare_client::spoil(*kept);
  const visitor spoilt(on, kept);
  CHECK(spoilt.served(on));
  CHECK_FALSE(spoilt.resumed());
  good.check();
  const ending how = on.finish();
  CHECK(how.counters.handshakes == others::count + 4);
  CHECK(how.counters.handshakes_failed == 0);
  CHECK(how.counters.sessions_failed == 0);
  CHECK(bites(how.counters) == 0);
}

HANDSHAKE_BEHAVIOUR("S19 a ticket whose keys are gone is a new session, and a served one") {
  on.serve({});
  others good(on);
  const visitor first(on);
  CHECK(first.served(on));
  REQUIRE(first.client().kept() != nullptr);
  renew(on, test::server_options());  // the same certificate, and keys of its own
  const visitor again(on, first.client().kept());
  CHECK(again.served(on));
  CHECK_FALSE(again.resumed());
  const visitor third(on, again.client().kept());
  CHECK(third.served(on));
  CHECK(third.resumed());
  good.check();
  const ending how = on.finish();
  CHECK(how.counters.handshakes == others::count + 3);
  CHECK(how.counters.handshakes_failed == 0);
  CHECK(bites(how.counters) == 0);
}

// A session that was refused must not come back by the ticket of its handshake.
HANDSHAKE_BEHAVIOUR("S19 who was refused for his certificate has no ticket that lets him in") {
  on.serve({});
  others good(on);
  tls::certificate_request request = test::leaf_request();
  request.for_servers = false;
  request.for_clients = true;
  tls::client_options stranger = test::client_options();
  stranger.identities = {test::identity_of(test::make_leaf(request, test::stranger()))};
  const tls::context known_to_nobody = test::make_context(std::move(stranger));
  std::uint64_t refused = 0;
  for (const auto ask : {tls::client_certificates::optional, tls::client_certificates::required}) {
    tls::server_options strict = test::server_options();
    strict.ask = ask;
    strict.client_anchors = test::anchors_of(test::authority());
    renew(on, std::move(strict));
    const visitor first(on, known_to_nobody);
    CHECK_FALSE(first.served(on));
    ++refused;
    if (first.client().kept() == nullptr) continue;
    const visitor again(on, known_to_nobody, first.client().kept());
    CHECK_FALSE(again.served(on));
    ++refused;
  }
  renew(on, test::server_options());
  good.check();
  const ending how = on.finish();
  CHECK(on.state.echoes == 0);
  CHECK(how.counters.handshakes_failed == refused);
  CHECK(how.counters.handshakes == others::count);
  CHECK(bites(how.counters) == 0);
}

HANDSHAKE_BEHAVIOUR("S21 a key update, which we do not know, ends its session and no other") {
  on.serve({});
  others good(on);
  const auto layer = std::make_shared<test::bare_layer>(client_context(on));
  layer->intrude(bare_client::message::key_update, 2);
  const peer_id peer =
      on.connect_over(layer, {sim_step::send(get("/plaintext")), await_answers(1),
                              sim_step::send(get("/echo/smuggled")), sim_step::await_end()});
  good.check();
  CHECK(on.see(peer).complete == 1);
  CHECK(on.see(peer).broken == "");
  CHECK(on.state.smuggled == 0);
  const ending how = on.finish();
  CHECK(how.counters.sessions_failed == 1);
  CHECK(how.counters.sessions_truncated == 0);
  CHECK(how.counters.requests == others::count + 1);
  CHECK(bites(how.counters) == 0);
}

// In TLS 1.2 a question that is answered no; in TLS 1.3 there is no such question.
HANDSHAKE_BEHAVIOUR("S14 who asks for another handshake while he is answered is answered whole") {
  on.serve({});
  others good(on);
  const auto layer = std::make_shared<test::bare_layer>(client_context(on));
  layer->intrude(bare_client::message::client_hello, 2);
  const peer_id peer = on.connect_over(
      layer, {sim_step::read_slowly(16'384, millisecond_ns), sim_step::send(get("/bytes/500000")),
              sim_step::await_bytes(1), sim_step::send(get("/echo/second")), await_answers(2),
              sim_step::half_close(), sim_step::await_end()});
  good.check();
  const stage::seen seen = on.see(peer);
  const bool older = spoken(on) == tls::version::tls_1_2;
  if (older) {
    CHECK(seen.broken == "");
    REQUIRE(seen.complete == 2);
    CHECK(seen.answers[0].body == pattern(500'000));
    CHECK(seen.answers[1].body == "second");
  } else {
    CHECK(seen.complete <= 1);
    CHECK(on.state.echoes == 0);
  }
  const ending how = on.finish();
  CHECK(how.counters.sessions_failed == (older ? 0 : 1));
  CHECK(bites(how.counters) == 0);
}

HANDSHAKE_BEHAVIOUR(
    "certificates exchanged under load fail no request, and who comes after is shown the new one") {
  on.serve({});
  // A session that outlives all of its successors, with a request under way.
  const auto layer = std::make_shared<test::bare_layer>(client_context(on));
  const peer_id kept = on.connect_over(
      layer, {sim_step::send(get("/plaintext")), await_answers(1), sim_step::send(get("/gate")),
              await_answers(2), sim_step::half_close(), sim_step::await_end()});
  on.until([&] { return on.state.at_gate == 1; });
  std::vector<std::string> serials = {serial_of(test::server_certificate())};
  std::vector<visitor> all;
  constexpr int exchanges = 4;
  for (int i = 0; i < exchanges; ++i) {
    const tls::made_certificate next = test::make_leaf(test::leaf_request());
    serials.push_back(serial_of(next));
    // Some in the middle of their handshake, some with a request under way.
    for (int j = 0; j < 4; ++j) {
      all.emplace_back(on);
      on.turn(millisecond_ns);
    }
    renew(on, being(next));
    const visitor after(on);
    CHECK(after.served(on));
    CHECK(after.client().serial() == serials.back());
  }
  on.state.gate_open = true;
  on.until_ended();
  for (const visitor& each : all) {
    CHECK(each.served(on));
    CHECK(std::find(serials.begin(), serials.end(), each.client().serial()) != serials.end());
  }
  CHECK(on.see(kept).complete == 2);
  CHECK(on.see(kept).broken == "");
  CHECK(layer->client().serial() == serials.front());
  const ending how = on.finish();
  CHECK(how.counters.handshakes == all.size() + exchanges + 1);
  CHECK(how.counters.handshakes_failed == 0);
  CHECK(how.counters.responses_2xx == how.counters.requests);
  CHECK(bites(how.counters) == 0);
}
