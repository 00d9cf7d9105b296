// tls/required_configuration.hpp - what weir asks of an mbedTLS it did not build, in one list.
//
// Included by the sources of this floor, so that a wrong library stops the build, and compiled
// alone during configuration against an installed package. Each line says what to change there.
#pragma once

#include <mbedtls/build_info.h>

#if MBEDTLS_VERSION_NUMBER < 0x03060600 || MBEDTLS_VERSION_NUMBER >= 0x04000000
#error "weir: mbedTLS must be 3.6.6 or a later 3.x: earlier ones resume sessions they should not"
#endif
#if !defined(MBEDTLS_THREADING_C)
#error \
    "weir: build mbedTLS with MBEDTLS_THREADING_C and _PTHREAD (or _ALT): TLS 1.3 has global state"
#endif
#if defined(MBEDTLS_SSL_RENEGOTIATION)
#error "weir: build mbedTLS without MBEDTLS_SSL_RENEGOTIATION"
#endif
#if !defined(MBEDTLS_SSL_PROTO_TLS1_2) || !defined(MBEDTLS_SSL_PROTO_TLS1_3)
#error "weir: build mbedTLS with MBEDTLS_SSL_PROTO_TLS1_2 and MBEDTLS_SSL_PROTO_TLS1_3"
#endif
#if !defined(MBEDTLS_SSL_SRV_C) || !defined(MBEDTLS_SSL_CLI_C)
#error "weir: build mbedTLS with MBEDTLS_SSL_SRV_C and MBEDTLS_SSL_CLI_C"
#endif
#if !defined(MBEDTLS_KEY_EXCHANGE_ECDHE_ECDSA_ENABLED) || \
    !defined(MBEDTLS_KEY_EXCHANGE_ECDHE_RSA_ENABLED)
#error "weir: build mbedTLS with ECDHE_ECDSA and ECDHE_RSA key exchange"
#endif
#if !defined(MBEDTLS_SSL_ALPN) || !defined(MBEDTLS_SSL_SERVER_NAME_INDICATION) || \
    !defined(MBEDTLS_SSL_SESSION_TICKETS) || !defined(MBEDTLS_SSL_TICKET_C)
#error "weir: build mbedTLS with ALPN, server name indication, session tickets and SSL_TICKET_C"
#endif
#if !defined(MBEDTLS_PEM_PARSE_C) || !defined(MBEDTLS_X509_CRT_WRITE_C) || \
    !defined(MBEDTLS_PEM_WRITE_C) || !defined(MBEDTLS_PK_WRITE_C)
#error "weir: build mbedTLS with PEM_PARSE_C, PEM_WRITE_C, PK_WRITE_C and X509_CRT_WRITE_C"
#endif
#if !defined(MBEDTLS_SSL_KEEP_PEER_CERTIFICATE)
#error "weir: build mbedTLS with MBEDTLS_SSL_KEEP_PEER_CERTIFICATE"
#endif
// An operation that cannot finish for one of these reasons would wait for no event at all.
#if defined(MBEDTLS_SSL_ASYNC_PRIVATE) || defined(MBEDTLS_ECP_RESTARTABLE)
#error "weir: build mbedTLS without MBEDTLS_SSL_ASYNC_PRIVATE and MBEDTLS_ECP_RESTARTABLE"
#endif
#if defined(MBEDTLS_SSL_EARLY_DATA)
#error "weir: build mbedTLS without MBEDTLS_SSL_EARLY_DATA: early data can be replayed"
#endif
