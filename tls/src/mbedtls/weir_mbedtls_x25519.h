/* tls/src/mbedtls/weir_mbedtls_x25519.h - the public keys of X25519 by the code of Everest, too.
 *
 * MBEDTLS_ECDH_VARIANT_EVEREST_ENABLED is a setting of ecdh.c, which makes keys in TLS 1.2 and the
 * shared secret in both versions. The keys of TLS 1.3 are PSA's, and psa_crypto_ecp.c makes the
 * public part by the general ladder: half of all that a handshake computes. That one file is
 * compiled with mbedtls_ecp_mul() renamed to this (cmake/dependencies.cmake).
 */
#ifndef WEIR_MBEDTLS_X25519_H
#define WEIR_MBEDTLS_X25519_H

#include <mbedtls/ecp.h>

#ifdef __cplusplus
extern "C" {
#endif

/* As mbedtls_ecp_mul(). */
int weir_mbedtls_ecp_mul(mbedtls_ecp_group* group, mbedtls_ecp_point* into,
                         const mbedtls_mpi* factor, const mbedtls_ecp_point* point,
                         int (*random)(void*, unsigned char*, size_t), void* random_state);

#ifdef __cplusplus
}
#endif

#endif
