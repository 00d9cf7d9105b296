// tls/make_certificate.cpp - see the header.
#include <weir/tls/make_certificate.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <deque>
#include <new>

#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/rsa.h>
#include <mbedtls/x509_crt.h>

#include <weir/platform/address.hpp>
#include <weir/tls/library.hpp>

#include "certificate_data.hpp"

namespace weir::tls {

namespace {

constexpr std::size_t pem_bytes_max = 8 * 1024;
// What a certificate has digits for: 9999-12-31 23:59:59 (RFC 5280 4.1.2.5.2).
constexpr std::int64_t not_after_max = 253'402'300'799;
constexpr int rsa_exponent = 65'537;

struct writing {
  writing() noexcept {
    mbedtls_x509write_crt_init(&certificate);
    mbedtls_pk_init(&key);
    mbedtls_pk_init(&issuer_key);
    mbedtls_x509_crt_init(&issuer);
  }
  ~writing() {
    mbedtls_x509write_crt_free(&certificate);
    mbedtls_pk_free(&key);
    mbedtls_pk_free(&issuer_key);
    mbedtls_x509_crt_free(&issuer);
  }
  writing(const writing&) = delete;
  writing& operator=(const writing&) = delete;

  mbedtls_x509write_cert certificate;
  mbedtls_pk_context key;
  mbedtls_pk_context issuer_key;
  mbedtls_x509_crt issuer;
};

int make_key(mbedtls_pk_context& key, key_kind kind) noexcept {
  if (kind == key_kind::rsa_2048) {
    const int code = mbedtls_pk_setup(&key, mbedtls_pk_info_from_type(MBEDTLS_PK_RSA));
    if (code != 0) return code;
    return mbedtls_rsa_gen_key(mbedtls_pk_rsa(key), &random_for_mbedtls, nullptr, 2048,
                               rsa_exponent);
  }
  const int code = mbedtls_pk_setup(&key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
  if (code != 0) return code;
  return mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(key), &random_for_mbedtls,
                             nullptr);
}

// YYYYMMDDhhmmss in UTC, from days by the civil calendar of H. Hinnant.
std::array<char, 16> time_text(std::int64_t unix_seconds) noexcept {
  const std::int64_t of_day = unix_seconds % 86'400;
  const std::int64_t days = unix_seconds / 86'400 + 719'468;
  const std::int64_t era = days / 146'097;
  const std::int64_t day_of_era = days - era * 146'097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted = (5 * day_of_year + 2) / 153;
  const std::int64_t day = day_of_year - (153 * shifted + 2) / 5 + 1;
  const std::int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
  const std::int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  // Without a sign, so that an optimizing compiler sees that the text has room.
  const auto digits = [](std::int64_t of, unsigned below) {
    return static_cast<unsigned>(of) % below;
  };
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%04u%02u%02u%02u%02u%02u", digits(year, 10'000),
                digits(month, 100), digits(day, 100), digits(of_day / 3'600, 100),
                digits(of_day / 60 % 60, 100), digits(of_day % 60, 100));
  return text;
}

// The list mbedTLS wants: nodes linked through each other, over memory that outlives the call.
struct alternative_names {
  std::deque<mbedtls_x509_san_list> nodes;
  std::deque<std::array<std::uint8_t, 16>> addresses;

  void add(int type, const unsigned char* bytes, std::size_t count) {
    mbedtls_x509_san_list node{};
    node.node.type = type;
    node.node.san.unstructured_name.p = const_cast<unsigned char*>(bytes);
    node.node.san.unstructured_name.len = count;
    nodes.push_back(node);
    if (nodes.size() > 1) nodes[nodes.size() - 2].next = &nodes.back();
  }
  error fill(const certificate_request& from) {
    for (const std::string& name : from.dns_names) {
      add(MBEDTLS_X509_SAN_DNS_NAME, reinterpret_cast<const unsigned char*>(name.data()),
          name.size());
    }
    for (const std::string& text : from.addresses) {
      const result<address> parsed = address::parse_host(text, 0);
      if (!parsed.ok()) return {errc::invalid, "addresses"};
      const bool v4 = parsed.value().family() == address_family::ipv4;
      const std::array<std::uint8_t, 4> four = parsed.value().ipv4_bytes();
      addresses.push_back(parsed.value().ipv6_bytes());
      if (v4) std::copy(four.begin(), four.end(), addresses.back().begin());
      add(MBEDTLS_X509_SAN_IP_ADDRESS, addresses.back().data(), v4 ? 4 : 16);
    }
    return {};
  }
};

int set_usages(mbedtls_x509write_cert& of, const certificate_request& from) noexcept {
  if (from.authority) {
    return mbedtls_x509write_crt_set_key_usage(
        &of, MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN);
  }
  const int code = mbedtls_x509write_crt_set_key_usage(&of, MBEDTLS_X509_KU_DIGITAL_SIGNATURE);
  if (code != 0) return code;
  mbedtls_asn1_sequence clients{};
  clients.buf.tag = MBEDTLS_ASN1_OID;
  clients.buf.p = reinterpret_cast<unsigned char*>(const_cast<char*>(MBEDTLS_OID_CLIENT_AUTH));
  clients.buf.len = MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH);
  mbedtls_asn1_sequence servers{};
  servers.buf.tag = MBEDTLS_ASN1_OID;
  servers.buf.p = reinterpret_cast<unsigned char*>(const_cast<char*>(MBEDTLS_OID_SERVER_AUTH));
  servers.buf.len = MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH);
  if (from.for_servers && from.for_clients) servers.next = &clients;
  if (!from.for_servers && !from.for_clients) return 0;
  return mbedtls_x509write_crt_set_ext_key_usage(&of, from.for_servers ? &servers : &clients);
}

int set_serial(mbedtls_x509write_cert& of) noexcept {
  std::array<unsigned char, 16> serial{};
  const int code = random_for_mbedtls(nullptr, serial.data(), serial.size());
  if (code != 0) return code;
  // Positive, and without a leading zero byte.
  serial[0] = static_cast<unsigned char>((serial[0] & 0x7f) | 0x40);
  return mbedtls_x509write_crt_set_serial_raw(&of, serial.data(), serial.size());
}

// RFC 4514 2.4: what would end or split the name.
bool plain_name(std::string_view name) noexcept {
  return !name.empty() && name.find_first_of(",+\"\\<>;=#\r\n") == std::string_view::npos;
}

error failed(const char* what, int code) noexcept {
  return {code == MBEDTLS_ERR_X509_ALLOC_FAILED ? errc::memory_exhausted : errc::invalid, what,
          code};
}

result<made_certificate> make(const certificate_request& request, const made_certificate* issuer) {
  if (!plain_name(request.common_name)) return error(errc::invalid, "common_name");
  if (request.not_before < 0) return error(errc::invalid, "not_before");
  if (request.not_after <= request.not_before || request.not_after > not_after_max)
    return error(errc::invalid, "not_after");
  writing out;
  if (const int code = make_key(out.key, request.kind)) return failed("kind", code);
  mbedtls_x509write_cert& crt = out.certificate;
  mbedtls_x509write_crt_set_version(&crt, MBEDTLS_X509_CRT_VERSION_3);
  mbedtls_x509write_crt_set_md_alg(&crt, MBEDTLS_MD_SHA256);
  mbedtls_x509write_crt_set_subject_key(&crt, &out.key);
  const std::string name = "CN=" + request.common_name;
  if (const int code = mbedtls_x509write_crt_set_subject_name(&crt, name.c_str())) {
    return failed("common_name", code);
  }

  std::array<char, 512> issuer_name{};
  std::snprintf(issuer_name.data(), issuer_name.size(), "%s", name.c_str());
  mbedtls_pk_context* signer = &out.key;
  if (issuer != nullptr) {
    const auto* text = reinterpret_cast<const unsigned char*>(issuer->certificate.c_str());
    int code = mbedtls_x509_crt_parse(&out.issuer, text, issuer->certificate.size() + 1);
    if (code != 0) return failed("issuer", code);
    text = reinterpret_cast<const unsigned char*>(issuer->key.c_str());
    code = mbedtls_pk_parse_key(&out.issuer_key, text, issuer->key.size() + 1, nullptr, 0,
                                &random_for_mbedtls, nullptr);
    if (code != 0) return failed("issuer", code);
    code = mbedtls_x509_dn_gets(issuer_name.data(), issuer_name.size(), &out.issuer.subject);
    if (code < 0) return failed("issuer", code);
    signer = &out.issuer_key;
  }
  mbedtls_x509write_crt_set_issuer_key(&crt, signer);
  if (const int code = mbedtls_x509write_crt_set_issuer_name(&crt, issuer_name.data())) {
    return failed("issuer", code);
  }

  if (const int code = set_serial(crt)) return failed("serial", code);
  if (const int code = mbedtls_x509write_crt_set_validity(
          &crt, time_text(request.not_before).data(), time_text(request.not_after).data())) {
    return failed("not_before", code);
  }
  if (const int code =
          mbedtls_x509write_crt_set_basic_constraints(&crt, request.authority ? 1 : 0, -1)) {
    return failed("authority", code);
  }
  if (const int code = mbedtls_x509write_crt_set_subject_key_identifier(&crt)) {
    return failed("subject key identifier", code);
  }
  if (const int code = mbedtls_x509write_crt_set_authority_key_identifier(&crt)) {
    return failed("authority key identifier", code);
  }
  if (const int code = set_usages(crt, request)) return failed("key usage", code);
  alternative_names names;
  if (const error why = names.fill(request)) return why;
  if (!names.nodes.empty()) {
    const int code = mbedtls_x509write_crt_set_subject_alternative_name(&crt, &names.nodes.front());
    if (code != 0) return failed("dns_names", code);
  }

  made_certificate made;
  std::array<unsigned char, pem_bytes_max> pem{};
  if (const int code =
          mbedtls_x509write_crt_pem(&crt, pem.data(), pem.size(), &random_for_mbedtls, nullptr)) {
    return failed("certificate", code);
  }
  made.certificate = reinterpret_cast<const char*>(pem.data());
  if (const int code = mbedtls_pk_write_key_pem(&out.key, pem.data(), pem.size())) {
    return failed("key", code);
  }
  made.key = reinterpret_cast<const char*>(pem.data());
  mbedtls_platform_zeroize(pem.data(), pem.size());
  return made;
}

}  // namespace

result<made_certificate> make_certificate(const certificate_request& request,
                                          const made_certificate* issuer) noexcept {
  if (const error why = start_library()) return why;
  try {
    return make(request, issuer);
  } catch (const std::bad_alloc&) {
    return error(errc::memory_exhausted, "certificate");
  }
}

}  // namespace weir::tls
