// platform/address.cpp - socket addresses: layout from the table, text by hand.
#include <weir/platform/address.hpp>

#include <algorithm>
#include <optional>

namespace weir {
namespace {

constexpr const platform::address_layout& layout = platform::abi::address;

constexpr std::string_view unix_prefix = "unix:";

// A decimal number written the only way: digits, no sign, no leading zero, at most `max`.
std::optional<std::uint32_t> decimal(std::string_view text, std::uint64_t max) noexcept {
  if (text.empty() || text.size() > 10) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (value > max) return std::nullopt;
  return static_cast<std::uint32_t>(value);
}

// Four decimal octets. A leading zero is refused: some systems read it as octal, so one text
// would name two hosts.
bool parse_ipv4(std::string_view text, std::span<std::uint8_t, 4> into) noexcept {
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t end = i < 3 ? text.find('.') : text.size();
    if (end == std::string_view::npos) return false;
    const std::optional<std::uint32_t> octet = decimal(text.substr(0, end), 255);
    if (!octet) return false;
    into[i] = static_cast<std::uint8_t>(*octet);
    text.remove_prefix(i < 3 ? end + 1 : end);
  }
  return true;
}

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// RFC 4291 2.2: eight groups of one to four hex digits, one "::" for one or more groups of zeros,
// the last two groups as dotted IPv4 if wished.
bool parse_ipv6(std::string_view text, std::array<std::uint8_t, 16>& into) noexcept {
  into.fill(0);
  std::size_t filled = 0;            // bytes written
  std::optional<std::size_t> gap{};  // where "::" stood
  if (text.starts_with("::")) {
    gap = 0;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(':'), text.size());
    const std::string_view group = text.substr(0, end);
    if (group.find('.') != std::string_view::npos) {
      if (end != text.size() || filled > 12) return false;
      if (!parse_ipv4(group, std::span(into).subspan(filled).first<4>())) return false;
      filled += 4;
      break;
    }
    if (group.empty() || group.size() > 4 || filled > 14) return false;
    unsigned value = 0;
    for (const char c : group) {
      const int digit = hex_value(c);
      if (digit < 0) return false;
      value = value << 4 | static_cast<unsigned>(digit);
    }
    into[filled++] = static_cast<std::uint8_t>(value >> 8);
    into[filled++] = static_cast<std::uint8_t>(value & 0xff);
    text.remove_prefix(end);
    if (text.empty()) break;
    text.remove_prefix(1);           // the colon
    if (text.empty()) return false;  // a single colon at the end
    if (text.front() == ':') {
      if (gap) return false;
      gap = filled;
      text.remove_prefix(1);
    }
  }
  if (!gap) return filled == 16;
  if (filled > 14) return false;  // "::" stands for at least one group
  const std::array<std::uint8_t, 16> given = into;
  std::fill(into.begin() + static_cast<std::ptrdiff_t>(*gap), into.end(), std::uint8_t{0});
  for (std::size_t i = *gap; i < filled; ++i) into[16 - filled + i] = given[i];
  return true;
}

// Appends to a span and remembers when something did not fit.
class writer {
 public:
  explicit writer(std::span<char> into) noexcept : into_(into) {}
  void put(char c) noexcept {
    if (used_ < into_.size()) {
      into_[used_++] = c;
    } else {
      fits_ = false;
    }
  }
  void put(std::string_view text) noexcept {
    for (const char c : text) put(c);
  }
  void put_decimal(std::uint32_t value) noexcept {
    std::array<char, 10> digits{};
    std::size_t n = 0;
    do {
      digits[n++] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value != 0);
    while (n > 0) put(digits[--n]);
  }
  void put_hex(unsigned group) noexcept {
    bool begun = false;
    for (int shift = 12; shift >= 0; shift -= 4) {
      const unsigned digit = group >> shift & 0xf;
      begun = begun || digit != 0 || shift == 0;
      if (begun) put("0123456789abcdef"[digit]);
    }
  }
  std::string_view text() const noexcept {
    return fits_ ? std::string_view(into_.data(), used_) : std::string_view{};
  }

 private:
  std::span<char> into_;
  std::size_t used_ = 0;
  bool fits_ = true;
};

void put_ipv4(writer& out, std::span<const std::uint8_t, 4> bytes) noexcept {
  for (std::size_t i = 0; i < 4; ++i) {
    if (i > 0) out.put('.');
    out.put_decimal(bytes[i]);
  }
}

// RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups as "::" (the
// first of equals), mapped IPv4 in dotted form.
void put_ipv6(writer& out, const std::array<std::uint8_t, 16>& bytes, bool mapped) noexcept {
  if (mapped) {
    out.put("::ffff:");
    put_ipv4(out, std::span(bytes).subspan<12, 4>());
    return;
  }
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i) {
    groups[i] = static_cast<unsigned>(bytes[2 * i]) << 8 | bytes[2 * i + 1];
  }
  std::size_t best = 0;
  std::size_t best_length = 1;  // a single zero group is written out
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t end = i;
    while (end < 8 && groups[end] == 0) ++end;
    if (end - i > best_length) {
      best = i;
      best_length = end - i;
    }
  }
  const bool run = best_length > 1;
  for (std::size_t i = 0; i < 8; ++i) {
    if (run && i == best) {
      out.put("::");
      i += best_length - 1;
      continue;
    }
    if (i > 0 && !(run && i == best + best_length)) out.put(':');
    out.put_hex(groups[i]);
  }
}

}  // namespace

void address::begin(int family, std::size_t size) noexcept {
  WEIR_ASSERT(size <= bytes_.size());
  bytes_.fill(std::byte{0});
  platform::write_address_head(layout, family, size, bytes_);
  size_ = static_cast<std::uint32_t>(size);
}

int address::system_family() const noexcept {
  return platform::read_address_family(layout, std::span(bytes_).first(size_));
}

address address::ipv4(std::array<std::uint8_t, 4> bytes, std::uint16_t port) noexcept {
  address a;
  a.begin(layout.family_ipv4, layout.ipv4.bytes);
  a.bytes_[layout.ipv4_port.offset] = static_cast<std::byte>(port >> 8);
  a.bytes_[layout.ipv4_port.offset + 1] = static_cast<std::byte>(port & 0xff);
  std::memcpy(a.bytes_.data() + layout.ipv4_bytes.offset, bytes.data(), bytes.size());
  return a;
}

address address::ipv6(std::array<std::uint8_t, 16> bytes, std::uint16_t port,
                      std::uint32_t scope_id) noexcept {
  address a;
  a.begin(layout.family_ipv6, layout.ipv6.bytes);
  a.bytes_[layout.ipv6_port.offset] = static_cast<std::byte>(port >> 8);
  a.bytes_[layout.ipv6_port.offset + 1] = static_cast<std::byte>(port & 0xff);
  std::memcpy(a.bytes_.data() + layout.ipv6_bytes.offset, bytes.data(), bytes.size());
  // The scope is in host order, unlike everything beside it.
  std::memcpy(a.bytes_.data() + layout.ipv6_scope.offset, &scope_id, sizeof(scope_id));
  return a;
}

result<address> address::unix_path(std::string_view path) noexcept {
  if (path.empty()) return error(errc::malformed, "address: the path of a Unix socket is empty");
  if (path.size() > unix_path_bytes_max) {
    return error(errc::limit, "address: the path of a Unix socket is too long");
  }
  for (const char c : path) {
    // A NUL would cut the path; the others could forge lines wherever the path is printed.
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return error(errc::malformed, "address: control character in the path of a Unix socket");
    }
  }
  address a;
  a.begin(layout.family_unix, layout.unix_path.offset + path.size() + 1);
  std::memcpy(a.bytes_.data() + layout.unix_path.offset, path.data(), path.size());
  return a;
}

address address::any_ipv4(std::uint16_t port) noexcept {
  return ipv4({}, port);
}
address address::any_ipv6(std::uint16_t port) noexcept {
  return ipv6({}, port);
}
address address::loopback_ipv4(std::uint16_t port) noexcept {
  return ipv4({127, 0, 0, 1}, port);
}
address address::loopback_ipv6(std::uint16_t port) noexcept {
  std::array<std::uint8_t, 16> bytes{};
  bytes[15] = 1;
  return ipv6(bytes, port);
}

result<address> address::parse_host(std::string_view host, std::uint16_t port) noexcept {
  if (host.find(':') == std::string_view::npos) {
    std::array<std::uint8_t, 4> bytes{};
    if (!parse_ipv4(host, bytes)) {
      return error(errc::malformed, "address: the host is not an IPv4 address in four decimals");
    }
    return ipv4(bytes, port);
  }
  std::uint32_t scope = 0;
  const std::size_t percent = host.find('%');
  if (percent != std::string_view::npos) {
    const std::optional<std::uint32_t> number = decimal(host.substr(percent + 1), 0xffffffff);
    if (!number || *number == 0) {
      return error(errc::malformed, "address: the scope after % must be an interface number");
    }
    scope = *number;
    host = host.substr(0, percent);
  }
  std::array<std::uint8_t, 16> bytes{};
  if (!parse_ipv6(host, bytes)) {
    return error(errc::malformed, "address: the host is not an IPv6 address");
  }
  return ipv6(bytes, port, scope);
}

result<address> address::parse(std::string_view text) noexcept {
  if (text.empty()) return error(errc::malformed, "address: empty");
  if (text.find('\0') != std::string_view::npos) {
    return error(errc::malformed, "address: contains a NUL character");
  }
  if (text.starts_with(unix_prefix)) return unix_path(text.substr(unix_prefix.size()));
  if (text.size() > text_bytes_max) return error(errc::malformed, "address: too long");

  std::string_view host;
  std::string_view port;
  if (text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) {
      return error(errc::malformed, "address: [ without ]");
    }
    host = text.substr(1, close - 1);
    const std::string_view rest = text.substr(close + 1);
    if (host.find(':') == std::string_view::npos) {
      return error(errc::malformed, "address: only an IPv6 address stands in brackets");
    }
    if (!rest.starts_with(':')) return error(errc::malformed, "address: no :port after ]");
    port = rest.substr(1);
  } else {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return error(errc::malformed, "address: no :port");
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.find(':') != std::string_view::npos) {
      return error(errc::malformed, "address: an IPv6 address stands in brackets");
    }
  }
  const std::optional<std::uint32_t> number = decimal(port, 65535);
  if (!number) return error(errc::malformed, "address: the port must be a number from 0 to 65535");
  return parse_host(host, static_cast<std::uint16_t>(*number));
}

result<address> address::from_system(byte_view bytes) noexcept {
  const int family = platform::read_address_family(layout, bytes);
  const auto number16 = [&](std::size_t at) {
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[at]) << 8 |
                                      std::to_integer<unsigned>(bytes[at + 1]));
  };
  // macOS gives an unnamed Unix peer as a short sockaddr of no family at all, or as AF_UNIX
  // followed by zeros.
  if (family == layout.family_ipv4 && bytes.size() >= layout.ipv4.bytes) {
    std::array<std::uint8_t, 4> host{};
    std::memcpy(host.data(), bytes.data() + layout.ipv4_bytes.offset, host.size());
    return ipv4(host, number16(layout.ipv4_port.offset));
  }
  if (family == layout.family_ipv6 && bytes.size() >= layout.ipv6.bytes) {
    std::array<std::uint8_t, 16> host{};
    std::memcpy(host.data(), bytes.data() + layout.ipv6_bytes.offset, host.size());
    std::uint32_t scope = 0;
    std::memcpy(&scope, bytes.data() + layout.ipv6_scope.offset, sizeof(scope));
    return ipv6(host, number16(layout.ipv6_port.offset), scope);
  }
  if (family == layout.family_unix) {
    const byte_view name =
        bytes.size() > layout.unix_path.offset
            ? bytes.subspan(layout.unix_path.offset)
                  .first(std::min(bytes.size() - layout.unix_path.offset, layout.unix_path.bytes))
            : byte_view{};
    address a;
    if (name.empty() || (name[0] == std::byte{0} && !layout.unix_abstract)) {
      a.begin(layout.family_unix, layout.unix_path.offset);
      return a;
    }
    if (name[0] == std::byte{0}) {  // an abstract name: all of its bytes count
      a.begin(layout.family_unix, layout.unix_path.offset + name.size());
      std::memcpy(a.bytes_.data() + layout.unix_path.offset, name.data(), name.size());
      return a;
    }
    std::size_t length = 0;
    while (length < name.size() && name[length] != std::byte{0}) ++length;
    // A path that fills the field has no NUL; it is kept, with the NUL the storage has room for.
    a.begin(layout.family_unix, layout.unix_path.offset + length + 1);
    std::memcpy(a.bytes_.data() + layout.unix_path.offset, name.data(), length);
    return a;
  }
  return error(errc::family_unsupported, "address: of a family that weir does not know");
}

address_family address::family() const noexcept {
  const int family = system_family();
  if (size_ == 0) return address_family::none;
  if (family == layout.family_ipv4) return address_family::ipv4;
  if (family == layout.family_ipv6) return address_family::ipv6;
  return address_family::unix_path;
}

bool address::is_ip() const noexcept {
  return family() == address_family::ipv4 || family() == address_family::ipv6;
}

std::uint16_t address::port() const noexcept {
  static_assert(layout.ipv4_port.offset == layout.ipv6_port.offset);
  if (!is_ip()) return 0;
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes_[layout.ipv4_port.offset])
                                        << 8 |
                                    std::to_integer<unsigned>(bytes_[layout.ipv4_port.offset + 1]));
}

address address::with_port(std::uint16_t port) const noexcept {
  address a = *this;
  if (is_ip()) {
    a.bytes_[layout.ipv4_port.offset] = static_cast<std::byte>(port >> 8);
    a.bytes_[layout.ipv4_port.offset + 1] = static_cast<std::byte>(port & 0xff);
  }
  return a;
}

std::array<std::uint8_t, 4> address::ipv4_bytes() const noexcept {
  std::array<std::uint8_t, 4> bytes{};
  if (family() == address_family::ipv4) {
    std::memcpy(bytes.data(), bytes_.data() + layout.ipv4_bytes.offset, bytes.size());
  }
  return bytes;
}

std::array<std::uint8_t, 16> address::ipv6_bytes() const noexcept {
  std::array<std::uint8_t, 16> bytes{};
  if (family() == address_family::ipv6) {
    std::memcpy(bytes.data(), bytes_.data() + layout.ipv6_bytes.offset, bytes.size());
  }
  return bytes;
}

std::uint32_t address::scope_id() const noexcept {
  std::uint32_t scope = 0;
  if (family() == address_family::ipv6) {
    std::memcpy(&scope, bytes_.data() + layout.ipv6_scope.offset, sizeof(scope));
  }
  return scope;
}

bool address::is_ipv4_mapped() const noexcept {
  if (family() != address_family::ipv6) return false;
  const std::array<std::uint8_t, 16> bytes = ipv6_bytes();
  for (std::size_t i = 0; i < 10; ++i) {
    if (bytes[i] != 0) return false;
  }
  return bytes[10] == 0xff && bytes[11] == 0xff;
}

address address::unmapped() const noexcept {
  if (!is_ipv4_mapped()) return *this;
  const std::array<std::uint8_t, 16> bytes = ipv6_bytes();
  return ipv4({bytes[12], bytes[13], bytes[14], bytes[15]}, port());
}

bool address::is_loopback() const noexcept {
  switch (unmapped().family()) {
    case address_family::none: return false;
    case address_family::ipv4: return unmapped().ipv4_bytes()[0] == 127;
    case address_family::ipv6: return ipv6_bytes() == loopback_ipv6(0).ipv6_bytes();
    case address_family::unix_path: return true;
  }
  return false;
}

bool address::is_any() const noexcept {
  if (family() == address_family::ipv4) return ipv4_bytes() == std::array<std::uint8_t, 4>{};
  return family() == address_family::ipv6 && ipv6_bytes() == std::array<std::uint8_t, 16>{};
}

std::string_view address::path() const noexcept {
  if (family() != address_family::unix_path) return {};
  if (size_ <= layout.unix_path.offset + 1) return {};
  const char* const text = reinterpret_cast<const char*>(bytes_.data()) + layout.unix_path.offset;
  if (*text == '\0') return {};  // abstract
  return {text, size_ - layout.unix_path.offset - 1};
}

std::string_view address::to_text(std::span<char> into) const noexcept {
  writer out(into);
  switch (family()) {
    case address_family::none: out.put("none"); break;
    case address_family::ipv4: {
      const std::array<std::uint8_t, 4> bytes = ipv4_bytes();
      put_ipv4(out, bytes);
      out.put(':');
      out.put_decimal(port());
      break;
    }
    case address_family::ipv6: {
      out.put('[');
      put_ipv6(out, ipv6_bytes(), is_ipv4_mapped());
      if (scope_id() != 0) {
        out.put('%');
        out.put_decimal(scope_id());
      }
      out.put("]:");
      out.put_decimal(port());
      break;
    }
    case address_family::unix_path: {
      out.put(unix_prefix);
      std::string_view name = path();
      if (name.empty() && size_ > layout.unix_path.offset + 1) {
        name = {reinterpret_cast<const char*>(bytes_.data()) + layout.unix_path.offset + 1,
                size_ - layout.unix_path.offset - 1};
        out.put('@');
        for (const char c : name) out.put(c > 0x20 && c < 0x7f ? c : '?');
        break;
      }
      // A path from the system may hold control characters; logs must not.
      for (const char c : name) {
        out.put(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c);
      }
      break;
    }
  }
  return out.text();
}

std::string address::to_string() const {
  std::array<char, text_bytes_max> text{};
  return std::string(to_text(text));
}

}  // namespace weir
