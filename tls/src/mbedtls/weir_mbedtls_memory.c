/* tls/src/mbedtls/weir_mbedtls_memory.c - see the header.
 *
 * A handshake asks for thousands of small numbers and gives each back at once. glibc's malloc()
 * answers that from a cache of the thread; its calloc() passes by that cache (before 2.41), and
 * takes and leaves the lock of an arena for each as soon as a program has two threads, as one has
 * whose handshakes have a worker.
 */
#include "weir_mbedtls_memory.h"

#include <stdlib.h> /* tidy-allow: system-header - of C, no system */
#include <string.h> /* tidy-allow: system-header - of C, no system */

/* Above what is cached calloc() is better: fresh pages are zero already. */
enum { small_bytes = 1024 };

/* By a pointer that may change: compilers make calloc() of a malloc() that is followed by zeroes.
 */
static void* (*volatile const reserve)(size_t) = &malloc;

void* weir_mbedtls_calloc(size_t count, size_t bytes) {
  if (count == 0 || bytes == 0) return calloc(1, 1); /* NULL would say that there is none */
  if (count > small_bytes / bytes) return calloc(count, bytes);
  void* const made = reserve(count * bytes);
  if (made != NULL) memset(made, 0, count * bytes);
  return made;
}
