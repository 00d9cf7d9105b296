/* tests/tls/second_hello.c - sends the head of a ClientHello on an established session.
 *
 * C, because the library's inner header is not C++. The record layer is nobody's to call but the
 * library's own; there is no other way to ask for what is not compiled in.
 */
#include <ssl_misc.h> /* tidy-allow: system-header - the inside of mbedTLS, for one record */

int weir_test_send_second_hello(mbedtls_ssl_context* ssl);

int weir_test_send_second_hello(mbedtls_ssl_context* ssl) {
  const unsigned char body = 38; /* nobody will look into it */
  ssl->out_msgtype = MBEDTLS_SSL_MSG_HANDSHAKE;
  ssl->out_msglen = 4u + body;
  for (unsigned i = 0; i < ssl->out_msglen; ++i) ssl->out_msg[i] = 0;
  ssl->out_msg[0] = MBEDTLS_SSL_HS_CLIENT_HELLO;
  ssl->out_msg[3] = body;
  return mbedtls_ssl_write_record(ssl, 1);
}
