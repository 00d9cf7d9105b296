// platform/abi_table.hpp - the shape of a system's table: what weir must know about it to compile.
//
// Only types here; the numbers stand in abi_linux.hpp, abi_darwin.hpp, abi_freebsd.hpp and
// abi_windows.hpp, one file per system, and abi.hpp picks one. No table includes a system header,
// so all four can be read, and tested, on every system. A table is believed only because
// src/<system>/abi_check.cpp compares each entry with the real headers at compile time: whoever
// adds an entry here adds its static_assert there.
#pragma once

#include <cstddef>

namespace weir::platform {

// Where a member lies in its structure.
struct field_layout {
  std::size_t offset = 0;
  std::size_t bytes = 0;
};

// Room for one object of a system type.
struct storage_layout {
  std::size_t bytes = 0;
  std::size_t align = 0;
};

// Socket addresses: numbers of the families, and the layout of sockaddr_in, _in6 and _un.
struct address_layout {
  int family_unspecified = 0;
  int family_unix = 0;
  int family_ipv4 = 0;
  int family_ipv6 = 0;
  bool has_length = false;     // BSD: byte 0 of every address holds its length (sin_len)
  bool unix_abstract = false;  // Linux: a Unix name that begins with NUL names no file
  field_layout family{};       // the same place in all of them
  storage_layout ipv4{};
  field_layout ipv4_port{};
  field_layout ipv4_bytes{};
  storage_layout ipv6{};
  field_layout ipv6_port{};
  field_layout ipv6_flow{};
  field_layout ipv6_bytes{};
  field_layout ipv6_scope{};
  storage_layout unix_name{};
  field_layout unix_path{};      // its bytes are SUN_PATH_MAX, the terminating NUL included
  storage_layout largest{};      // sockaddr_storage
  std::size_t length_bytes = 0;  // sizeof(socklen_t)
};

// errno on the three POSIX systems. Named without the E, because the names with it are macros.
struct errno_numbers {
  int again = 0;  // EAGAIN; EWOULDBLOCK is the same number on all three, which is asserted
  int intr = 0;
  int perm = 0;
  int noent = 0;
  int io = 0;
  int nxio = 0;
  int badf = 0;
  int nomem = 0;
  int acces = 0;
  int exist = 0;
  int notdir = 0;
  int isdir = 0;
  int inval = 0;
  int nfile = 0;
  int mfile = 0;
  int pipe = 0;
  int nametoolong = 0;
  int nosys = 0;
  int loop = 0;
  int proto = 0;
  int notsock = 0;
  int msgsize = 0;
  int protonosupport = 0;
  int opnotsupp = 0;
  int notsup = 0;
  int afnosupport = 0;
  int addrinuse = 0;
  int addrnotavail = 0;
  int netdown = 0;
  int netunreach = 0;
  int netreset = 0;
  int connaborted = 0;
  int connreset = 0;
  int nobufs = 0;
  int isconn = 0;
  int notconn = 0;
  int shutdown = 0;
  int timedout = 0;
  int connrefused = 0;
  int hostdown = 0;
  int hostunreach = 0;
  int already = 0;
  int inprogress = 0;
  int canceled = 0;
};

// Winsock answers (WSAE*), and the Win32 codes that overlapped completions and file calls report
// instead. The errno of the C run-time is a third set and never appears here: Winsock does not
// produce it, and its EWOULDBLOCK is not its EAGAIN.
struct windows_numbers {
  // Winsock
  int wsa_intr = 0;
  int wsa_badf = 0;
  int wsa_acces = 0;
  int wsa_fault = 0;
  int wsa_inval = 0;
  int wsa_mfile = 0;
  int wsa_wouldblock = 0;
  int wsa_inprogress = 0;
  int wsa_already = 0;
  int wsa_notsock = 0;
  int wsa_msgsize = 0;
  int wsa_protonosupport = 0;
  int wsa_opnotsupp = 0;
  int wsa_afnosupport = 0;
  int wsa_addrinuse = 0;
  int wsa_addrnotavail = 0;
  int wsa_netdown = 0;
  int wsa_netunreach = 0;
  int wsa_netreset = 0;
  int wsa_connaborted = 0;
  int wsa_connreset = 0;
  int wsa_nobufs = 0;
  int wsa_isconn = 0;
  int wsa_notconn = 0;
  int wsa_shutdown = 0;
  int wsa_timedout = 0;
  int wsa_connrefused = 0;
  int wsa_hostdown = 0;
  int wsa_hostunreach = 0;
  int wsa_notinitialised = 0;
  int wsa_discon = 0;
  // Win32
  int file_not_found = 0;
  int path_not_found = 0;
  int too_many_open_files = 0;
  int access_denied = 0;
  int invalid_handle = 0;
  int not_enough_memory = 0;
  int outofmemory = 0;
  int sharing_violation = 0;
  int handle_eof = 0;
  int not_supported = 0;
  int netname_deleted = 0;
  int file_exists = 0;
  int invalid_parameter = 0;
  int broken_pipe = 0;
  int sem_timeout = 0;
  int invalid_name = 0;
  int already_exists = 0;
  int filename_exced_range = 0;
  int no_data = 0;
  int wait_timeout = 0;
  int directory = 0;
  int operation_aborted = 0;
  int io_incomplete = 0;
  int io_pending = 0;
  int connection_refused = 0;
  int graceful_disconnect = 0;
  int network_unreachable = 0;
  int host_unreachable = 0;
  int protocol_unreachable = 0;
  int port_unreachable = 0;
  int request_aborted = 0;
  int connection_aborted = 0;
  int no_system_resources = 0;
};

// getaddrinfo answers.
struct resolver_numbers {
  int again = 0;
  int badflags = 0;
  int fail = 0;
  int family = 0;
  int memory = 0;
  int noname = 0;
  int service = 0;
  int socktype = 0;
  int system = 0;  // "read errno"; 0 where the system has no such answer
};

}  // namespace weir::platform
