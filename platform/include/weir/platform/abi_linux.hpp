// platform/abi_linux.hpp - the table of Linux: glibc and musl, x86-64 and arm64.
//
// Every entry is asserted by src/linux/abi_check.cpp. If one fires, the headers differ from the
// system this table describes: do not edit the number, find out what changed for its users.
#pragma once

#include <cstddef>  // also tells glibc from musl: glibc defines __GLIBC__ here, musl nothing

#include <weir/platform/abi_table.hpp>

#if defined(__linux__) && (defined(__ANDROID__) || defined(__UCLIBC__))
#error "weir: this C library (neither glibc nor musl) is not described in platform/abi_linux.hpp"
#endif

namespace weir::platform::abi_linux {

inline constexpr const char* system_name = "linux";

inline constexpr address_layout address{
    .family_unspecified = 0,
    .family_unix = 1,
    .family_ipv4 = 2,
    .family_ipv6 = 10,
    .has_length = false,
    .unix_abstract = true,
    .family = {0, 2},
    .ipv4 = {16, 4},
    .ipv4_port = {2, 2},
    .ipv4_bytes = {4, 4},
    .ipv6 = {28, 4},
    .ipv6_port = {2, 2},
    .ipv6_flow = {4, 4},
    .ipv6_bytes = {8, 16},
    .ipv6_scope = {24, 4},
    .unix_name = {110, 2},
    .unix_path = {2, 108},
    .largest = {128, 8},
    .length_bytes = 4,
};

inline constexpr errno_numbers errors{
    .again = 11,
    .intr = 4,
    .perm = 1,
    .noent = 2,
    .io = 5,
    .nxio = 6,
    .badf = 9,
    .nomem = 12,
    .acces = 13,
    .exist = 17,
    .notdir = 20,
    .isdir = 21,
    .inval = 22,
    .nfile = 23,
    .mfile = 24,
    .pipe = 32,
    .nametoolong = 36,
    .nosys = 38,
    .loop = 40,
    .proto = 71,
    .notsock = 88,
    .msgsize = 90,
    .protonosupport = 93,
    .opnotsupp = 95,
    .notsup = 95,
    .afnosupport = 97,
    .addrinuse = 98,
    .addrnotavail = 99,
    .netdown = 100,
    .netunreach = 101,
    .netreset = 102,
    .connaborted = 103,
    .connreset = 104,
    .nobufs = 105,
    .isconn = 106,
    .notconn = 107,
    .shutdown = 108,
    .timedout = 110,
    .connrefused = 111,
    .hostdown = 112,
    .hostunreach = 113,
    .already = 114,
    .inprogress = 115,
    .canceled = 125,
};

inline constexpr resolver_numbers resolver{
    .again = -3,
    .badflags = -1,
    .fail = -4,
    .family = -6,
    .memory = -10,
    .noname = -2,
    .service = -8,
    .socktype = -7,
    .system = -11,
};

inline constexpr int open_nonblock = 0x800;   // O_NONBLOCK
inline constexpr int open_cloexec = 0x80000;  // O_CLOEXEC
inline constexpr int clock_monotonic_id = 1;  // CLOCK_MONOTONIC

#if defined(__GLIBC__) && defined(__aarch64__)
inline constexpr storage_layout mutex_storage{48, 8};  // pthread_mutex_t
#else
inline constexpr storage_layout mutex_storage{40, 8};
#endif
inline constexpr storage_layout condition_storage{48, 8};  // pthread_cond_t

}  // namespace weir::platform::abi_linux
