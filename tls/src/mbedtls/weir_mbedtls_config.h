/* tls/src/mbedtls/weir_mbedtls_config.h - what mbedTLS is made of when weir builds it.
 *
 * The whole configuration, in one place: TLS 1.2 and 1.3, ECDHE with AEAD, certificates, tickets.
 * What is not named here is not compiled: no DTLS, no renegotiation, no external PSK, no CBC, no
 * static RSA. A host that brings its own mbedTLS is held to required_configuration.hpp instead.
 *
 * The library and whoever includes its headers must see the same file: the layout of its structs
 * depends on it. The target weir_mbedtls hands it on.
 */
#ifndef WEIR_MBEDTLS_CONFIG_H
#define WEIR_MBEDTLS_CONFIG_H

#include "weir_mbedtls_memory.h"

/* The machine. */
#define MBEDTLS_HAVE_ASM
#define MBEDTLS_HAVE_TIME
#define MBEDTLS_HAVE_TIME_DATE
#define MBEDTLS_PLATFORM_C
#define MBEDTLS_PLATFORM_TIME_ALT    /* both from weir::clock, so that a simulation */
#define MBEDTLS_PLATFORM_MS_TIME_ALT /* can own them: library.cpp */
#define MBEDTLS_PLATFORM_MEMORY
#define MBEDTLS_PLATFORM_CALLOC_MACRO weir_mbedtls_calloc
#define MBEDTLS_PLATFORM_FREE_MACRO free
#define MBEDTLS_VERSION_C
#define MBEDTLS_VERSION_FEATURES

/* TLS 1.3 keeps global state in PSA: threading is needed even where nothing is shared. Windows has
 * no pthread; there weir::mutex stands behind threading_alt.h. */
#define MBEDTLS_THREADING_C
#if defined(_WIN32)
#define MBEDTLS_THREADING_ALT
#else
#define MBEDTLS_THREADING_PTHREAD
#endif

/* Random bytes come from weir::random_source: nothing to reseed, nothing a fork could duplicate,
 * and a simulation can own them. */
#define MBEDTLS_PSA_CRYPTO_C
#define MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG
#define MBEDTLS_PSA_KEY_STORE_DYNAMIC

/* Ciphers and hashes. */
#define MBEDTLS_AES_C
#define MBEDTLS_AESNI_C
#define MBEDTLS_AESCE_C
#define MBEDTLS_GCM_C
#define MBEDTLS_CHACHA20_C
#define MBEDTLS_POLY1305_C
#define MBEDTLS_CHACHAPOLY_C
#define MBEDTLS_CIPHER_C
#define MBEDTLS_MD_C
#define MBEDTLS_SHA1_C /* key identifiers of certificates; no signature may use it */
#define MBEDTLS_SHA224_C
#define MBEDTLS_SHA256_C
#define MBEDTLS_SHA384_C
#define MBEDTLS_SHA512_C
#define MBEDTLS_HKDF_C
#define MBEDTLS_HMAC_DRBG_C /* deterministic ECDSA */

/* Keys. */
#define MBEDTLS_BIGNUM_C
#define MBEDTLS_ECP_C
#define MBEDTLS_ECP_DP_SECP256R1_ENABLED
#define MBEDTLS_ECP_DP_SECP384R1_ENABLED
#define MBEDTLS_ECP_DP_CURVE25519_ENABLED
#define MBEDTLS_ECP_NIST_OPTIM
#define MBEDTLS_ECDH_C
/* The shared secret of X25519 by verified code in constant time, instead of the general ladder; a
 * peer's point of small order gives an error, as RFC 8446 7.4.2 wants it. What this and other
 * options do to a handshake is measured: docs/performance.md. */
#define MBEDTLS_ECDH_VARIANT_EVEREST_ENABLED
#define MBEDTLS_ECDSA_C
#define MBEDTLS_ECDSA_DETERMINISTIC
#define MBEDTLS_RSA_C
#define MBEDTLS_GENPRIME
#define MBEDTLS_PKCS1_V15
#define MBEDTLS_PKCS1_V21
#define MBEDTLS_PK_C
#define MBEDTLS_PK_PARSE_C
#define MBEDTLS_PK_PARSE_EC_EXTENDED
#define MBEDTLS_PK_WRITE_C

/* Certificates. */
#define MBEDTLS_ASN1_PARSE_C
#define MBEDTLS_ASN1_WRITE_C
#define MBEDTLS_OID_C
#define MBEDTLS_BASE64_C
#define MBEDTLS_PEM_PARSE_C
#define MBEDTLS_PEM_WRITE_C
#define MBEDTLS_X509_USE_C
#define MBEDTLS_X509_CRT_PARSE_C
#define MBEDTLS_X509_RSASSA_PSS_SUPPORT
#define MBEDTLS_X509_CREATE_C
#define MBEDTLS_X509_CRT_WRITE_C

/* TLS. */
#define MBEDTLS_SSL_TLS_C
#define MBEDTLS_SSL_CLI_C
#define MBEDTLS_SSL_SRV_C
#define MBEDTLS_SSL_PROTO_TLS1_2
#define MBEDTLS_SSL_PROTO_TLS1_3
#define MBEDTLS_SSL_TLS1_3_COMPATIBILITY_MODE
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ENABLED
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL_ENABLED /* tickets */
#define MBEDTLS_KEY_EXCHANGE_ECDHE_RSA_ENABLED
#define MBEDTLS_KEY_EXCHANGE_ECDHE_ECDSA_ENABLED
#define MBEDTLS_SSL_ALL_ALERT_MESSAGES
#define MBEDTLS_SSL_EXTENDED_MASTER_SECRET
#define MBEDTLS_SSL_KEEP_PEER_CERTIFICATE
#define MBEDTLS_SSL_ALPN
#define MBEDTLS_SSL_SERVER_NAME_INDICATION
#define MBEDTLS_SSL_SESSION_TICKETS
#define MBEDTLS_SSL_TICKET_C
/* The largest record that weir sends; what it receives may be as large as TLS allows. Both have a
 * buffer while a session talks (weir_mbedtls_rest.h). */
#if defined(WEIR_TLS_RECORD_BYTES)
#define MBEDTLS_SSL_OUT_CONTENT_LEN WEIR_TLS_RECORD_BYTES
#endif

#endif
