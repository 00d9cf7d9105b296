// tests/tls/renegotiating_peer.cpp - see the header.
#include "renegotiating_peer.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <catch_amalgamated.hpp>

#include "context_data.hpp"

extern "C" int weir_test_send_second_hello(mbedtls_ssl_context* ssl);  // second_hello.c

namespace weir::test {

struct renegotiating_peer::impl {
  explicit impl(const tls::context& of) : keeps(of) { mbedtls_ssl_init(&ssl); }
  ~impl() { mbedtls_ssl_free(&ssl); }
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;
  tls::context keeps;
  mbedtls_ssl_context ssl;
};

namespace {

int put(void* to, const unsigned char* bytes, std::size_t count) {
  static_cast<renegotiating_peer*>(to)->out.append(reinterpret_cast<const char*>(bytes), count);
  return static_cast<int>(count);
}

int get(void* from, unsigned char* into, std::size_t count) {
  std::string& in = static_cast<renegotiating_peer*>(from)->in;
  if (in.empty()) return MBEDTLS_ERR_SSL_WANT_READ;
  const std::size_t taken = std::min(count, in.size());
  std::memcpy(into, in.data(), taken);
  in.erase(0, taken);
  return static_cast<int>(taken);
}

}  // namespace

renegotiating_peer::renegotiating_peer(const tls::context& of_client)
    : impl_(std::make_unique<impl>(of_client)) {
  REQUIRE(mbedtls_ssl_setup(&impl_->ssl, &of_client.data()->config) == 0);
  REQUIRE(mbedtls_ssl_set_hostname(&impl_->ssl, "localhost") == 0);
  mbedtls_ssl_set_bio(&impl_->ssl, this, &put, &get, nullptr);
}

renegotiating_peer::~renegotiating_peer() = default;

bool renegotiating_peer::handshake() {
  return mbedtls_ssl_handshake(&impl_->ssl) == 0;
}

void renegotiating_peer::ask_again() {
  REQUIRE(weir_test_send_second_hello(&impl_->ssl) == 0);
}

std::string renegotiating_peer::read_all() {
  std::string text;
  std::array<unsigned char, 1'000> room{};
  for (int quiet = 0; quiet < 3;) {
    const int got = mbedtls_ssl_read(&impl_->ssl, room.data(), room.size());
    if (got > 0) {
      text.append(reinterpret_cast<const char*>(room.data()), static_cast<std::size_t>(got));
    } else if (in.empty() || got != MBEDTLS_ERR_SSL_WANT_READ) {
      ++quiet;
    }
  }
  return text;
}

}  // namespace weir::test
