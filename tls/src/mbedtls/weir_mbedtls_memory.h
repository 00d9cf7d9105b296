/* tls/src/mbedtls/weir_mbedtls_memory.h - where mbedTLS has its memory from. */
#ifndef WEIR_MBEDTLS_MEMORY_H
#define WEIR_MBEDTLS_MEMORY_H

#include <stddef.h> /* tidy-allow: system-header - of C, no system */

#ifdef __cplusplus
extern "C" {
#endif

/* As calloc(); given back by free(). */
void* weir_mbedtls_calloc(size_t count, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
