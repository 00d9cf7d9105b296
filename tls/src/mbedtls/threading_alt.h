/* tls/src/mbedtls/threading_alt.h - the mutex mbedTLS gets where there is no pthread.
 *
 * Storage for one weir::mutex; src/threading.cpp asserts that it is enough.
 */
#ifndef WEIR_THREADING_ALT_H
#define WEIR_THREADING_ALT_H

typedef struct mbedtls_threading_mutex_t {
  void* storage[8];
  char made;
} mbedtls_threading_mutex_t;

#endif
