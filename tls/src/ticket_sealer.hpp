// tls/ticket_sealer.hpp - seals the state of a session into a ticket, and opens it again.
//
//   ticket = name of the key[16] | nonce[12] | AES-256-GCM( moment[8] | state ) | tag[16]
//
// What a maintainer must not break: a ticket is good for nobody but those it was made for. Keys are
// derived from a secret and from a digest of the configuration, so servers that differ in what they
// ask of clients cannot open one another's tickets though they share their secrets; and the host a
// client named is authenticated with the ticket (RFC 6066 3: no resumption under another name).
// The moment is of the wall clock: mbedTLS counts from the start of the machine, which says nothing
// to another one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <weir/platform/bytes.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/mutex.hpp>
#include <weir/tls/ticket_keys.hpp>

namespace weir::tls {

using digest = std::array<std::byte, 32>;

struct ticket_key_data {
  ticket_key_data() = default;
  ~ticket_key_data();
  ticket_key_data(const ticket_key_data&) = delete;
  ticket_key_data& operator=(const ticket_key_data&) = delete;

  std::array<digest, ticket_keys::keys_max> secrets{};
  std::size_t count = 0;
};

// Any thread.
class ticket_sealer {
 public:
  // Of a ticket: in front of the state, and in all.
  static constexpr std::size_t head_bytes = 16 + 12 + 8;
  static constexpr std::size_t overhead_bytes = head_bytes + 16;

  ticket_sealer() noexcept = default;
  ~ticket_sealer();
  ticket_sealer(const ticket_sealer&) = delete;
  ticket_sealer& operator=(const ticket_sealer&) = delete;

  // Once. With keys of `shared`, which stay; without any, with its own, of which there is a new one
  // each half lifetime. `now` is in seconds since 1970, as below.
  error set_up(const ticket_keys& shared, const digest& configuration,
               std::uint32_t lifetime_seconds, std::int64_t now);

  std::uint32_t lifetime_seconds() const noexcept { return lifetime_seconds_; }

  // Makes a ticket of the `state_bytes` that stand at head_bytes of `room`, and returns its size;
  // `room` has overhead_bytes more than the state.
  result<std::size_t> seal(byte_span room, std::size_t state_bytes, const digest& host,
                           std::int64_t now) noexcept;

  struct opened {
    byte_span state;  // in the ticket
    std::int64_t age_seconds = 0;
  };
  // errc::not_found: by none of our keys for this host; errc::timed_out: too old. In place: the
  // ticket is spoilt.
  result<opened> open(byte_span ticket, const digest& host, std::int64_t now) noexcept;

 private:
  using key_name = std::array<std::byte, 16>;
  struct key {
    key_name name{};
    digest value{};
  };

  error derive(const digest& secret, key& into) const noexcept;
  error renew(std::int64_t now) noexcept;

  digest configuration_{};
  std::uint32_t lifetime_seconds_ = 0;
  bool own_ = true;
  mutex mutex_;
  // Under it. The first seals.
  std::array<key, 3> keys_{};
  std::size_t count_ = 0;
  std::int64_t renewed_ = 0;
};

}  // namespace weir::tls
