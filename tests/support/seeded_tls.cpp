// support/seeded_tls.cpp - see the header.
#include "support/seeded_tls.hpp"

#include <utility>

#include <weir/platform/assert.hpp>
#include <weir/tls/library.hpp>

namespace weir::test {

namespace {

class numbers final : public random_source {
 public:
  error fill(byte_span into) noexcept override { return from.fill(into); }
  seeded_random from{1};
};

class lent_clock final : public clock {
 public:
  time_ns now_ns() const noexcept override { return of == nullptr ? second_ns : of->now_ns(); }
  std::int64_t unix_seconds() const noexcept override {
    return of == nullptr ? seeded_unix_seconds : of->unix_seconds();
  }
  const clock* of = nullptr;
};

// They live as long as the process: mbedTLS asks them to its end.
numbers& drawn() {
  static numbers one;
  return one;
}
lent_clock& told() {
  static lent_clock one;
  return one;
}

tls::made_certificate make_certificate() {
  constexpr std::int64_t half_a_day = 43'200;
  tls::certificate_request request;
  request.common_name = "weir simulation";
  request.dns_names = {std::string(seeded_host)};
  request.not_before = seeded_unix_seconds - half_a_day;
  request.not_after = seeded_unix_seconds + half_a_day;
  const seeded_random before = std::exchange(tls_numbers(), seeded_random(1));
  result<tls::made_certificate> made = tls::make_certificate(request, nullptr);
  tls_numbers() = before;
  WEIR_ASSERT(made.ok());
  return std::move(made).value();
}

tls::identity load_identity() {
  const tls::made_certificate& from = seeded_certificate();
  const seeded_random before = std::exchange(tls_numbers(), seeded_random(1));
  result<tls::identity> loaded = tls::identity::from_pem(from.certificate, from.key);
  tls_numbers() = before;
  WEIR_ASSERT(loaded.ok());
  return std::move(loaded).value();
}

tls::trust_anchors load_anchors() {
  result<tls::trust_anchors> loaded =
      tls::trust_anchors::from_pem(seeded_certificate().certificate);
  WEIR_ASSERT(loaded.ok());
  return std::move(loaded).value();
}

}  // namespace

bool own_tls() {
  static const bool owned = tls::use_random_source(drawn()) && tls::use_clock(told());
  return owned;
}

seeded_random& tls_numbers() {
  return drawn().from;
}

void time_tls(const clock* of) {
  told().of = of;
}

const tls::made_certificate& seeded_certificate() {
  static const tls::made_certificate one = make_certificate();
  return one;
}
const tls::identity& seeded_identity() {
  static const tls::identity one = load_identity();
  return one;
}
const tls::trust_anchors& seeded_anchors() {
  static const tls::trust_anchors one = load_anchors();
  return one;
}

}  // namespace weir::test
