// tls/certificate_facts.cpp - see the header.
#include <weir/tls/certificate_facts.hpp>

#include <algorithm>
#include <array>

#include <mbedtls/oid.h>
#include <mbedtls/x509_crt.h>

#include <weir/platform/address.hpp>

#include "certificate_data.hpp"

namespace weir::tls {

namespace {

// Days of the civil calendar since 1970, by H. Hinnant.
std::int64_t unix_seconds(const mbedtls_x509_time& at) noexcept {
  const std::int64_t year = at.mon <= 2 ? at.year - 1 : at.year;
  const std::int64_t era = year / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (at.mon + (at.mon > 2 ? -3 : 9)) + 2) / 5 + at.day - 1;
  const std::int64_t day_of_era =
      year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  const std::int64_t days = era * 146'097 + day_of_era - 719'468;
  return ((days * 24 + at.hour) * 60 + at.min) * 60 + at.sec;
}

std::string hexadecimal(const mbedtls_x509_buf& bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.len; ++i) {
    text += digits[bytes.p[i] >> 4];
    text += digits[bytes.p[i] & 15];
  }
  return text;
}

// An address without its port. "": this is none.
std::string address_text(const unsigned char* bytes, std::size_t count) {
  if (count == 4) {
    std::array<std::uint8_t, 4> four{};
    std::copy_n(bytes, count, four.begin());
    const std::string text = address::ipv4(four, 0).to_string();
    return text.substr(0, text.rfind(':'));
  }
  if (count != 16) return {};
  std::array<std::uint8_t, 16> sixteen{};
  std::copy_n(bytes, count, sixteen.begin());
  const std::string text = address::ipv6(sixteen, 0).to_string();
  return text.substr(1, text.rfind(']') - 1);
}

std::string names_of(const mbedtls_x509_crt& leaf) {
  constexpr int dns = MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_X509_SAN_DNS_NAME;
  constexpr int ip = MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_X509_SAN_IP_ADDRESS;
  std::string all;
  for (const mbedtls_x509_sequence* each = &leaf.subject_alt_names; each != nullptr;
       each = each->next) {
    if (each->buf.p == nullptr) continue;
    std::string one;
    if (each->buf.tag == dns) one.assign(each->buf.p, each->buf.p + each->buf.len);
    if (each->buf.tag == ip) one = address_text(each->buf.p, each->buf.len);
    if (one.empty()) continue;
    // It goes into lines for people: whoever signed it does not get to write others.
    std::replace_if(one.begin(), one.end(), [](char c) { return c <= ' ' || c > '~'; }, '?');
    if (!all.empty()) all += ", ";
    all += one;
  }
  return all;
}

}  // namespace

certificate_facts facts_of(const identity& who) {
  const mbedtls_x509_crt& leaf = who.data().chain;
  certificate_facts facts;
  facts.serial = hexadecimal(leaf.serial);
  facts.names = names_of(leaf);
  facts.not_before = unix_seconds(leaf.valid_from);
  facts.not_after = unix_seconds(leaf.valid_to);
  facts.authority = mbedtls_x509_crt_get_ca_istrue(&leaf) == 1;
  facts.for_servers =
      mbedtls_x509_crt_check_extended_key_usage(&leaf, MBEDTLS_OID_SERVER_AUTH,
                                                MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)) == 0;
  return facts;
}

fitness fitness_for_servers(const certificate_facts& facts, std::int64_t now) noexcept {
  if (facts.not_after < now) return fitness::expired;
  if (facts.not_before > now) return fitness::not_yet_valid;
  if (facts.names.empty()) return fitness::for_nobody;
  return facts.for_servers ? fitness::fit : fitness::not_for_servers;
}

}  // namespace weir::tls
