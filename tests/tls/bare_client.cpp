// tests/tls/bare_client.cpp - see the header.
#include "bare_client.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <catch_amalgamated.hpp>

#include "context_data.hpp"

extern "C" int weir_test_send_message(mbedtls_ssl_context* ssl, unsigned char kind,
                                      unsigned char body);  // bare_record.c

namespace weir::test {

class bare_client::ticket {
 public:
  ticket() { mbedtls_ssl_session_init(&session); }
  ~ticket() { mbedtls_ssl_session_free(&session); }
  ticket(const ticket&) = delete;
  ticket& operator=(const ticket&) = delete;
  mbedtls_ssl_session session;
};

struct bare_client::impl {
  explicit impl(const tls::context& of) : keeps(of), config(of.data()->config) {
    mbedtls_ssl_init(&ssl);
    // Otherwise the library passes over the tickets of TLS 1.3.
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
        &config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
  }
  ~impl() { mbedtls_ssl_free(&ssl); }
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;
  tls::context keeps;
  mbedtls_ssl_config config;  // all it points to is the context's: never freed here
  mbedtls_ssl_context ssl;
};

namespace {

int put(void* to, const unsigned char* bytes, std::size_t count) {
  static_cast<bare_client*>(to)->out.append(reinterpret_cast<const char*>(bytes), count);
  return static_cast<int>(count);
}

int get(void* from, unsigned char* into, std::size_t count) {
  std::string& in = static_cast<bare_client*>(from)->in;
  if (in.empty()) return MBEDTLS_ERR_SSL_WANT_READ;
  const std::size_t taken = std::min(count, in.size());
  std::memcpy(into, in.data(), taken);
  in.erase(0, taken);
  return static_cast<int>(taken);
}

// Asked for each certificate that a server shows, the leaf's depth being 0.
int look(void* into, mbedtls_x509_crt* shown, int depth, std::uint32_t*) {
  if (depth != 0) return 0;
  constexpr std::string_view digits = "0123456789abcdef";
  std::string& serial = *static_cast<std::string*>(into);
  serial.clear();
  for (std::size_t i = 0; i < shown->serial.len; ++i) {
    serial += digits[shown->serial.p[i] >> 4];
    serial += digits[shown->serial.p[i] & 15];
  }
  return 0;
}

}  // namespace

bare_client::bare_client(const tls::context& of_client, const std::shared_ptr<const ticket>& with)
    : impl_(std::make_unique<impl>(of_client)) {
  mbedtls_ssl_context& ssl = impl_->ssl;
  REQUIRE(mbedtls_ssl_setup(&ssl, &impl_->config) == 0);
  REQUIRE(mbedtls_ssl_set_hostname(&ssl, "localhost") == 0);
  mbedtls_ssl_set_verify(&ssl, &look, &serial_);
  if (with != nullptr) REQUIRE(mbedtls_ssl_set_session(&ssl, &with->session) == 0);
  mbedtls_ssl_set_bio(&ssl, this, &put, &get, nullptr);
}

bare_client::~bare_client() = default;

bool bare_client::handshake() {
  if (mbedtls_ssl_is_handshake_over(&impl_->ssl) == 0) {
    if (mbedtls_ssl_handshake(&impl_->ssl) != 0) return false;
    keep();  // in TLS 1.2 it came within the handshake
  }
  return true;
}

void bare_client::keep() {
  auto got = std::make_shared<ticket>();
  if (mbedtls_ssl_get_session(&impl_->ssl, &got->session) != 0) return;
  if (got->session.MBEDTLS_PRIVATE(ticket) != nullptr) kept_ = std::move(got);
}

bool bare_client::write(std::string_view text) {
  while (!text.empty()) {
    const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
    const int taken = mbedtls_ssl_write(&impl_->ssl, bytes, text.size());
    if (taken <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(taken));
  }
  return true;
}

std::string bare_client::read_all() {
  std::string text;
  std::array<unsigned char, 1'000> room{};
  for (int quiet = 0; quiet < 3;) {
    const int got = mbedtls_ssl_read(&impl_->ssl, room.data(), room.size());
    if (got > 0) {
      text.append(reinterpret_cast<const char*>(room.data()), static_cast<std::size_t>(got));
    } else if (got == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
      keep();
    } else if (in.empty() || got != MBEDTLS_ERR_SSL_WANT_READ) {
      heard_close_ = heard_close_ || got == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY;
      ++quiet;
    }
  }
  return text;
}

void bare_client::close() {
  static_cast<void>(mbedtls_ssl_close_notify(&impl_->ssl));
}

void bare_client::spoil(ticket& which) {
  REQUIRE(which.session.MBEDTLS_PRIVATE(ticket_len) > 0);
  which.session.MBEDTLS_PRIVATE(ticket)[which.session.MBEDTLS_PRIVATE(ticket_len) - 1] ^= 1;
}

void bare_client::say(message which) {
  // Of a hello as much as makes the library look at it; of a key update all: one byte.
  const unsigned char body = which == message::client_hello ? 38 : 1;
  REQUIRE(weir_test_send_message(&impl_->ssl, static_cast<unsigned char>(which), body) == 0);
}

}  // namespace weir::test
