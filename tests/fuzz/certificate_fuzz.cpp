// fuzz/certificate_fuzz.cpp - any text as a certificate chain, as a key and as trust anchors; any
// bytes as what is inside of them.
//
// An input that begins as ASN.1 does (0x30) is DER, and is put into the text it would come in; any
// other input is the text. Properties: it is refused with a word for what is wrong, or it can be
// used; the same text is the same answer; a good chain does not take another key, nor a good key
// another chain.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <weir/platform/assert.hpp>
#include <weir/tls/certificate_facts.hpp>
#include <weir/tls/context.hpp>

#include "tls_sides.hpp"

namespace tls = weir::tls;
using weir::errc;

namespace {

const tls::made_certificate& good() {
  return weir::test::seeded_certificate();
}

std::string in_pem(std::string_view kind, std::string_view der) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out = "-----BEGIN " + std::string(kind) + "-----\n";
  for (std::size_t i = 0; i < der.size(); i += 3) {
    if (i > 0 && i % 48 == 0) out += '\n';
    unsigned bits = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (i + k < der.size() ? static_cast<unsigned char>(der[i + k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += i + k <= der.size() ? digits[bits >> (18 - 6 * k) & 63] : '=';
    }
  }
  return out + "\n-----END " + std::string(kind) + "-----\n";
}

void check_refusal(weir::error why) {
  WEIR_ASSERT(why.code == errc::malformed || why.code == errc::invalid);
  WEIR_ASSERT(why.where != nullptr && *why.where != '\0');
}

void check_identity(std::string_view chain, std::string_view key) {
  const weir::result<tls::identity> got = tls::identity::from_pem(chain, key);
  const weir::result<tls::identity> again = tls::identity::from_pem(chain, key);
  WEIR_ASSERT(got.ok() == again.ok());
  if (!got.ok()) {
    check_refusal(got.why());
    WEIR_ASSERT(again.why().code == got.why().code);
    return;
  }
  const tls::certificate_facts facts = tls::facts_of(got.value());
  WEIR_ASSERT(facts.serial == tls::facts_of(again.value()).serial);
  tls::server_options server;
  server.identities = {got.value(), weir::test::seeded_identity()};
  const weir::result<tls::context> used = tls::context::for_servers(std::move(server));
  WEIR_ASSERT(used.ok());
}

void check_anchors(std::string_view text) {
  const weir::result<tls::trust_anchors> got = tls::trust_anchors::from_pem(text);
  const weir::result<tls::trust_anchors> again = tls::trust_anchors::from_pem(text);
  WEIR_ASSERT(got.ok() == again.ok());
  if (!got.ok()) return check_refusal(got.why());
  tls::client_options client;
  client.anchors = got.value();
  WEIR_ASSERT(!client.anchors.empty());
  const weir::result<tls::context> used = tls::context::for_clients(std::move(client));
  WEIR_ASSERT(used.ok());
}

void check_text(std::string_view text) {
  check_anchors(text);
  check_identity(text, text);
  check_identity(text, good().key);
  check_identity(good().certificate, text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  weir::fuzz::begin();
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_text(input);
  if (!input.starts_with('\x30')) return 0;
  check_text(in_pem("CERTIFICATE", input));
  for (const char* const kind : {"EC PRIVATE KEY", "PRIVATE KEY", "RSA PRIVATE KEY"}) {
    check_identity(good().certificate, in_pem(kind, input));
  }
  return 0;
}
