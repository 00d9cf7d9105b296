// tls/ticket_sealer.cpp - see the header.
#include "ticket_sealer.hpp"

#include <algorithm>
#include <new>
#include <string_view>

#include <mbedtls/platform_util.h>
#include <psa/crypto.h>

#include <weir/platform/assert.hpp>
#include <weir/tls/library.hpp>

namespace weir::tls {

namespace {

constexpr std::size_t name_bytes = 16;
constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t moment_bytes = 8;
constexpr std::size_t tag_bytes = 16;
static_assert(ticket_sealer::head_bytes == name_bytes + nonce_bytes + moment_bytes);
static_assert(ticket_sealer::overhead_bytes == ticket_sealer::head_bytes + tag_bytes);
static_assert(sizeof(digest) == ticket_keys::key_bytes);

// Clocks of machines that share keys differ a little; mbedTLS bears with 6 s as well.
constexpr std::int64_t clocks_differ_seconds = 5;

const std::uint8_t* octets(const std::byte* bytes) noexcept {
  return reinterpret_cast<const std::uint8_t*>(bytes);
}
std::uint8_t* octets(std::byte* bytes) noexcept {
  return reinterpret_cast<std::uint8_t*>(bytes);
}

// A key within the library for as long as one use of it takes: its slots may be few.
class lent_key {
 public:
  lent_key(const digest& value, psa_key_type_t type, psa_algorithm_t algorithm,
           psa_key_usage_t usage) noexcept {
    psa_key_attributes_t about = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_type(&about, type);
    psa_set_key_bits(&about, sizeof(digest) * 8);
    psa_set_key_algorithm(&about, algorithm);
    psa_set_key_usage_flags(&about, usage);
    status_ = psa_import_key(&about, octets(value.data()), value.size(), &id_);
  }
  ~lent_key() { psa_destroy_key(id_); }
  lent_key(const lent_key&) = delete;
  lent_key& operator=(const lent_key&) = delete;

  psa_status_t status() const noexcept { return status_; }
  psa_key_id_t id() const noexcept { return id_; }

 private:
  psa_key_id_t id_ = PSA_KEY_ID_NULL;
  psa_status_t status_ = PSA_SUCCESS;
};

error not_computed(psa_status_t status) noexcept {
  const bool memory = status == PSA_ERROR_INSUFFICIENT_MEMORY;
  return {memory ? errc::memory_exhausted : errc::not_supported, "tickets", status};
}

// HMAC with the secret as its key over what is to differ: one block of HKDF (RFC 5869 2.3).
error derive_part(const digest& secret, std::string_view what, const digest& configuration,
                  digest& into) noexcept {
  constexpr psa_algorithm_t algorithm = PSA_ALG_HMAC(PSA_ALG_SHA_256);
  std::array<std::byte, 32 + sizeof(digest)> input{};
  WEIR_ASSERT(what.size() <= 32);
  std::copy_n(as_bytes(what).data(), what.size(), input.begin());
  std::copy(configuration.begin(), configuration.end(), input.begin() + 32);
  const lent_key key(secret, PSA_KEY_TYPE_HMAC, algorithm, PSA_KEY_USAGE_SIGN_MESSAGE);
  if (key.status() != PSA_SUCCESS) return not_computed(key.status());
  std::size_t made = 0;
  const psa_status_t status =
      psa_mac_compute(key.id(), algorithm, octets(input.data()), input.size(), octets(into.data()),
                      into.size(), &made);
  if (status != PSA_SUCCESS) return not_computed(status);
  WEIR_ASSERT(made == into.size());
  return {};
}

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

error parse_key(std::string_view line, digest& into) noexcept {
  constexpr error wrong{errc::malformed, "there is a line that is not 64 hexadecimal digits"};
  if (line.size() != 2 * into.size()) return wrong;
  for (std::size_t i = 0; i < into.size(); ++i) {
    const int high = hex_digit(line[2 * i]);
    const int low = hex_digit(line[2 * i + 1]);
    if (high < 0 || low < 0) return wrong;
    into[i] = static_cast<std::byte>(high * 16 + low);
  }
  return {};
}

error parse_keys(std::string_view text, ticket_key_data& into) noexcept {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    if (into.count == into.secrets.size()) return {errc::limit, "more than three keys"};
    digest& one = into.secrets[into.count];
    if (const error why = parse_key(line, one)) return why;
    const digest* const first = into.secrets.data();
    const digest* const last = first + into.count;
    if (std::find(first, last, one) != last) {
      return {errc::invalid, "one key is there twice"};
    }
    ++into.count;
  }
  if (into.count == 0) return {errc::invalid, "there is no key"};
  return {};
}

}  // namespace

ticket_key_data::~ticket_key_data() {
  mbedtls_platform_zeroize(secrets.data(), sizeof(secrets));
}

result<ticket_keys> ticket_keys::from_text(std::string_view text) noexcept {
  try {
    auto made = std::make_shared<ticket_key_data>();
    if (const error why = parse_keys(text, *made)) return why;
    return ticket_keys(std::move(made));
  } catch (const std::bad_alloc&) {
    return error(errc::memory_exhausted, "ticket keys");
  }
}

ticket_sealer::~ticket_sealer() {
  mbedtls_platform_zeroize(keys_.data(), sizeof(keys_));
}

error ticket_sealer::derive(const digest& secret, key& into) const noexcept {
  digest name{};
  if (const error why = derive_part(secret, "weir ticket 1 name", configuration_, name)) return why;
  std::copy_n(name.begin(), into.name.size(), into.name.begin());
  return derive_part(secret, "weir ticket 1 key", configuration_, into.value);
}

error ticket_sealer::set_up(const ticket_keys& shared, const digest& configuration,
                            std::uint32_t lifetime_seconds, std::int64_t now) {
  WEIR_ASSERT(count_ == 0 && lifetime_seconds > 0);
  if (const error why = start_library()) return why;
  configuration_ = configuration;
  lifetime_seconds_ = lifetime_seconds;
  own_ = shared.empty();
  const lock held(mutex_);
  if (own_) return renew(now);
  for (; count_ < shared.data()->count; ++count_) {
    if (const error why = derive(shared.data()->secrets[count_], keys_[count_])) return why;
  }
  return {};
}

// A key seals for half a lifetime and its tickets live for a whole one: with two behind it every
// ticket that is not too old can be opened.
error ticket_sealer::renew(std::int64_t now) noexcept {
  const std::int64_t age = now - renewed_;
  const bool clock_was_set = age < -clocks_differ_seconds;
  if (!own_ || (count_ > 0 && !clock_was_set && 2 * age < lifetime_seconds_)) return {};
  digest secret{};
  key fresh;
  const psa_status_t status = psa_generate_random(octets(secret.data()), secret.size());
  error why;
  if (status != PSA_SUCCESS) why = not_computed(status);
  if (!why) why = derive(secret, fresh);
  if (!why) {
    std::copy_backward(keys_.begin(), keys_.end() - 1, keys_.end());
    keys_[0] = fresh;
    count_ = std::min(count_ + 1, keys_.size());
    renewed_ = now;
  }
  mbedtls_platform_zeroize(secret.data(), secret.size());
  mbedtls_platform_zeroize(&fresh, sizeof(fresh));
  return why;
}

namespace {

// What is authenticated beside the state: the head as it stands there, and the host.
std::array<std::byte, name_bytes + nonce_bytes + sizeof(digest)> beside(byte_view ticket,
                                                                        const digest& host) {
  std::array<std::byte, name_bytes + nonce_bytes + sizeof(digest)> all{};
  std::copy(host.begin(), host.end(),
            std::copy_n(ticket.begin(), name_bytes + nonce_bytes, all.begin()));
  return all;
}

}  // namespace

result<std::size_t> ticket_sealer::seal(byte_span room, std::size_t state_bytes, const digest& host,
                                        std::int64_t now) noexcept {
  WEIR_ASSERT(state_bytes <= room.size() && room.size() - state_bytes >= overhead_bytes);
  const lock held(mutex_);
  if (const error why = renew(now)) return why;
  const key& with = keys_[0];
  std::byte* const nonce = std::copy(with.name.begin(), with.name.end(), room.data());
  const psa_status_t drawn = psa_generate_random(octets(nonce), nonce_bytes);
  if (drawn != PSA_SUCCESS) return not_computed(drawn);
  std::byte* const sealed = nonce + nonce_bytes;
  for (std::size_t i = 0; i < moment_bytes; ++i) {
    sealed[i] = static_cast<std::byte>(static_cast<std::uint64_t>(now) >> (8 * (7 - i)) & 0xff);
  }
  const auto head = beside(room, host);
  const lent_key lent(with.value, PSA_KEY_TYPE_AES, PSA_ALG_GCM, PSA_KEY_USAGE_ENCRYPT);
  if (lent.status() != PSA_SUCCESS) return not_computed(lent.status());
  std::size_t made = 0;
  const psa_status_t status =
      psa_aead_encrypt(lent.id(), PSA_ALG_GCM, octets(nonce), nonce_bytes, octets(head.data()),
                       head.size(), octets(sealed), moment_bytes + state_bytes, octets(sealed),
                       moment_bytes + state_bytes + tag_bytes, &made);
  if (status != PSA_SUCCESS) return not_computed(status);
  return name_bytes + nonce_bytes + made;
}

result<ticket_sealer::opened> ticket_sealer::open(byte_span ticket, const digest& host,
                                                  std::int64_t now) noexcept {
  constexpr error unknown{errc::not_found, "ticket"};
  if (ticket.size() <= overhead_bytes) return unknown;
  digest value{};
  {
    const lock held(mutex_);
    if (const error why = renew(now)) return why;
    const key* const first = keys_.data();
    const key* const end = first + count_;
    const key* const found = std::find_if(first, end, [&](const key& each) {
      return std::equal(each.name.begin(), each.name.end(), ticket.begin());
    });
    if (found == end) return unknown;
    value = found->value;
  }
  const lent_key lent(value, PSA_KEY_TYPE_AES, PSA_ALG_GCM, PSA_KEY_USAGE_DECRYPT);
  mbedtls_platform_zeroize(value.data(), value.size());
  if (lent.status() != PSA_SUCCESS) return not_computed(lent.status());
  const auto head = beside(ticket, host);
  const std::byte* const nonce = ticket.data() + name_bytes;
  std::byte* const sealed = ticket.data() + name_bytes + nonce_bytes;
  const std::size_t sealed_bytes = ticket.size() - name_bytes - nonce_bytes;
  std::size_t made = 0;
  const psa_status_t status = psa_aead_decrypt(lent.id(), PSA_ALG_GCM, octets(nonce), nonce_bytes,
                                               octets(head.data()), head.size(), octets(sealed),
                                               sealed_bytes, octets(sealed), sealed_bytes, &made);
  if (status == PSA_ERROR_INVALID_SIGNATURE) return unknown;
  if (status != PSA_SUCCESS) return not_computed(status);
  std::uint64_t moment = 0;
  for (std::size_t i = 0; i < moment_bytes; ++i) {
    moment = moment << 8 | std::to_integer<std::uint64_t>(sealed[i]);
  }
  const std::int64_t age = now - static_cast<std::int64_t>(moment);
  if (age < -clocks_differ_seconds || age > std::int64_t{lifetime_seconds_}) {
    return error(errc::timed_out, "ticket");
  }
  return opened{{sealed + moment_bytes, made - moment_bytes}, std::max<std::int64_t>(age, 0)};
}

}  // namespace weir::tls
