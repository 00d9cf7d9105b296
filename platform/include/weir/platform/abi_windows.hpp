// platform/abi_windows.hpp - the table of 64-bit Windows: Winsock addresses, WSA and Win32 codes.
//
// Every entry is asserted by src/windows/abi_check.cpp.
#pragma once

#include <weir/platform/abi_table.hpp>

namespace weir::platform::abi_windows {

inline constexpr const char* system_name = "windows";

inline constexpr address_layout address{
    .family_unspecified = 0,
    .family_unix = 1,
    .family_ipv4 = 2,
    .family_ipv6 = 23,
    .has_length = false,
    .unix_abstract = false,
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

inline constexpr windows_numbers errors{
    .wsa_intr = 10004,
    .wsa_badf = 10009,
    .wsa_acces = 10013,
    .wsa_fault = 10014,
    .wsa_inval = 10022,
    .wsa_mfile = 10024,
    .wsa_wouldblock = 10035,
    .wsa_inprogress = 10036,
    .wsa_already = 10037,
    .wsa_notsock = 10038,
    .wsa_msgsize = 10040,
    .wsa_protonosupport = 10043,
    .wsa_opnotsupp = 10045,
    .wsa_afnosupport = 10047,
    .wsa_addrinuse = 10048,
    .wsa_addrnotavail = 10049,
    .wsa_netdown = 10050,
    .wsa_netunreach = 10051,
    .wsa_netreset = 10052,
    .wsa_connaborted = 10053,
    .wsa_connreset = 10054,
    .wsa_nobufs = 10055,
    .wsa_isconn = 10056,
    .wsa_notconn = 10057,
    .wsa_shutdown = 10058,
    .wsa_timedout = 10060,
    .wsa_connrefused = 10061,
    .wsa_hostdown = 10064,
    .wsa_hostunreach = 10065,
    .wsa_notinitialised = 10093,
    .wsa_discon = 10101,
    .file_not_found = 2,
    .path_not_found = 3,
    .too_many_open_files = 4,
    .access_denied = 5,
    .invalid_handle = 6,
    .not_enough_memory = 8,
    .outofmemory = 14,
    .sharing_violation = 32,
    .handle_eof = 38,
    .not_supported = 50,
    .netname_deleted = 64,
    .file_exists = 80,
    .invalid_parameter = 87,
    .broken_pipe = 109,
    .sem_timeout = 121,
    .invalid_name = 123,
    .already_exists = 183,
    .filename_exced_range = 206,
    .no_data = 232,
    .wait_timeout = 258,
    .directory = 267,
    .operation_aborted = 995,
    .io_incomplete = 996,
    .io_pending = 997,
    .connection_refused = 1225,
    .graceful_disconnect = 1226,
    .network_unreachable = 1231,
    .host_unreachable = 1232,
    .protocol_unreachable = 1233,
    .port_unreachable = 1234,
    .request_aborted = 1235,
    .connection_aborted = 1236,
    .no_system_resources = 1450,
};

inline constexpr resolver_numbers resolver{
    .again = 11002,
    .badflags = 10022,
    .fail = 11003,
    .family = 10047,
    .memory = 8,
    .noname = 11001,
    .service = 10109,
    .socktype = 10044,
    .system = 0,
};

inline constexpr storage_layout mutex_storage{8, 8};      // SRWLOCK
inline constexpr storage_layout condition_storage{8, 8};  // CONDITION_VARIABLE

}  // namespace weir::platform::abi_windows
