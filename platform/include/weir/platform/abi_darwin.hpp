// platform/abi_darwin.hpp - the table of macOS: x86-64 and arm64 agree in every entry.
//
// Every entry is asserted by src/darwin/abi_check.cpp.
#pragma once

#include <weir/platform/abi_table.hpp>

namespace weir::platform::abi_darwin {

inline constexpr const char* system_name = "darwin";

inline constexpr address_layout address{
    .family_unspecified = 0,
    .family_unix = 1,
    .family_ipv4 = 2,
    .family_ipv6 = 30,
    .has_length = true,
    .unix_abstract = false,
    .family = {1, 1},
    .ipv4 = {16, 4},
    .ipv4_port = {2, 2},
    .ipv4_bytes = {4, 4},
    .ipv6 = {28, 4},
    .ipv6_port = {2, 2},
    .ipv6_flow = {4, 4},
    .ipv6_bytes = {8, 16},
    .ipv6_scope = {24, 4},
    .unix_name = {106, 1},
    .unix_path = {2, 104},
    .largest = {128, 8},
    .length_bytes = 4,
};

inline constexpr errno_numbers errors{
    .again = 35,
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
    .nametoolong = 63,
    .nosys = 78,
    .loop = 62,
    .proto = 100,
    .notsock = 38,
    .msgsize = 40,
    .protonosupport = 43,
    .opnotsupp = 102,
    .notsup = 45,
    .afnosupport = 47,
    .addrinuse = 48,
    .addrnotavail = 49,
    .netdown = 50,
    .netunreach = 51,
    .netreset = 52,
    .connaborted = 53,
    .connreset = 54,
    .nobufs = 55,
    .isconn = 56,
    .notconn = 57,
    .shutdown = 58,
    .timedout = 60,
    .connrefused = 61,
    .hostdown = 64,
    .hostunreach = 65,
    .already = 37,
    .inprogress = 36,
    .canceled = 89,
};

inline constexpr resolver_numbers resolver{
    .again = 2,
    .badflags = 3,
    .fail = 4,
    .family = 5,
    .memory = 6,
    .noname = 8,
    .service = 9,
    .socktype = 10,
    .system = 11,
};

inline constexpr int open_nonblock = 0x4;
inline constexpr int open_cloexec = 0x1000000;
inline constexpr int clock_monotonic_id = 6;

inline constexpr storage_layout mutex_storage{64, 8};      // pthread_mutex_t
inline constexpr storage_layout condition_storage{48, 8};  // pthread_cond_t

}  // namespace weir::platform::abi_darwin
