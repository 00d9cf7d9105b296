// tls/context.cpp - see the header.
#include <weir/tls/context.hpp>

#include <new>
#include <utility>

#include <mbedtls/oid.h>

#include <weir/tls/library.hpp>

#include "certificate_data.hpp"
#include "context_data.hpp"
#include "required_configuration.hpp"
#include "tickets.hpp"

namespace weir::tls {

namespace {

// ECDHE and AEAD only, whatever the library was built with. AES first: it has instructions here.
constexpr int suites[] = {
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    0,
};

constexpr std::uint16_t groups[] = {
    MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_NONE,
};

mbedtls_ssl_protocol_version number(version v) noexcept {
  return v == version::tls_1_2 ? MBEDTLS_SSL_VERSION_TLS1_2 : MBEDTLS_SSL_VERSION_TLS1_3;
}

// Server name indication (RFC 6066 3). An unknown name is answered with the first identity: the
// client is the one who checks names.
int choose_identity(void* data, mbedtls_ssl_context* session, const unsigned char* name,
                    std::size_t length) {
  const context_data& of = *static_cast<const context_data*>(data);
  const std::string_view host{reinterpret_cast<const char*>(name), length};
  ticket_host(host);
  for (const identity& each : of.identities) {
    if (!each.data().names(host)) continue;
    return mbedtls_ssl_set_hs_own_cert(session, &each.data().chain, &each.data().key);
  }
  return 0;
}

error not_configured(const char* what, int code) noexcept {
  return {code == MBEDTLS_ERR_SSL_ALLOC_FAILED ? errc::memory_exhausted : errc::invalid, what,
          code};
}

// What servers and clients have in common.
error configure(context_data& of, version oldest, version newest) {
  mbedtls_ssl_config& config = of.config;
  const int endpoint = of.server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT;
  const int code = mbedtls_ssl_config_defaults(&config, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM,
                                               MBEDTLS_SSL_PRESET_DEFAULT);
  if (code != 0) return not_configured("mbedTLS defaults", code);
  if (number(oldest) > number(newest)) return {errc::invalid, "oldest"};
  mbedtls_ssl_conf_rng(&config, &random_for_mbedtls, nullptr);
  mbedtls_ssl_conf_min_tls_version(&config, number(oldest));
  mbedtls_ssl_conf_max_tls_version(&config, number(newest));
  mbedtls_ssl_conf_ciphersuites(&config, suites);
  mbedtls_ssl_conf_groups(&config, groups);
  mbedtls_ssl_conf_tls13_key_exchange_modes(&config,
                                            MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL |
                                                MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL);
  for (const identity& each : of.identities) {
    const int added = mbedtls_ssl_conf_own_cert(&config, &each.data().chain, &each.data().key);
    if (added != 0) return not_configured("identities", added);
  }
  if (!of.anchors.empty()) {
    mbedtls_ssl_conf_ca_chain(&config, &of.anchors.data()->chain, nullptr);
  }
  for (const std::string& each : of.protocols) {
    if (each.empty() || each.size() > 255) return {errc::invalid, "protocols"};
    of.protocol_list.push_back(each.c_str());
  }
  if (!of.protocols.empty()) {
    of.protocol_list.push_back(nullptr);
    const int set = mbedtls_ssl_conf_alpn_protocols(&config, of.protocol_list.data());
    if (set != 0) return not_configured("protocols", set);
  }
  return {};
}

error configure_server(context_data& of, const server_options& options) {
  if (of.identities.empty()) return {errc::invalid, "identities"};
  if (const error why = configure(of, options.oldest, options.newest)) return why;
  mbedtls_ssl_config& config = of.config;
  mbedtls_ssl_conf_sni(&config, &choose_identity, &of);
  if (options.ask == client_certificates::none) {
    mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_NONE);
  } else {
    if (of.anchors.empty()) return {errc::invalid, "client_anchors"};
    // `optional` is refused after the handshake when what was sent is not good: see the session.
    mbedtls_ssl_conf_authmode(&config, options.ask == client_certificates::required
                                           ? MBEDTLS_SSL_VERIFY_REQUIRED
                                           : MBEDTLS_SSL_VERIFY_OPTIONAL);
  }
  if (!options.tickets) {
    mbedtls_ssl_conf_session_tickets(&config, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
    return {};
  }
  return set_up_tickets(of, options);
}

// mbedTLS takes a common name where there is no other; nobody else does (RFC 9110 4.3.4).
int refuse_common_name(void*, mbedtls_x509_crt* certificate, int depth, std::uint32_t* flags) {
  if (depth == 0 &&
      mbedtls_x509_crt_has_ext_type(certificate, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME) == 0) {
    *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
  }
  return 0;
}

error configure_client(context_data& of, const client_options& options) {
  if (of.anchors.empty()) return {errc::invalid, "anchors"};
  if (of.identities.size() > 1) return {errc::invalid, "identities"};
  if (const error why = configure(of, options.oldest, options.newest)) return why;
  mbedtls_ssl_conf_authmode(&of.config, MBEDTLS_SSL_VERIFY_REQUIRED);
  mbedtls_ssl_conf_verify(&of.config, &refuse_common_name, nullptr);
  return {};
}

}  // namespace

result<context> context::for_servers(server_options options) noexcept {
  if (const error why = start_library()) return why;
  try {
    auto made = std::make_shared<context_data>();
    made->server = true;
    made->identities = std::move(options.identities);
    made->anchors = options.client_anchors;
    made->protocols = std::move(options.protocols);
    made->ask = options.ask;
    if (const error why = configure_server(*made, options)) return why;
    return context(std::move(made));
  } catch (const std::bad_alloc&) {
    return error(errc::memory_exhausted, "context");
  }
}

result<context> context::for_clients(client_options options) noexcept {
  if (const error why = start_library()) return why;
  try {
    auto made = std::make_shared<context_data>();
    made->identities = std::move(options.identities);
    made->anchors = options.anchors;
    made->protocols = std::move(options.protocols);
    if (const error why = configure_client(*made, options)) return why;
    return context(std::move(made));
  } catch (const std::bad_alloc&) {
    return error(errc::memory_exhausted, "context");
  }
}

}  // namespace weir::tls
