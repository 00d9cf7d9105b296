// bench/handshake_cost.cpp - what the server's side of a handshake costs in mbedTLS alone.
//
// Both sides in one process, over memory. Only what the server does is counted: its time on the
// processor, and by callgrind its instructions (--toggle-collect=server_turn).
// bench/mbedtls_options builds it against one set of options after the other.
//
//   weir_handshake_cost CASE COUNT CERTIFICATE KEY      prints microseconds for each
//
// CASE: full13-x25519, full13-p256, full12-x25519, full12-p256, resumed13, bulk (1 MiB sent).
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <mbedtls/pk.h>
#include <mbedtls/platform_time.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/x509_crt.h>
#include <psa/crypto.h>

#include <sys/random.h>

#if defined(MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG)
extern "C" psa_status_t mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t*,
                                                        std::uint8_t* into, std::size_t bytes,
                                                        std::size_t* got) {
  *got = bytes;
  return ::getrandom(into, bytes, 0) == static_cast<ssize_t>(bytes) ? PSA_SUCCESS
                                                                    : PSA_ERROR_HARDWARE_FAILURE;
}
#endif

#if defined(MBEDTLS_PLATFORM_MS_TIME_ALT)
extern "C" mbedtls_ms_time_t mbedtls_ms_time(void) {
  timespec at{};
  ::clock_gettime(CLOCK_MONOTONIC, &at);
  return std::int64_t{at.tv_sec} * 1'000 + at.tv_nsec / 1'000'000;
}
#endif

namespace {

constexpr int suites[] = {MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
                          MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, 0};
// The first is what is agreed on; the other is for the certificate's own curve.
constexpr std::uint16_t x25519[] = {MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
                                    MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
                                    MBEDTLS_SSL_IANA_TLS_GROUP_NONE};
constexpr std::uint16_t p256[] = {MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
                                  MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
                                  MBEDTLS_SSL_IANA_TLS_GROUP_NONE};
constexpr std::size_t bulk_bytes = 1'048'576;

void must(int code, const char* what) {
  if (code == 0) return;
  std::fprintf(stderr, "weir_handshake_cost: %s: -0x%04x\n", what, static_cast<unsigned>(-code));
  std::exit(1);
}

int random_bytes(void*, unsigned char* into, std::size_t bytes) {
  return psa_generate_random(into, bytes);
}

struct wire {
  std::string bytes;
  std::size_t at = 0;
};

struct end {
  end() { mbedtls_ssl_init(&ssl); }
  end(const end&) = delete;
  end& operator=(const end&) = delete;
  ~end() { mbedtls_ssl_free(&ssl); }
  void open(const mbedtls_ssl_config& config, wire& into, wire& from) {
    to_ = &into;
    from_ = &from;
    must(mbedtls_ssl_setup(&ssl, &config), "setup");
    mbedtls_ssl_set_bio(&ssl, this, &send, &receive, nullptr);
  }

  mbedtls_ssl_context ssl;

 private:
  static int send(void* self, const unsigned char* bytes, std::size_t count) {
    static_cast<end*>(self)->to_->bytes.append(reinterpret_cast<const char*>(bytes), count);
    return static_cast<int>(count);
  }
  static int receive(void* self, unsigned char* into, std::size_t count) {
    wire& from = *static_cast<end*>(self)->from_;
    const std::size_t some = std::min(count, from.bytes.size() - from.at);
    if (some == 0) return MBEDTLS_ERR_SSL_WANT_READ;
    std::memcpy(into, from.bytes.data() + from.at, some);
    from.at += some;
    return static_cast<int>(some);
  }
  wire* to_ = nullptr;
  wire* from_ = nullptr;
};

std::int64_t cpu_ns() {
  timespec at{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
  return std::int64_t{at.tv_sec} * 1'000'000'000 + at.tv_nsec;
}

}  // namespace

// What is counted: by name, so that callgrind finds them.
extern "C" {
[[gnu::noinline]] int server_turn(mbedtls_ssl_context* ssl) {
  return mbedtls_ssl_handshake(ssl);
}
[[gnu::noinline]] int server_turn_bulk(mbedtls_ssl_context* ssl, const unsigned char* bytes,
                                       std::size_t count) {
  return mbedtls_ssl_write(ssl, bytes, count);
}
}

namespace {

struct both_sides {
  both_sides(std::string_view what, const char* certificate, const char* key)
      : resumes(what == "resumed13"), bulk(what == "bulk") {
    mbedtls_x509_crt_init(&chain);
    mbedtls_pk_init(&own_key);
    mbedtls_ssl_ticket_init(&tickets);
    mbedtls_ssl_session_init(&session);
    must(parse_chain(certificate), "certificate");
    const std::string text = read(key);
    must(mbedtls_pk_parse_key(&own_key, bytes(text), text.size() + 1, nullptr, 0, &random_bytes,
                              nullptr),
         "key");
    const std::uint16_t* const groups = what.ends_with("p256") ? p256 : x25519;
    const bool old = what.starts_with("full12");
    prepare(of_server, MBEDTLS_SSL_IS_SERVER, groups, old);
    prepare(of_client, MBEDTLS_SSL_IS_CLIENT, groups, old);
    must(mbedtls_ssl_conf_own_cert(&of_server, &chain, &own_key), "own certificate");
    must(mbedtls_ssl_ticket_setup(&tickets, &random_bytes, nullptr, MBEDTLS_CIPHER_AES_256_GCM,
                                  3'600),
         "tickets");
    mbedtls_ssl_conf_session_tickets_cb(&of_server, &mbedtls_ssl_ticket_write,
                                        &mbedtls_ssl_ticket_parse, &tickets);
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
        &of_client, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
  }

  // Nanoseconds of the server.
  std::int64_t once(bool resume) {
    wire up;
    wire down;
    end server;
    end client;
    server.open(of_server, down, up);
    client.open(of_client, up, down);
    must(mbedtls_ssl_set_hostname(&client.ssl, nullptr), "host name");
    if (resume) must(mbedtls_ssl_set_session(&client.ssl, &session), "session");
    std::int64_t took_ns = 0;
    bool server_done = false;
    bool client_done = false;
    while (!server_done || !client_done) {
      if (!client_done) client_done = over(mbedtls_ssl_handshake(&client.ssl));
      if (server_done) continue;
      const std::int64_t began_ns = cpu_ns();
      const int code = server_turn(&server.ssl);
      took_ns += cpu_ns() - began_ns;
      server_done = over(code);
    }
    if (bulk) took_ns = send_bulk(server, down);
    if (resumes) keep_session(client);
    return took_ns;
  }

  bool resumes;
  bool bulk;

 private:
  static bool over(int code) {
    if (code != MBEDTLS_ERR_SSL_WANT_READ) must(code, "handshake");
    return code == 0;
  }
  static std::string read(const char* path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  static const unsigned char* bytes(const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.c_str());
  }
  int parse_chain(const char* path) {
    const std::string text = read(path);
    return mbedtls_x509_crt_parse(&chain, bytes(text), text.size() + 1);
  }
  static void prepare(mbedtls_ssl_config& config, int side, const std::uint16_t* groups, bool old) {
    mbedtls_ssl_config_init(&config);
    must(mbedtls_ssl_config_defaults(&config, side, MBEDTLS_SSL_TRANSPORT_STREAM,
                                     MBEDTLS_SSL_PRESET_DEFAULT),
         "defaults");
    mbedtls_ssl_conf_rng(&config, &random_bytes, nullptr);
    mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_ciphersuites(&config, suites);
    mbedtls_ssl_conf_groups(&config, groups);
    const auto version = old ? MBEDTLS_SSL_VERSION_TLS1_2 : MBEDTLS_SSL_VERSION_TLS1_3;
    mbedtls_ssl_conf_min_tls_version(&config, version);
    mbedtls_ssl_conf_max_tls_version(&config, version);
  }
  // A ticket comes behind the handshake.
  void keep_session(end& client) {
    unsigned char room[64];
    int code = MBEDTLS_ERR_SSL_WANT_READ;
    for (int i = 0; i < 4 && code == MBEDTLS_ERR_SSL_WANT_READ; ++i) {  // it asks before it looks
      code = mbedtls_ssl_read(&client.ssl, room, sizeof room);
    }
    if (code != MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) must(code, "no ticket");
    mbedtls_ssl_session_free(&session);
    mbedtls_ssl_session_init(&session);
    must(mbedtls_ssl_get_session(&client.ssl, &session), "session");
  }
  static std::int64_t send_bulk(end& server, wire& down) {
    const std::vector<unsigned char> body(bulk_bytes, 'x');
    down.bytes.reserve(2 * bulk_bytes);
    std::size_t sent = 0;
    const std::int64_t began_ns = cpu_ns();
    while (sent < body.size()) {
      const int some = server_turn_bulk(&server.ssl, body.data() + sent, body.size() - sent);
      if (some < 0) must(some, "write");
      sent += static_cast<std::size_t>(some);
    }
    return cpu_ns() - began_ns;
  }

  mbedtls_x509_crt chain;
  mbedtls_pk_context own_key;
  mbedtls_ssl_ticket_context tickets;
  mbedtls_ssl_session session;
  mbedtls_ssl_config of_server;
  mbedtls_ssl_config of_client;
};

}  // namespace

int main(int argc, char** argv) {
  int count = 0;
  if (argc == 5) std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), count);
  if (count <= 0) {
    std::fprintf(stderr, "usage: weir_handshake_cost CASE COUNT CERTIFICATE KEY\n");
    return 2;
  }
  must(psa_crypto_init(), "psa_crypto_init");
  both_sides work(argv[1], argv[3], argv[4]);
  if (work.resumes) work.once(false);
  std::vector<std::int64_t> took_ns;
  for (int i = 0; i < count; ++i) took_ns.push_back(work.once(work.resumes));
  std::sort(took_ns.begin(), took_ns.end());
  std::printf("%.1f\n", static_cast<double>(took_ns[took_ns.size() / 2]) / 1e3);
}
