// support/seeded_tls.hpp - TLS that happens again: its numbers from a seed, its time from a test.
//
// For programs of their own: what mbedTLS draws from is one for the whole process. One thread.
#pragma once

#include <cstdint>
#include <string_view>

#include <weir/platform/clock.hpp>
#include <weir/platform/random.hpp>
#include <weir/tls/context.hpp>
#include <weir/tls/make_certificate.hpp>

namespace weir::test {

// The time where nobody owns it; the identity below is good on that day alone.
inline constexpr std::int64_t seeded_unix_seconds = 1'750'000'000;
inline constexpr std::string_view seeded_host = "localhost";

// Takes over numbers and time, once for the process and before anything else of TLS. False: this
// mbedTLS has its own, and nothing can be repeated.
bool own_tls();

// What is drawn from; copied out and in where two sides are to have numbers of their own.
seeded_random& tls_numbers();
// Whose time it is from now on. Null: it stands still at seeded_unix_seconds.
void time_tls(const clock* of);

// A server and who believes it, made once with numbers of their own. Signed by itself: a client
// that believes it has one signature less to check.
const tls::made_certificate& seeded_certificate();
const tls::identity& seeded_identity();
const tls::trust_anchors& seeded_anchors();

}  // namespace weir::test
