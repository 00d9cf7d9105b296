// tls/ticket_keys.hpp - keys of tickets that several servers share, so that a session that began
// with one of them is resumed by any other (RFC 5077, RFC 8446 4.6.1).
//
// Without them a server makes keys of its own, tells nobody, and changes them; that is the default,
// and the better one for a server that stands alone: whoever has the keys can read what resumed
// sessions of TLS 1.2 said, and pretend to be the server to those who resume. Shared ones are as
// secret as a private key, and to be changed at least once a day.
//
//   c1f6...9a    the first seals new tickets: 32 random bytes as 64 hexadecimal digits
//   07be...e2    up to two more only open tickets that were sealed before
//
// To change keys without a session lost: give every server the new key in second place, then in
// first place with the old one behind it, and leave the old one out once its tickets have expired.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>

namespace weir::tls {

struct ticket_key_data;  // src/

// A value over shared, immutable memory, which is wiped when the last one goes. Any thread.
class WEIR_EXPORT ticket_keys {
 public:
  static constexpr std::size_t key_bytes = 32;
  static constexpr std::size_t keys_max = 3;

  // None: a context makes its own.
  ticket_keys() noexcept = default;

  // One key a line; empty lines and those that begin with # say nothing. errc::malformed: a line
  // that is no key; errc::invalid: no key, or one of them twice; errc::limit: more than keys_max.
  static result<ticket_keys> from_text(std::string_view text) noexcept;

  bool empty() const noexcept { return data_ == nullptr; }
  const ticket_key_data* data() const noexcept { return data_.get(); }

 private:
  explicit ticket_keys(std::shared_ptr<const ticket_key_data> data) noexcept
      : data_(std::move(data)) {}
  std::shared_ptr<const ticket_key_data> data_;
};

}  // namespace weir::tls
