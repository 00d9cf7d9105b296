/* tls/src/mbedtls/weir_mbedtls_rest.h - what an open session can do without while it waits.
 *
 * mbedTLS keeps two buffers of a record each as long as a session lives, and in TLS 1.3 all that
 * the handshake was computed with, keys included. Nothing of the library's interface frees either;
 * these functions are compiled as a part of the library, against its inner header.
 */
#ifndef WEIR_MBEDTLS_REST_H
#define WEIR_MBEDTLS_REST_H

#include <mbedtls/ssl.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the peer's records are numbered by: all that is of use in the buffers of a session at rest.
 */
typedef struct weir_mbedtls_resting {
  unsigned char received[8];
} weir_mbedtls_resting;

/* Room for both buffers. */
size_t weir_mbedtls_records_bytes(void);

/* After mbedtls_ssl_handshake() returned 0: what a server needs no more is erased and freed. A
 * client keeps it, since a ticket is read with it. */
void weir_mbedtls_forget_handshake(mbedtls_ssl_context* ssl);

/* 1: the session has no buffers now. It had nothing to keep in them: no part of a record that has
 * not come whole, was not read to its end, or was not sent to its end. `owned`: they are the
 * library's own, which are erased and freed. Otherwise they are the caller's again.
 * 0: nothing was done. */
int weir_mbedtls_rest(mbedtls_ssl_context* ssl, int owned, weir_mbedtls_resting* kept);

/* To be called before anything else is, but for mbedtls_ssl_free(). */
void weir_mbedtls_rise(mbedtls_ssl_context* ssl, const weir_mbedtls_resting* kept,
                       unsigned char* records);

/* Takes the caller's buffers away from a session that is to be freed, erased: it may have text in
 * them that was not read. One at rest has none: the library erases what it has given out, and
 * encrypts what it is given where it stands. */
void weir_mbedtls_take_records(mbedtls_ssl_context* ssl);

#ifdef __cplusplus
}
#endif

#endif
