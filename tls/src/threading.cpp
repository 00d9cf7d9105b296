// tls/threading.cpp - see the header.
#include "threading.hpp"

#include <new>

#include <mbedtls/threading.h>

#include <weir/platform/mutex.hpp>

namespace weir::tls {

#if defined(MBEDTLS_THREADING_ALT)

namespace {

mutex& of(mbedtls_threading_mutex_t* storage) noexcept {
  return *std::launder(reinterpret_cast<mutex*>(&storage->storage));
}

void make(mbedtls_threading_mutex_t* storage) noexcept {
  static_assert(sizeof(mutex) <= sizeof(storage->storage), "threading_alt.h: more storage");
  static_assert(alignof(mutex) <= alignof(mbedtls_threading_mutex_t));
  new (&storage->storage) mutex();
  storage->made = 1;
}

void end(mbedtls_threading_mutex_t* storage) noexcept {
  if (storage->made == 0) return;  // mbedTLS frees what it never made
  of(storage).~mutex();
  storage->made = 0;
}

int take(mbedtls_threading_mutex_t* storage) noexcept {
  if (storage->made == 0) return MBEDTLS_ERR_THREADING_BAD_INPUT_DATA;
  of(storage).lock();
  return 0;
}

int give(mbedtls_threading_mutex_t* storage) noexcept {
  if (storage->made == 0) return MBEDTLS_ERR_THREADING_BAD_INPUT_DATA;
  of(storage).unlock();
  return 0;
}

}  // namespace

void set_threading() noexcept {
  mbedtls_threading_set_alt(&make, &end, &take, &give);
}

#else

void set_threading() noexcept {}

#endif

}  // namespace weir::tls
