// tls/mbedtls_session.cpp - the seam over mbedTLS 3.6.
//
// mbedtls_ssl_session_reset() is never used: it was incomplete before 3.6.7. A session ends with
// its connection.
#include <array>
#include <climits>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>

#include <weir/platform/assert.hpp>

#include "context_data.hpp"
#include "required_configuration.hpp"
#include "session.hpp"
#include "tickets.hpp"
#if defined(WEIR_MBEDTLS_CONFIG_H)
#include "mbedtls/weir_mbedtls_rest.h"
#endif

namespace weir::tls {

namespace {

// RFC 1035 2.3.4; what a certificate can name.
constexpr std::size_t host_name_bytes_max = 255;

std::size_t call_bytes(std::size_t bytes) noexcept {
  constexpr std::size_t most = INT_MAX;
  return bytes < most ? bytes : most;
}

// What mbedTLS is told of the wire: the codes its documentation lists for a callback.
int code_of(error why, int blocked, int broken) noexcept {
  switch (why.code) {
    case errc::would_block: return blocked;
    case errc::reset:
    case errc::broken_pipe:
    case errc::aborted: return MBEDTLS_ERR_NET_CONN_RESET;
    default: return broken;
  }
}

// What the operator of either side can do something about has a name; the number is for the rest.
error explain(int code) noexcept {
  switch (code) {
    case MBEDTLS_ERR_NET_CONN_RESET: return {errc::reset, "tls: connection reset", code};
    case MBEDTLS_ERR_NET_RECV_FAILED:
    case MBEDTLS_ERR_NET_SEND_FAILED: return {errc::aborted, "tls: connection lost", code};
    case MBEDTLS_ERR_SSL_CONN_EOF: return {errc::reset, "tls: ended in the handshake", code};
    case MBEDTLS_ERR_SSL_ALLOC_FAILED: return {errc::memory_exhausted, "tls", code};
    case MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE:
      return {errc::permission, "tls: no client certificate", code};
    case MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL:
      return {errc::protocol, "tls: no protocol in common", code};
    case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
      return {errc::protocol, "tls: no version in common", code};
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
      return {errc::protocol, "tls: the peer sent a fatal alert", code};
    case MBEDTLS_ERR_SSL_INVALID_MAC: return {errc::protocol, "tls: a record was altered", code};
    case MBEDTLS_ERR_SSL_INVALID_RECORD: return {errc::malformed, "tls: not a record", code};
    default: return {errc::protocol, "tls", code};
  }
}

// Why a certificate was not believed: the reason that comes first for whoever has to mend it.
error not_believed(std::uint32_t flags, int code) noexcept {
  const auto has = [flags](std::uint32_t any_of) { return (flags & any_of) != 0; };
  const char* why = "tls: the peer's certificate is not good";
  if (has(MBEDTLS_X509_BADCERT_NOT_TRUSTED)) {
    why = "tls: the peer's certificate leads to no trust anchor";
  } else if (has(MBEDTLS_X509_BADCERT_EXPIRED)) {
    why = "tls: the peer's certificate has expired";
  } else if (has(MBEDTLS_X509_BADCERT_FUTURE)) {
    why = "tls: the peer's certificate is not valid yet";
  } else if (has(MBEDTLS_X509_BADCERT_CN_MISMATCH)) {
    why = "tls: the peer's certificate is for another host";
  } else if (has(MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE |
                 MBEDTLS_X509_BADCERT_NS_CERT_TYPE)) {
    why = "tls: the peer's certificate is for another use";
  } else if (has(MBEDTLS_X509_BADCERT_BAD_KEY | MBEDTLS_X509_BADCERT_BAD_PK |
                 MBEDTLS_X509_BADCERT_BAD_MD)) {
    why = "tls: the peer's certificate is too weak";
  }
  return {errc::permission, why, code};
}

// The two buffers that mbedTLS works in, while nothing is in them. Only the mbedTLS of our own
// configuration can be without: a host's keeps them as long as a session lives.
class resting_records {
 public:
#if defined(WEIR_MBEDTLS_CONFIG_H)
  // Once the handshake is over.
  static void forget_handshake(mbedtls_ssl_context& ssl) noexcept {
    weir_mbedtls_forget_handshake(&ssl);
  }
  void put_down(mbedtls_ssl_context& ssl, runtime::buffer_pool& pool) noexcept {
    if (resting_) return;
    resting_ = weir_mbedtls_rest(&ssl, lent_ ? 0 : 1, &kept_) != 0;
    if (!resting_) return;
    lent_.give_back();
    pool_ = &pool;
  }
  // False: there is no memory.
  bool take_up(mbedtls_ssl_context& ssl) noexcept {
    if (!resting_) return true;
    lent_ = pool_->take();
    if (!lent_) return false;
    WEIR_ASSERT(lent_.bytes().size() >= weir_mbedtls_records_bytes());
    weir_mbedtls_rise(&ssl, &kept_, reinterpret_cast<unsigned char*>(lent_.bytes().data()));
    resting_ = false;
    return true;
  }
  // Before the end: the library would free them as its own.
  void part(mbedtls_ssl_context& ssl) noexcept {
    if (lent_) weir_mbedtls_take_records(&ssl);
  }

 private:
  runtime::buffer_pool* pool_ = nullptr;
  runtime::pooled_buffer lent_;
  weir_mbedtls_resting kept_{};
  bool resting_ = false;
#else
  static void forget_handshake(mbedtls_ssl_context& /*ssl*/) noexcept {}
  void put_down(mbedtls_ssl_context& /*ssl*/, runtime::buffer_pool& /*pool*/) noexcept {}
  bool take_up(mbedtls_ssl_context& /*ssl*/) noexcept { return true; }
  void part(mbedtls_ssl_context& /*ssl*/) noexcept {}
#endif
};

class mbedtls_session final : public session {
 public:
  explicit mbedtls_session(std::shared_ptr<const context_data> of) noexcept : of_(std::move(of)) {
    mbedtls_ssl_init(&ssl_);
  }
  ~mbedtls_session() override {
    records_.part(ssl_);
    mbedtls_ssl_free(&ssl_);
  }

  error open(std::string_view host_name) noexcept {
    if (const int code = mbedtls_ssl_setup(&ssl_, &of_->config)) return explain(code);
    if (of_->server) return {};
    // With a NUL inside, another name would be compared than the one that was asked for.
    if (host_name.empty() || host_name.size() > host_name_bytes_max ||
        host_name.find('\0') != std::string_view::npos) {
      return {errc::invalid, "host_name"};
    }
    std::array<char, host_name_bytes_max + 1> name{};
    host_name.copy(name.data(), host_name.size());
    if (const int code = mbedtls_ssl_set_hostname(&ssl_, name.data())) return explain(code);
    return {};
  }

  error attach(wire& to) noexcept override {
    wire_ = &to;
    mbedtls_ssl_set_bio(&ssl_, this, &send, &receive, nullptr);
    return {};
  }

  outcome handshake() noexcept override {
    const ticket_scope tickets(host_);
    const int code = mbedtls_ssl_handshake(&ssl_);
    const bool optional = of_->ask == client_certificates::optional;
    // Then this code is of the callback that writes tickets, and the peer has not been told.
    if (optional && (code == 0 || code == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED)) {
      return check_optional(code);
    }
    if (code == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED || code == MBEDTLS_ERR_SSL_BAD_CERTIFICATE) {
      return {outcome::answer::failed, 0, not_believed(mbedtls_ssl_get_verify_result(&ssl_), code)};
    }
    return code == 0 ? over() : told(code);
  }

  // What a server reads last, where nothing comes with it: without a client's certificate, and in
  // TLS 1.2 after the client's key.
  bool handshake_is_light() const noexcept override {
    const int state = ssl_.MBEDTLS_PRIVATE(state);
    return of_->server &&
           (state == MBEDTLS_SSL_CLIENT_CHANGE_CIPHER_SPEC || state == MBEDTLS_SSL_CLIENT_FINISHED);
  }

  outcome read(byte_span into) noexcept override {
    if (!records_.take_up(ssl_)) return no_memory();
    const int code = mbedtls_ssl_read(&ssl_, reinterpret_cast<unsigned char*>(into.data()),
                                      call_bytes(into.size()));
    if (code > 0) return {outcome::answer::done, static_cast<std::size_t>(code), {}};
    // 0 is also what two empty records in a row are told as.
    if (code == 0) return {ended_ ? outcome::answer::eof : outcome::answer::again, 0, {}};
    return told(code);
  }

  outcome write(byte_view bytes) noexcept override {
    WEIR_ASSERT(!bytes.empty());
    if (!records_.take_up(ssl_)) return no_memory();
    const int code = mbedtls_ssl_write(&ssl_, reinterpret_cast<const unsigned char*>(bytes.data()),
                                       call_bytes(bytes.size()));
    if (code >= 0) return {outcome::answer::done, static_cast<std::size_t>(code), {}};
    return told(code);
  }

  outcome close_notify() noexcept override {
    if (!records_.take_up(ssl_)) return no_memory();
    const int code = mbedtls_ssl_close_notify(&ssl_);
    return code == 0 ? outcome{} : told(code);
  }

  bool pending() const noexcept override { return mbedtls_ssl_check_pending(&ssl_) != 0; }
  bool unsent() const noexcept override { return ssl_.MBEDTLS_PRIVATE(out_left) != 0; }
  std::size_t record_bytes_max() const noexcept override {
    const int most = mbedtls_ssl_get_max_out_record_payload(&ssl_);
    return most > 0 ? static_cast<std::size_t>(most) : 1;
  }
  std::string_view protocol() const noexcept override {
    const char* const name = mbedtls_ssl_get_alpn_protocol(&ssl_);
    return name == nullptr ? std::string_view{} : std::string_view{name};
  }
  version spoken() const noexcept override {
    return mbedtls_ssl_get_version_number(&ssl_) == MBEDTLS_SSL_VERSION_TLS1_3 ? version::tls_1_3
                                                                               : version::tls_1_2;
  }
  void rest(runtime::buffer_pool& records) noexcept override { records_.put_down(ssl_, records); }

 private:
  static int send(void* self, const unsigned char* bytes, std::size_t count) {
    const byte_view view{reinterpret_cast<const std::byte*>(bytes), call_bytes(count)};
    const result<std::size_t> given = static_cast<mbedtls_session*>(self)->wire_->give(view);
    if (!given.ok()) {
      return code_of(given.why(), MBEDTLS_ERR_SSL_WANT_WRITE, MBEDTLS_ERR_NET_SEND_FAILED);
    }
    WEIR_ASSERT(given.value() > 0);
    return static_cast<int>(given.value());
  }
  static int receive(void* self, unsigned char* into, std::size_t count) {
    mbedtls_session& of = *static_cast<mbedtls_session*>(self);
    const byte_span span{reinterpret_cast<std::byte*>(into), call_bytes(count)};
    const result<std::size_t> taken = of.wire_->take(span);
    if (taken.ok()) {
      WEIR_ASSERT(taken.value() > 0);
      return static_cast<int>(taken.value());
    }
    if (taken.why().code == errc::eof) {
      of.ended_ = true;
      return 0;
    }
    return code_of(taken.why(), MBEDTLS_ERR_SSL_WANT_READ, MBEDTLS_ERR_NET_RECV_FAILED);
  }

  static outcome no_memory() noexcept {
    return {outcome::answer::failed, 0, error(errc::limit, "tls records")};
  }

  outcome over() noexcept {
    resting_records::forget_handshake(ssl_);
    return {};
  }

  static outcome told(int code) noexcept {
    switch (code) {
      case MBEDTLS_ERR_SSL_WANT_READ: return {outcome::answer::want_read, 0, {}};
      case MBEDTLS_ERR_SSL_WANT_WRITE: return {outcome::answer::want_write, 0, {}};
      case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY: return {outcome::answer::closed, 0, {}};
      case MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET: return {outcome::answer::again, 0, {}};
      default: break;
    }
    // Builds that could answer so wait for no event and are refused: required_configuration.hpp.
    WEIR_ASSERT(code != MBEDTLS_ERR_SSL_ASYNC_IN_PROGRESS);
    WEIR_ASSERT(code != MBEDTLS_ERR_SSL_CRYPTO_IN_PROGRESS);
    return {outcome::answer::failed, 0, explain(code)};
  }

  // A certificate that was sent is held to what a required one is held to (CVE-2024-45159).
  outcome check_optional(int code) noexcept {
    const std::uint32_t flags = mbedtls_ssl_get_verify_result(&ssl_);
    if (may_be_served(flags)) return code == 0 ? over() : told(code);
    const int sent = mbedtls_ssl_send_alert_message(&ssl_, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                                    MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
    static_cast<void>(sent);  // the session is over, said or unsaid
    return {outcome::answer::failed, 0, not_believed(flags, MBEDTLS_ERR_X509_CERT_VERIFY_FAILED)};
  }

  std::shared_ptr<const context_data> of_;
  mbedtls_ssl_context ssl_;
  resting_records records_;
  digest host_{};  // that the client has named
  wire* wire_ = nullptr;
  bool ended_ = false;  // the wire said eof
};

}  // namespace

std::size_t session_records_bytes() noexcept {
#if defined(WEIR_MBEDTLS_CONFIG_H)
  return weir_mbedtls_records_bytes();
#else
  return sizeof(void*);  // there are none: a pool has to have a size
#endif
}

result<std::unique_ptr<session>> open_session(std::shared_ptr<const context_data> of,
                                              std::string_view host_name) noexcept {
  std::unique_ptr<mbedtls_session> made(new (std::nothrow) mbedtls_session(std::move(of)));
  if (made == nullptr) return error(errc::memory_exhausted, "tls session");
  if (const error why = made->open(host_name)) return why;
  return std::unique_ptr<session>(std::move(made));
}

}  // namespace weir::tls
