// tls/library.cpp - see the header.
#include <weir/tls/library.hpp>

#include <array>
#include <atomic>

#include <mbedtls/aes.h>
#include <mbedtls/platform_time.h>
#include <mbedtls/version.h>
#include <psa/crypto.h>

#include "required_configuration.hpp"
#include "session_clock.hpp"
#include "threading.hpp"

namespace weir::tls {

namespace {

std::atomic<random_source*> random_bytes{nullptr};
std::atomic<const clock*> time_source{nullptr};

// Only the mbedTLS of our own configuration asks us: a host's may have a time of its own.
#if defined(WEIR_MBEDTLS_CONFIG_H)
mbedtls_time_t seconds_now(mbedtls_time_t* into) {
  const auto now = static_cast<mbedtls_time_t>(session_clock().unix_seconds());
  if (into != nullptr) *into = now;
  return now;
}

void set_time() noexcept {
  static_cast<void>(mbedtls_platform_set_time(&seconds_now));
}
#else
void set_time() noexcept {}
#endif

error check_running_library() noexcept {
#if defined(MBEDTLS_VERSION_C)
  // Structs are ours as much as the library's: their layout may differ between versions.
  if (mbedtls_version_get_number() != MBEDTLS_VERSION_NUMBER) {
    return {errc::not_supported, "mbedTLS is another version than weir was compiled with"};
  }
#endif
#if defined(MBEDTLS_VERSION_FEATURES)
  if (mbedtls_version_check_feature("MBEDTLS_THREADING_C") != 0) {
    return {errc::not_supported, "build mbedTLS with MBEDTLS_THREADING_C"};
  }
  if (mbedtls_version_check_feature("MBEDTLS_SSL_RENEGOTIATION") == 0) {
    return {errc::not_supported, "build mbedTLS without MBEDTLS_SSL_RENEGOTIATION"};
  }
#endif
  return {};
}

// The first key of AES makes tables for all, and asks the processor what it can do, in memory that
// nothing guards: two threads that shake hands at once would both write it.
void make_tables() noexcept {
  mbedtls_aes_context first;
  mbedtls_aes_init(&first);
  constexpr std::array<unsigned char, 16> key{};
  static_cast<void>(mbedtls_aes_setkey_enc(&first, key.data(), 128));
  mbedtls_aes_free(&first);
}

error start_once() noexcept {
  if (const error why = check_running_library()) return why;
  set_threading();
  set_time();
  const psa_status_t status = psa_crypto_init();
  if (status != PSA_SUCCESS) return {errc::not_supported, "psa_crypto_init", status};
  make_tables();
  return {};
}

}  // namespace

const clock& session_clock() noexcept {
  const clock* const source = time_source.load(std::memory_order_acquire);
  return source == nullptr ? system_clock() : *source;
}

error start_library() noexcept {
  static const error outcome = start_once();
  return outcome;
}

std::string_view library_version() noexcept {
  return MBEDTLS_VERSION_STRING;
}

bool use_random_source(random_source& source) noexcept {
#if defined(MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG)
  random_bytes.store(&source, std::memory_order_release);
  return true;
#else
  static_cast<void>(source);
  return false;
#endif
}

bool use_clock(const clock& source) noexcept {
#if defined(WEIR_MBEDTLS_CONFIG_H)
  time_source.store(&source, std::memory_order_release);
  return true;
#else
  static_cast<void>(source);
  return false;
#endif
}

}  // namespace weir::tls

#if defined(WEIR_MBEDTLS_CONFIG_H)
extern "C" mbedtls_ms_time_t mbedtls_ms_time(void) {
  return weir::tls::session_clock().now_ns() / weir::millisecond_ns;
}
#endif

#if defined(MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG)
extern "C" psa_status_t mbedtls_psa_external_get_random(
    mbedtls_psa_external_random_context_t* /*unused*/, std::uint8_t* output,
    std::size_t output_size, std::size_t* output_length) {
  weir::random_source* source = weir::tls::random_bytes.load(std::memory_order_acquire);
  if (source == nullptr) source = &weir::system_random();
  if (source->fill({reinterpret_cast<std::byte*>(output), output_size})) {
    return PSA_ERROR_INSUFFICIENT_ENTROPY;
  }
  *output_length = output_size;
  return PSA_SUCCESS;
}
#endif
