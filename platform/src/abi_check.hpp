// platform/abi_check.hpp - how the abi_check.cpp of a system compares its table with the headers.
//
// Included after the system headers. An assertion that fires names the structure or constant and
// what relies on it. Do not edit the number in the table: the system changed, so read what it
// says now, mend the code that relied on it, then the table.
#pragma once

#include <cstddef>

#include <weir/platform/abi.hpp>

#define WEIR_ABI_STORAGE(type, entry, reliance)                                         \
  static_assert(sizeof(type) == (entry).bytes, "size of " #type " differs: " reliance); \
  static_assert(alignof(type) == (entry).align, "alignment of " #type " differs: " reliance)

#define WEIR_ABI_FIELD(type, member, entry, reliance)                   \
  static_assert(offsetof(type, member) == (entry).offset,               \
                "offset of " #type "::" #member " differs: " reliance); \
  static_assert(sizeof(type::member) == (entry).bytes,                  \
                "size of " #type "::" #member " differs: " reliance)

#define WEIR_ABI_NUMBER(name, entry, reliance) WEIR_ABI_NAMED(#name, name, entry, reliance)
// For a macro that takes the name as its own argument: there it would arrive expanded.
#define WEIR_ABI_NAMED(text, value, entry, reliance) \
  static_assert((value) == (entry), text " differs: " reliance)

// The part that every system has, under the same names in its headers.
#define WEIR_ABI_CHECK_ADDRESSES(table)                                                       \
  WEIR_ABI_NUMBER(AF_UNSPEC, (table).family_unspecified, "address.cpp tells families by it"); \
  WEIR_ABI_NUMBER(AF_UNIX, (table).family_unix, "address.cpp tells families by it");          \
  WEIR_ABI_NUMBER(AF_INET, (table).family_ipv4, "address.cpp tells families by it");          \
  WEIR_ABI_NUMBER(AF_INET6, (table).family_ipv6, "address.cpp tells families by it");         \
  WEIR_ABI_STORAGE(sockaddr_in, (table).ipv4, "address.cpp writes it byte by byte");          \
  WEIR_ABI_FIELD(sockaddr_in, sin_family, (table).family, "address.cpp writes it there");     \
  WEIR_ABI_FIELD(sockaddr_in, sin_port, (table).ipv4_port, "address.cpp writes it there");    \
  WEIR_ABI_FIELD(sockaddr_in, sin_addr, (table).ipv4_bytes, "address.cpp writes it there");   \
  WEIR_ABI_STORAGE(sockaddr_in6, (table).ipv6, "address.cpp writes it byte by byte");         \
  WEIR_ABI_FIELD(sockaddr_in6, sin6_family, (table).family, "address.cpp writes it there");   \
  WEIR_ABI_FIELD(sockaddr_in6, sin6_port, (table).ipv6_port, "address.cpp writes it there");  \
  WEIR_ABI_FIELD(sockaddr_in6, sin6_flowinfo, (table).ipv6_flow, "address.cpp clears it");    \
  WEIR_ABI_FIELD(sockaddr_in6, sin6_addr, (table).ipv6_bytes, "address.cpp writes it there"); \
  WEIR_ABI_FIELD(sockaddr_in6, sin6_scope_id, (table).ipv6_scope, "address.cpp writes it");   \
  WEIR_ABI_STORAGE(sockaddr_un, (table).unix_name, "address.cpp writes it byte by byte");     \
  WEIR_ABI_FIELD(sockaddr_un, sun_family, (table).family, "address.cpp writes it there");     \
  WEIR_ABI_FIELD(sockaddr_un, sun_path, (table).unix_path, "address.cpp bounds paths by it"); \
  WEIR_ABI_STORAGE(sockaddr_storage, (table).largest, "accept and getsockname fill one");     \
  WEIR_ABI_FIELD(sockaddr_storage, ss_family, (table).family, "address.cpp reads it there");  \
  static_assert(sizeof(socklen_t) == (table).length_bytes, "socklen_t differs: the backends")

// Constants of every system that no table needs and every backend relies on.
#define WEIR_ABI_CHECK_COMMON()                                                             \
  static_assert(SOCK_STREAM == 1, "SOCK_STREAM differs: the backends open stream sockets"); \
  static_assert(IPPROTO_TCP == 6, "IPPROTO_TCP differs: the backends set TCP options");     \
  static_assert(IPPROTO_IPV6 == 41, "IPPROTO_IPV6 differs: the backends set IPV6_V6ONLY");  \
  static_assert(TCP_NODELAY == 1, "TCP_NODELAY differs: set on every stream");              \
  static_assert(sizeof(addrinfo) == 48 && alignof(addrinfo) == 8, "addrinfo differs: resolver")
