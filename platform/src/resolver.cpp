// platform/resolver.cpp - getaddrinfo behind a strict door. The same call on every system.
#include <weir/platform/resolver.hpp>

#if defined(_WIN32)
#include <windows/headers.hpp>
#include <windows/winsock.hpp>
#else
#include <netdb.h>
#include <sys/socket.h>
#endif

#include <array>
#include <cstring>

#include <weir/platform/error_map.hpp>

namespace weir::platform {
namespace {

constexpr std::size_t name_bytes_max = 253;  // RFC 1035 2.3.4, without the root's dot
constexpr std::size_t label_bytes_max = 63;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
bool is_hex(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_name_char(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

bool looks_like_number(std::string_view label) noexcept {
  const bool prefixed =
      label.size() >= 2 && label[0] == '0' && (label[1] == 'x' || label[1] == 'X');
  for (const char c : prefixed ? label.substr(2) : label) {
    if (prefixed ? !is_hex(c) : !is_digit(c)) return false;
  }
  return true;
}

error check_name(std::string_view host) noexcept {
  if (host.ends_with('.')) host.remove_suffix(1);  // the root, written out
  if (host.empty()) return {errc::malformed, "host: empty"};
  if (host.size() > name_bytes_max) return {errc::malformed, "host: longer than 253 bytes"};
  std::string_view last;
  while (true) {
    const std::size_t dot = host.find('.');
    last = host.substr(0, dot);
    if (last.empty()) return {errc::malformed, "host: empty label"};
    if (last.size() > label_bytes_max) return {errc::malformed, "host: label over 63 bytes"};
    for (const char c : last) {
      if (!is_name_char(c)) return {errc::malformed, "host: not a host name"};
    }
    if (dot == std::string_view::npos) break;
    host.remove_prefix(dot + 1);
  }
  if (looks_like_number(last)) return {errc::malformed, "host: a number, but not an address"};
  return {};
}

}  // namespace

result<std::size_t> resolve_blocking(std::string_view host, std::uint16_t port,
                                     std::span<address> out) noexcept {
  if (out.empty()) return error(errc::invalid, "resolve: no room for an address");
  const result<address> numeric = address::parse_host(host, port);
  if (numeric.ok()) {
    out[0] = numeric.value();
    return std::size_t{1};
  }
  if (const error why = check_name(host)) return why;

  std::array<char, name_bytes_max + 2> name{};
  std::memcpy(name.data(), host.data(), host.size());
#if defined(_WIN32)
  if (const error why = winsock_ready()) return why;
#endif
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;  // each address once, not once per kind of socket
  addrinfo* list = nullptr;
  const int failed = getaddrinfo(name.data(), nullptr, &hints, &list);
  if (failed != 0) return error_from_resolver("getaddrinfo", failed);

  std::size_t count = 0;
  for (const addrinfo* entry = list; entry != nullptr && count < out.size();
       entry = entry->ai_next) {
    const result<address> found =
        address::from_system({reinterpret_cast<const std::byte*>(entry->ai_addr),
                              static_cast<std::size_t>(entry->ai_addrlen)});
    if (!found.ok() || !found.value().is_ip()) continue;
    const address a = found.value().with_port(port);
    bool known = false;
    for (std::size_t i = 0; i < count; ++i) known = known || out[i] == a;
    if (!known) out[count++] = a;
  }
  freeaddrinfo(list);
  if (count == 0) return error(errc::not_found, "getaddrinfo: no IPv4 or IPv6 address");
  return count;
}

}  // namespace weir::platform
