// tls/tickets.cpp - see the header.
#include "tickets.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include <psa/crypto.h>

#include <weir/platform/assert.hpp>

#include "certificate_data.hpp"
#include "session_clock.hpp"

namespace weir::tls {

namespace {

thread_local digest* handshake_host = nullptr;

// SHA-256 over parts, each after its length: no two lists of parts read the same.
class hasher {
 public:
  hasher() noexcept { status_ = psa_hash_setup(&operation_, PSA_ALG_SHA_256); }
  ~hasher() { psa_hash_abort(&operation_); }
  hasher(const hasher&) = delete;
  hasher& operator=(const hasher&) = delete;

  void add(std::uint64_t number) noexcept {
    std::array<std::uint8_t, 8> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<std::uint8_t>(number >> (8 * i) & 0xff);
    }
    update(bytes.data(), bytes.size());
  }
  void add(byte_view part) noexcept {
    add(std::uint64_t{part.size()});
    update(reinterpret_cast<const std::uint8_t*>(part.data()), part.size());
  }
  void add(const mbedtls_x509_buf& part) noexcept {
    add(byte_view{reinterpret_cast<const std::byte*>(part.p), part.len});
  }

  error finish(digest& into) noexcept {
    std::size_t made = 0;
    if (status_ == PSA_SUCCESS) {
      status_ = psa_hash_finish(&operation_, reinterpret_cast<std::uint8_t*>(into.data()),
                                into.size(), &made);
    }
    if (status_ != PSA_SUCCESS) return {errc::not_supported, "SHA-256", status_};
    return {};
  }

 private:
  void update(const std::uint8_t* bytes, std::size_t count) noexcept {
    if (status_ == PSA_SUCCESS) status_ = psa_hash_update(&operation_, bytes, count);
  }

  psa_hash_operation_t operation_ = PSA_HASH_OPERATION_INIT;
  psa_status_t status_;
};

// What has to be the same for a session to go on where another began: who we are, whom we ask and
// whom we believe, which versions and protocols there are.
error digest_of(const context_data& of, const server_options& options, digest& into) {
  hasher hash;
  hash.add(static_cast<std::uint64_t>(options.oldest));
  hash.add(static_cast<std::uint64_t>(options.newest));
  hash.add(static_cast<std::uint64_t>(of.ask));
  hash.add(of.protocols.size());
  for (const std::string& each : of.protocols) hash.add(as_bytes(each));
  hash.add(of.identities.size());
  for (const identity& each : of.identities) hash.add(each.data().chain.raw);
  if (of.anchors.empty()) return hash.finish(into);
  for (const mbedtls_x509_crt* each = &of.anchors.data()->chain; each != nullptr;
       each = each->next) {
    hash.add(each->raw);
  }
  return hash.finish(into);
}

const digest& host_of_handshake() noexcept {
  WEIR_ASSERT(handshake_host != nullptr);
  return *handshake_host;
}

// mbedtls_ssl_ticket_write_t.
int write_ticket(void* data, const mbedtls_ssl_session* session, unsigned char* start,
                 const unsigned char* end, std::size_t* size, std::uint32_t* lifetime_seconds) {
  ticket_sealer& with = *static_cast<ticket_sealer*>(data);
  *size = 0;
  const auto room_bytes = static_cast<std::size_t>(end - start);
  if (room_bytes <= ticket_sealer::overhead_bytes) return MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL;
  std::size_t state_bytes = 0;
  const int saved =
      mbedtls_ssl_session_save(session, start + ticket_sealer::head_bytes,
                               room_bytes - ticket_sealer::overhead_bytes, &state_bytes);
  if (saved != 0) return saved;
  const result<std::size_t> sealed =
      with.seal({reinterpret_cast<std::byte*>(start), room_bytes}, state_bytes, host_of_handshake(),
                session_clock().unix_seconds());
  if (!sealed.ok()) return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
  *size = sealed.value();
  *lifetime_seconds = with.lifetime_seconds();
  return 0;
}

// For optional client certificates. Who is refused for his may not come back by a ticket: in
// TLS 1.3 it keeps nothing of that verdict, and it is written before the handshake is over.
int write_ticket_of_good(void* data, const mbedtls_ssl_session* session, unsigned char* start,
                         const unsigned char* end, std::size_t* size,
                         std::uint32_t* lifetime_seconds) {
  if (!may_be_served(session->MBEDTLS_PRIVATE(verify_result))) {
    *size = 0;
    return MBEDTLS_ERR_X509_CERT_VERIFY_FAILED;
  }
  return write_ticket(data, session, start, end, size, lifetime_seconds);
}

// mbedtls_ssl_ticket_parse_t. What cannot be used is a full handshake, and no failure.
int parse_ticket(void* data, mbedtls_ssl_session* session, unsigned char* ticket,
                 std::size_t size) {
  ticket_sealer& with = *static_cast<ticket_sealer*>(data);
  const result<ticket_sealer::opened> got =
      with.open({reinterpret_cast<std::byte*>(ticket), size}, host_of_handshake(),
                session_clock().unix_seconds());
  if (!got.ok()) {
    return got.why() == errc::timed_out ? MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED
                                        : MBEDTLS_ERR_SSL_INVALID_MAC;
  }
  const int loaded = mbedtls_ssl_session_load(
      session, reinterpret_cast<const unsigned char*>(got.value().state.data()),
      got.value().state.size());
  if (loaded != 0) return loaded;
#if defined(MBEDTLS_HAVE_TIME)
  // By the clock of this machine, since when it runs; the one that sealed it has another.
  session->MBEDTLS_PRIVATE(ticket_creation_time) =
      mbedtls_ms_time() - got.value().age_seconds * 1'000;
#endif
  return 0;
}

}  // namespace

ticket_scope::ticket_scope(digest& host) noexcept {
  WEIR_ASSERT(handshake_host == nullptr);
  handshake_host = &host;
}

ticket_scope::~ticket_scope() {
  handshake_host = nullptr;
}

void ticket_host(std::string_view host) noexcept {
  WEIR_ASSERT(handshake_host != nullptr);
  std::array<char, 256> lower{};
  // A name that is too long is none of ours (RFC 1035 2.3.4), and a digest of its start.
  const std::size_t count = std::min(host.size(), lower.size());
  for (std::size_t i = 0; i < count; ++i) {
    const char c = host[i];
    lower[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  hasher hash;
  hash.add(as_bytes({lower.data(), count}));
  // Without SHA-256 there is no TLS, and no context: it was asked for there.
  if (hash.finish(*handshake_host)) handshake_host->fill(std::byte{});
}

error set_up_tickets(context_data& of, const server_options& options) {
  // RFC 8446 4.6.1: at most a week.
  if (options.ticket_lifetime_seconds == 0 || options.ticket_lifetime_seconds > 604'800) {
    return {errc::invalid, "ticket_lifetime_seconds"};
  }
  digest configuration{};
  if (const error why = digest_of(of, options, configuration)) return why;
  if (const error why =
          of.tickets.set_up(options.shared_ticket_keys, configuration,
                            options.ticket_lifetime_seconds, session_clock().unix_seconds())) {
    return why;
  }
  const bool optional = of.ask == client_certificates::optional;
  mbedtls_ssl_conf_session_tickets_cb(&of.config, optional ? &write_ticket_of_good : &write_ticket,
                                      &parse_ticket, &of.tickets);
  return {};
}

}  // namespace weir::tls
