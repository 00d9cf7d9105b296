/* tls/src/mbedtls/weir_mbedtls_rest.c - see the header.
 *
 * What is relied on holds for mbedTLS 3.6 without DTLS, renegotiation and early data, and is to be
 * looked at again with each version (tests/tls/rest_test.cpp shows it from outside):
 *  - an open session reads ssl->handshake nowhere but, in a client, for a ticket;
 *  - the buffers hold nothing but what the fields below count, and the number of the next record
 *    received; that of the next one sent is in the session;
 *  - all pointers into them are set from in_buf and out_buf by what is called in rise().
 */
/* First: it opens the fields that are private. */
#include <ssl_misc.h> /* tidy-allow: system-header - the inside of mbedTLS, which this is part of */

#include <string.h> /* tidy-allow: system-header - of C, no system */

#include <mbedtls/platform.h>

#include "weir_mbedtls_rest.h"

#if defined(MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH) || defined(MBEDTLS_SSL_PROTO_DTLS) || \
    defined(MBEDTLS_SSL_RENEGOTIATION) || defined(MBEDTLS_SSL_EARLY_DATA)
#error "weir_mbedtls_rest.c is not written for this configuration"
#endif

/* The second buffer begins on a boundary that suits anything. */
enum { in_room = (MBEDTLS_SSL_IN_BUFFER_LEN + 15) / 16 * 16 };

size_t weir_mbedtls_records_bytes(void) {
  return in_room + MBEDTLS_SSL_OUT_BUFFER_LEN;
}

void weir_mbedtls_forget_handshake(mbedtls_ssl_context* ssl) {
  if (ssl->handshake == NULL || ssl->state != MBEDTLS_SSL_HANDSHAKE_OVER ||
      ssl->conf->endpoint != MBEDTLS_SSL_IS_SERVER) {
    return;
  }
  mbedtls_ssl_handshake_wrapup_free_hs_transform(ssl);
  /* In TLS 1.3 this is one that nothing was ever put into. */
  if (ssl->transform_in != ssl->transform && ssl->transform_out != ssl->transform) {
    mbedtls_ssl_transform_free(ssl->transform);
    mbedtls_free(ssl->transform);
    ssl->transform = NULL;
  }
}

static int is_at_rest(const mbedtls_ssl_context* ssl) {
  if (ssl->state != MBEDTLS_SSL_HANDSHAKE_OVER || ssl->in_buf == NULL) return 0;
  if (ssl->in_left != 0 || ssl->in_offt != NULL || ssl->in_msglen != 0 || ssl->in_hslen != 0 ||
      mbedtls_ssl_get_in_hsfraglen(ssl) != 0 || ssl->keep_current_message != 0) {
    return 0;
  }
  if (ssl->out_left != 0 || ssl->send_alert != 0) return 0;
  return ssl->in_hdr == ssl->in_buf + MBEDTLS_SSL_SEQUENCE_NUMBER_LEN &&
         ssl->out_hdr == ssl->out_buf + MBEDTLS_SSL_SEQUENCE_NUMBER_LEN;
}

static void forget_records(mbedtls_ssl_context* ssl) {
  /* All of them: a use that was forgotten is to fail where it is. */
  ssl->in_buf = ssl->in_ctr = ssl->in_hdr = ssl->in_len = ssl->in_iv = ssl->in_msg = NULL;
  ssl->out_buf = ssl->out_ctr = ssl->out_hdr = ssl->out_len = ssl->out_iv = ssl->out_msg = NULL;
}

void weir_mbedtls_take_records(mbedtls_ssl_context* ssl) {
  mbedtls_platform_zeroize(ssl->in_buf, MBEDTLS_SSL_IN_BUFFER_LEN);
  mbedtls_platform_zeroize(ssl->out_buf, MBEDTLS_SSL_OUT_BUFFER_LEN);
  forget_records(ssl);
}

int weir_mbedtls_rest(mbedtls_ssl_context* ssl, int owned, weir_mbedtls_resting* kept) {
  if (!is_at_rest(ssl)) return 0;
  memcpy(kept->received, ssl->in_ctr, sizeof kept->received);
  if (owned) {
    mbedtls_zeroize_and_free(ssl->in_buf, MBEDTLS_SSL_IN_BUFFER_LEN);
    mbedtls_zeroize_and_free(ssl->out_buf, MBEDTLS_SSL_OUT_BUFFER_LEN);
  }
  forget_records(ssl);
  return 1;
}

void weir_mbedtls_rise(mbedtls_ssl_context* ssl, const weir_mbedtls_resting* kept,
                       unsigned char* records) {
  ssl->in_buf = records;
  ssl->out_buf = records + in_room;
  mbedtls_ssl_reset_in_pointers(ssl);
  mbedtls_ssl_reset_out_pointers(ssl);
  mbedtls_ssl_update_out_pointers(ssl, ssl->transform_out);
  memcpy(ssl->in_ctr, kept->received, sizeof kept->received);
}
