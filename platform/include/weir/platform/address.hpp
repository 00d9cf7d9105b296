// platform/address.hpp - a socket address as a value: IPv4, IPv6 with its scope, or a Unix path.
//
// What a maintainer must not break: the bytes are exactly a sockaddr of this system (family byte
// or bytes, sin_len where there is one), so that a backend hands data() and size() to the system
// without a copy; and equal addresses are equal bytes, because every way in writes the whole
// structure afresh.
//
// Text is strict: numbers only (names are the resolver's work), one spelling of a port, no
// leading zeros, nothing before or after. What to_text() prints, parse() reads back as the same
// address; the exceptions are the two kinds of Unix peer that no path leads to (see path()).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <weir/platform/abi.hpp>
#include <weir/platform/bytes.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>

namespace weir {

enum class address_family : std::uint8_t { none, ipv4, ipv6, unix_path };

class WEIR_EXPORT address {
 public:
  // The longest path of a Unix socket, one less than the system's SUN_PATH_MAX: the terminating
  // NUL must fit, or the system would cut the path and bind another name.
  static constexpr std::size_t unix_path_bytes_max = platform::abi::address.unix_path.bytes - 1;
  // Enough room for to_text() of any address; parse() refuses anything longer.
  static constexpr std::size_t text_bytes_max = 128;

  // No address: family none, size 0.
  constexpr address() noexcept = default;

  // "127.0.0.1:8080", "[::1]:0", "[fe80::1%3]:80" (a scope is a number), "unix:/path". The error
  // is errc::malformed (errc::limit for a path that is too long) and its `where` says what is
  // wrong with the text, ready to be shown to the person who typed it.
  static result<address> parse(std::string_view text) noexcept;

  // A numeric host alone, without brackets: "127.0.0.1", "::1", "fe80::1%3".
  static result<address> parse_host(std::string_view host, std::uint16_t port) noexcept;

  static address ipv4(std::array<std::uint8_t, 4> bytes, std::uint16_t port) noexcept;
  // `scope_id` is the interface number of a link-local address, 0 for none.
  static address ipv6(std::array<std::uint8_t, 16> bytes, std::uint16_t port,
                      std::uint32_t scope_id = 0) noexcept;
  // Refuses an empty path, one with a control character (NUL included), and one that is longer
  // than unix_path_bytes_max.
  static result<address> unix_path(std::string_view path) noexcept;

  static address any_ipv4(std::uint16_t port) noexcept;
  static address any_ipv6(std::uint16_t port) noexcept;
  static address loopback_ipv4(std::uint16_t port) noexcept;
  static address loopback_ipv6(std::uint16_t port) noexcept;

  // What accept or getsockname filled in. A Unix peer that never bound has no name: that is an
  // address of family unix_path with an empty path().
  static result<address> from_system(byte_view bytes) noexcept;

  address_family family() const noexcept;
  bool is_ip() const noexcept;
  // 0 for anything but IPv4 and IPv6.
  std::uint16_t port() const noexcept;
  // The same address with another port; a Unix address unchanged.
  address with_port(std::uint16_t port) const noexcept;
  // The bytes in network order; zeros when the family is another.
  std::array<std::uint8_t, 4> ipv4_bytes() const noexcept;
  std::array<std::uint8_t, 16> ipv6_bytes() const noexcept;
  std::uint32_t scope_id() const noexcept;
  // 127.0.0.0/8, ::1, 127.0.0.0/8 mapped into IPv6, and every Unix address.
  bool is_loopback() const noexcept;
  // 0.0.0.0 or ::
  bool is_any() const noexcept;
  // ::ffff:a.b.c.d, as a dual-stack listener reports an IPv4 peer.
  bool is_ipv4_mapped() const noexcept;
  // The same peer as an IPv4 address; anything that is not mapped unchanged.
  address unmapped() const noexcept;
  // The path of a Unix address, empty when the peer has none: an unnamed socket, or a name of the
  // Linux abstract space, which is no path. A view into this address.
  std::string_view path() const noexcept;

  // Writes the text into `into` and returns the part written; an empty view when it does not fit
  // (text_bytes_max always does). IPv6 as RFC 5952 says. Unix: "unix:/path", "unix:" for a socket
  // without a name, "unix:@name" for an abstract one; its bytes outside ASCII print as '?'.
  std::string_view to_text(std::span<char> into) const noexcept;
  std::string to_string() const;

  // The sockaddr of this system: aligned for it, alive as long as this value.
  const std::byte* data() const noexcept { return bytes_.data(); }
  std::size_t size() const noexcept { return size_; }

  friend bool operator==(const address& a, const address& b) noexcept {
    return a.size_ == b.size_ && std::memcmp(a.bytes_.data(), b.bytes_.data(), a.size_) == 0;
  }

 private:
  static constexpr std::size_t bytes_max = 112;
  static_assert(platform::abi::address.unix_name.bytes <= bytes_max);
  static_assert(platform::abi::address.ipv6.bytes <= bytes_max);

  void begin(int family, std::size_t size) noexcept;
  int system_family() const noexcept;

  alignas(8) std::array<std::byte, bytes_max> bytes_{};
  std::uint32_t size_ = 0;
};
static_assert(std::is_trivially_copyable_v<address>, "crosses a co_await, and threads by value");

namespace platform {

// Writes the family, and the length byte where the system has one, into a cleared sockaddr. Apart
// so that one test can hold all four layouts against spec figures on one machine.
constexpr void write_address_head(const address_layout& layout, int family, std::size_t size,
                                  std::span<std::byte> into) noexcept {
  WEIR_ASSERT(into.size() >= layout.family.offset + layout.family.bytes);
  WEIR_ASSERT(size <= 255);
  if (layout.has_length) into[0] = static_cast<std::byte>(size);
  // Both described architectures are little-endian: the low byte of a 16-bit family comes first.
  into[layout.family.offset] = static_cast<std::byte>(family);
}

constexpr int read_address_family(const address_layout& layout,
                                  std::span<const std::byte> from) noexcept {
  if (from.size() < layout.family.offset + layout.family.bytes) return layout.family_unspecified;
  const int low = std::to_integer<int>(from[layout.family.offset]);
  if (layout.family.bytes == 1) return low;
  return low | std::to_integer<int>(from[layout.family.offset + 1]) << 8;
}

}  // namespace platform
}  // namespace weir
