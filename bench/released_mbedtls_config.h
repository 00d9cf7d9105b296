/* bench/released_mbedtls_config.h - weir's mbedTLS before anything was chosen for speed.
 *
 * The same protocol and checks as weir_mbedtls_config.h, without what was chosen there for speed.
 */
#ifndef WEIR_BENCH_RELEASED_MBEDTLS_CONFIG_H
#define WEIR_BENCH_RELEASED_MBEDTLS_CONFIG_H

#include "weir_mbedtls_config.h"

#undef MBEDTLS_ECDH_VARIANT_EVEREST_ENABLED
#undef MBEDTLS_PLATFORM_CALLOC_MACRO
#define MBEDTLS_PLATFORM_CALLOC_MACRO calloc

#endif
