// The public keys of X25519 by the code of Everest: the same as those of the general ladder.
#include <array>
#include <cstdint>
#include <string>

#include <mbedtls/ecp.h>  // tidy-allow: third-party - what it is compared with
#include <psa/crypto.h>   // tidy-allow: third-party - who makes the keys
#include <catch_amalgamated.hpp>

#include <weir/tls/library.hpp>

#include "weir_mbedtls_x25519.h"

using namespace weir;

namespace {

int numbers(void* state, unsigned char* into, std::size_t bytes) {
  auto& seed = *static_cast<std::uint32_t*>(state);
  for (std::size_t i = 0; i < bytes; ++i) {
    seed = seed * 1'664'525 + 1'013'904'223;
    into[i] = static_cast<unsigned char>(seed >> 24);
  }
  return 0;
}

// A group with a key of it, and what both ways make of that.
struct key_of {
  explicit key_of(mbedtls_ecp_group_id which, std::uint32_t from) : seed(from) {
    mbedtls_ecp_group_init(&group);
    mbedtls_mpi_init(&secret);
    mbedtls_ecp_point_init(&ours);
    mbedtls_ecp_point_init(&theirs);
    REQUIRE(mbedtls_ecp_group_load(&group, which) == 0);
    REQUIRE(mbedtls_ecp_gen_privkey(&group, &secret, &numbers, &seed) == 0);
  }
  key_of(const key_of&) = delete;
  key_of& operator=(const key_of&) = delete;
  ~key_of() {
    mbedtls_ecp_point_free(&theirs);
    mbedtls_ecp_point_free(&ours);
    mbedtls_mpi_free(&secret);
    mbedtls_ecp_group_free(&group);
  }
  bool is_alike(const mbedtls_ecp_point& point) {
    REQUIRE(mbedtls_ecp_mul(&group, &theirs, &secret, &point, &numbers, &seed) == 0);
    REQUIRE(weir_mbedtls_ecp_mul(&group, &ours, &secret, &point, &numbers, &seed) == 0);
    return mbedtls_ecp_point_cmp(&ours, &theirs) == 0;
  }

  std::uint32_t seed;
  mbedtls_ecp_group group;
  mbedtls_mpi secret;
  mbedtls_ecp_point ours;
  mbedtls_ecp_point theirs;
};

}  // namespace

TEST_CASE("x25519: a key of PSA is that of RFC 7748 6.1, Bob's") {
  REQUIRE_FALSE(tls::start_library());
  constexpr std::array<std::uint8_t, 32> secret = {0x5d, 0xab, 0x08, 0x7e, 0x62, 0x4a, 0x8a, 0x4b,
                                                   0x79, 0xe1, 0x7f, 0x8b, 0x83, 0x80, 0x0e, 0xe6,
                                                   0x6f, 0x3b, 0xb1, 0x29, 0x26, 0x18, 0xb6, 0xfd,
                                                   0x1c, 0x2f, 0x8b, 0x27, 0xff, 0x88, 0xe0, 0xeb};
  constexpr std::array<std::uint8_t, 32> expected = {
      0xde, 0x9e, 0xdb, 0x7d, 0x7b, 0x7d, 0xc1, 0xb4, 0xd3, 0x5b, 0x61,
      0xc2, 0xec, 0xe4, 0x35, 0x37, 0x3f, 0x83, 0x43, 0xc8, 0x5b, 0x78,
      0x67, 0x4d, 0xad, 0xfc, 0x7e, 0x14, 0x6f, 0x88, 0x2b, 0x4f};
  psa_key_attributes_t what = PSA_KEY_ATTRIBUTES_INIT;
  psa_set_key_type(&what, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_MONTGOMERY));
  psa_set_key_usage_flags(&what, PSA_KEY_USAGE_DERIVE);
  psa_set_key_algorithm(&what, PSA_ALG_ECDH);
  mbedtls_svc_key_id_t key{};
  REQUIRE(psa_import_key(&what, secret.data(), secret.size(), &key) == PSA_SUCCESS);
  std::array<std::uint8_t, 32> made{};
  std::size_t bytes = 0;
  REQUIRE(psa_export_public_key(key, made.data(), made.size(), &bytes) == PSA_SUCCESS);
  CHECK(bytes == made.size());
  CHECK(made == expected);
  CHECK(psa_destroy_key(key) == PSA_SUCCESS);
}

TEST_CASE("x25519: a hundred keys are those of the general ladder") {
  for (std::uint32_t seed = 1; seed <= 100; ++seed) {
    key_of one(MBEDTLS_ECP_DP_CURVE25519, seed);
    CAPTURE(seed);
    REQUIRE(one.is_alike(one.group.G));
  }
}

TEST_CASE("x25519: other points and other curves go the library's own way") {
  key_of own(MBEDTLS_ECP_DP_CURVE25519, 7);
  REQUIRE(own.is_alike(own.group.G));
  mbedtls_ecp_point other;
  mbedtls_ecp_point_init(&other);
  REQUIRE(mbedtls_ecp_copy(&other, &own.ours) == 0);
  CHECK(own.is_alike(other));
  mbedtls_ecp_point_free(&other);
  key_of prime(MBEDTLS_ECP_DP_SECP256R1, 7);
  CHECK(prime.is_alike(prime.group.G));
}
