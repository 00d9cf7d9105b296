// tls/certificate.cpp - see the header.
#include <weir/tls/certificate.hpp>

#include <new>
#include <string>

#include <mbedtls/entropy.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/ssl.h>
#include <psa/crypto.h>

#include <weir/platform/system_anchors.hpp>
#include <weir/tls/library.hpp>

#include "certificate_data.hpp"
#include "name_match.hpp"
#include "required_configuration.hpp"

namespace weir::tls {

namespace {

constexpr std::size_t rsa_bits_min = 2048;
constexpr std::size_t curve_bits_min = 256;

// mbedTLS knows PEM by a terminating zero that it wants counted. The copy may hold a key: wiped.
class pem_text {
 public:
  explicit pem_text(std::string_view text) : text_(text) {}
  ~pem_text() { mbedtls_platform_zeroize(text_.data(), text_.size()); }
  pem_text(const pem_text&) = delete;
  pem_text& operator=(const pem_text&) = delete;
  const unsigned char* data() const noexcept {
    return reinterpret_cast<const unsigned char*>(text_.c_str());
  }
  std::size_t size() const noexcept { return text_.size() + 1; }

 private:
  std::string text_;
};

// A positive answer means that some certificates were left out: a chain with a hole.
error parse_chain(mbedtls_x509_crt& into, std::string_view text, const char* what) {
  const pem_text pem(text);
  const int code = mbedtls_x509_crt_parse(&into, pem.data(), pem.size());
  if (code != 0) return {errc::malformed, what, code};
  return {};
}

// mbedTLS writes a chain as one record: what is longer could be loaded, and fail every handshake.
error check_length(const mbedtls_x509_crt& chain) noexcept {
  constexpr std::size_t around_one = 5;   // TLS 1.3: its length, and no extensions (RFC 8446 4.4.2)
  constexpr std::size_t around_all = 32;  // heads of message and list, and what a record ends with
  std::size_t bytes = around_all;
  for (const mbedtls_x509_crt* each = &chain; each != nullptr; each = each->next) {
    bytes += each->raw.len + around_one;
  }
  if (bytes <= MBEDTLS_SSL_OUT_CONTENT_LEN) return {};
  return {errc::invalid, "the certificate chain is longer than one record"};
}

error check_strength(const mbedtls_pk_context& key) noexcept {
  const std::size_t bits = mbedtls_pk_get_bitlen(&key);
  const bool rsa = mbedtls_pk_can_do(&key, MBEDTLS_PK_RSA) != 0;
  if (rsa && bits < rsa_bits_min) return {errc::invalid, "RSA keys have at least 2048 bits"};
  if (!rsa && bits < curve_bits_min) return {errc::invalid, "curve keys have at least 256 bits"};
  return {};
}

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool equal_names(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

}  // namespace

int random_for_mbedtls(void* /*unused*/, unsigned char* into, std::size_t bytes) noexcept {
  return psa_generate_random(into, bytes) == PSA_SUCCESS ? 0 : MBEDTLS_ERR_ENTROPY_SOURCE_FAILED;
}

bool name_matches(std::string_view pattern, std::string_view host) noexcept {
  if (!pattern.starts_with("*.")) return equal_names(pattern, host);
  const std::size_t dot = host.find('.');
  if (dot == std::string_view::npos || dot == 0) return false;
  return equal_names(pattern.substr(1), host.substr(dot));
}

bool identity_data::names(std::string_view host) const noexcept {
  constexpr int dns_name = MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_X509_SAN_DNS_NAME;
  for (const mbedtls_x509_sequence* each = &chain.subject_alt_names; each != nullptr;
       each = each->next) {
    if (each->buf.tag != dns_name || each->buf.p == nullptr) continue;
    if (name_matches({reinterpret_cast<const char*>(each->buf.p), each->buf.len}, host)) {
      return true;
    }
  }
  return false;
}

result<identity> identity::from_pem(std::string_view chain, std::string_view key) noexcept {
  if (const error why = start_library()) return why;
  try {
    auto made = std::make_shared<identity_data>();
    if (const error why = parse_chain(made->chain, chain, "certificate chain")) return why;
    if (const error why = check_length(made->chain)) return why;
    const pem_text pem(key);
    const int parsed = mbedtls_pk_parse_key(&made->key, pem.data(), pem.size(), nullptr, 0,
                                            &random_for_mbedtls, nullptr);
    if (parsed != 0) return error(errc::malformed, "private key", parsed);
    if (const error why = check_strength(made->key)) return why;
    const int paired =
        mbedtls_pk_check_pair(&made->chain.pk, &made->key, &random_for_mbedtls, nullptr);
    if (paired != 0) return error(errc::invalid, "certificate and key are not a pair", paired);
    return identity(std::move(made));
  } catch (const std::bad_alloc&) {
    return error(errc::memory_exhausted, "identity");
  }
}

result<trust_anchors> trust_anchors::from_pem(std::string_view text) noexcept {
  if (const error why = start_library()) return why;
  try {
    auto made = std::make_shared<anchor_data>();
    if (const error why = parse_chain(made->chain, text, "trust anchors")) return why;
    return trust_anchors(std::move(made));
  } catch (const std::bad_alloc&) {
    return error(errc::memory_exhausted, "trust anchors");
  }
}

namespace {

struct anchors_taken {
  anchor_data& into;
  bool no_memory = false;
};

// What is skipped is no failure: a system's list has algorithms in it that are not built in here.
void take_anchor(void* context, byte_view bytes, platform::anchor_form form) noexcept {
  auto& taken = *static_cast<anchors_taken*>(context);
  int code = 0;
  if (form == platform::anchor_form::der) {
    code = mbedtls_x509_crt_parse_der(
        &taken.into.chain, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  } else {
    try {
      const pem_text pem(as_text(bytes));
      code = mbedtls_x509_crt_parse(&taken.into.chain, pem.data(), pem.size());
    } catch (const std::bad_alloc&) {
      code = MBEDTLS_ERR_X509_ALLOC_FAILED;
    }
  }
  if (code == MBEDTLS_ERR_X509_ALLOC_FAILED) taken.no_memory = true;
}

}  // namespace

result<trust_anchors> trust_anchors::of_system() noexcept {
  if (const error why = start_library()) return why;
  try {
    auto made = std::make_shared<anchor_data>();
    anchors_taken taken{*made};
    if (const error why = platform::read_system_anchors(&take_anchor, &taken)) return why;
    if (taken.no_memory) return error(errc::memory_exhausted, "trust anchors");
    if (made->chain.version == 0) return error(errc::not_found, "authorities of the system");
    return trust_anchors(std::move(made));
  } catch (const std::bad_alloc&) {
    return error(errc::memory_exhausted, "trust anchors");
  }
}

}  // namespace weir::tls
