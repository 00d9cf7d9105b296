/* tls/src/mbedtls/weir_mbedtls_x25519.c - see the header. */
#include "weir_mbedtls_x25519.h"

#include <stdint.h> /* tidy-allow: system-header - of C, no system */

#include <mbedtls/bignum.h>
#include <mbedtls/platform_util.h>

#include <Hacl_Curve25519.h> /* tidy-allow: system-header - of mbedTLS, which this is part of */

#if defined(MBEDTLS_ECDH_VARIANT_EVEREST_ENABLED)
enum { x25519_bytes = 32 };

/* RFC 7748 4.1: u of the base point is 9. A private key that PSA gives has its bits set as RFC 7748
 * 5 says, so that doing it once more, as Everest does, changes nothing. */
static int public_of(const mbedtls_mpi* private_key, mbedtls_ecp_point* into) {
  uint8_t base[x25519_bytes] = {9};
  uint8_t scalar[x25519_bytes];
  uint8_t point[x25519_bytes];
  int code = mbedtls_mpi_write_binary_le(private_key, scalar, sizeof scalar);
  if (code == 0) {
    Hacl_Curve25519_crypto_scalarmult(point, scalar, base);
    code = mbedtls_mpi_read_binary_le(&into->MBEDTLS_PRIVATE(X), point, sizeof point);
  }
  if (code == 0) code = mbedtls_mpi_lset(&into->MBEDTLS_PRIVATE(Z), 1);
  mbedtls_platform_zeroize(scalar, sizeof scalar);
  return code;
}
#endif

int weir_mbedtls_ecp_mul(mbedtls_ecp_group* group, mbedtls_ecp_point* into,
                         const mbedtls_mpi* factor, const mbedtls_ecp_point* point,
                         int (*random)(void*, unsigned char*, size_t), void* random_state) {
#if defined(MBEDTLS_ECDH_VARIANT_EVEREST_ENABLED)
  /* The base point is told by its address: who has another one has the general ladder. */
  if (group->id == MBEDTLS_ECP_DP_CURVE25519 && point == &group->G) return public_of(factor, into);
#endif
  return mbedtls_ecp_mul(group, into, factor, point, random, random_state);
}
