/* tests/tls/bare_record.c - sends a message of a handshake on an established session.
 *
 * C, because the library's inner header is not C++. The record layer is nobody's to call but the
 * library's own; there is no other way to ask for what is not compiled in.
 */
#include <ssl_misc.h> /* tidy-allow: system-header - the inside of mbedTLS, for one record */

int weir_test_send_message(mbedtls_ssl_context* ssl, unsigned char kind, unsigned char body);

/* `body` bytes of zero: nobody will look into it. */
int weir_test_send_message(mbedtls_ssl_context* ssl, unsigned char kind, unsigned char body) {
  ssl->out_msgtype = MBEDTLS_SSL_MSG_HANDSHAKE;
  ssl->out_msglen = 4u + body;
  for (unsigned i = 0; i < ssl->out_msglen; ++i) ssl->out_msg[i] = 0;
  ssl->out_msg[0] = kind;
  ssl->out_msg[3] = body;
  return mbedtls_ssl_write_record(ssl, 1);
}
