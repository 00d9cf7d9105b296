// platform/error_map.hpp - from a system's number to errc. One row per number, one table a system.
//
// All four tables compile everywhere, so one test run reads them all. A number without a row is
// errc::other, and the number itself always travels on in error::os_code.
#pragma once

#include <span>

#include <weir/platform/abi_darwin.hpp>
#include <weir/platform/abi_freebsd.hpp>
#include <weir/platform/abi_linux.hpp>
#include <weir/platform/abi_windows.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>

namespace weir {

// The error of a failed system call: `code` is errno, or on Windows what WSAGetLastError(),
// GetLastError() or a completion gave. `where` has static storage. A code of 0 is errc::other:
// this function is called because something failed, and its answer is never "no error".
WEIR_EXPORT error error_from_system(const char* where, int code) noexcept;

// The error of a failed getaddrinfo. Reads errno when the answer is EAI_SYSTEM, so nothing may
// come between the two calls.
WEIR_EXPORT error error_from_resolver(const char* where, int code) noexcept;

namespace platform {

struct error_row {
  int number;
  errc meaning;
};

constexpr errc find_error(std::span<const error_row> rows, int number) noexcept {
  for (const error_row& row : rows) {
    if (row.number == number) return row.meaning;
  }
  return errc::other;
}

// The rows of a POSIX system. ELOOP, EXDEV and EIO have none: what they mean depends on the call,
// and the file functions say it themselves.
struct posix_rows {
  error_row rows[42];
};

constexpr posix_rows rows_of(const errno_numbers& n) noexcept {
  return {{
      {n.again, errc::would_block},
      {n.intr, errc::interrupted},
      {n.perm, errc::permission},
      {n.acces, errc::permission},
      {n.noent, errc::not_found},
      {n.notdir, errc::not_found},
      {n.exist, errc::exists},
      {n.isdir, errc::not_regular},
      {n.nxio, errc::not_regular},  // open() of a socket, or of a FIFO nobody reads
      {n.badf, errc::bad_handle},
      {n.notsock, errc::bad_handle},
      {n.nomem, errc::memory_exhausted},
      {n.nobufs, errc::memory_exhausted},
      {n.inval, errc::invalid},
      {n.nametoolong, errc::invalid},
      {n.nfile, errc::handles_exhausted},
      {n.mfile, errc::handles_exhausted},
      {n.pipe, errc::broken_pipe},
      {n.shutdown, errc::broken_pipe},
      {n.proto, errc::protocol},
      {n.msgsize, errc::message_too_long},
      {n.nosys, errc::not_supported},
      {n.protonosupport, errc::not_supported},
      {n.opnotsupp, errc::not_supported},
      {n.notsup, errc::not_supported},
      {n.afnosupport, errc::family_unsupported},
      {n.addrinuse, errc::address_in_use},
      {n.addrnotavail, errc::address_unavailable},
      {n.netdown, errc::network_down},
      {n.netunreach, errc::unreachable},
      {n.hostdown, errc::unreachable},
      {n.hostunreach, errc::unreachable},
      {n.netreset, errc::reset},
      {n.connreset, errc::reset},
      {n.connaborted, errc::aborted},
      {n.isconn, errc::already_connected},
      {n.notconn, errc::not_connected},
      {n.timedout, errc::timed_out},
      {n.connrefused, errc::refused},
      {n.already, errc::in_progress},
      {n.inprogress, errc::in_progress},
      {n.canceled, errc::cancelled},
  }};
}

inline constexpr posix_rows linux_rows = rows_of(abi_linux::errors);
inline constexpr posix_rows darwin_rows = rows_of(abi_darwin::errors);
inline constexpr posix_rows freebsd_rows = rows_of(abi_freebsd::errors);

inline constexpr error_row windows_rows[] = {
    {abi_windows::errors.wsa_wouldblock, errc::would_block},  // a started connect answers it too
    {abi_windows::errors.io_pending, errc::in_progress},
    {abi_windows::errors.io_incomplete, errc::in_progress},
    {abi_windows::errors.wsa_inprogress, errc::in_progress},
    {abi_windows::errors.wsa_already, errc::in_progress},
    {abi_windows::errors.operation_aborted, errc::cancelled},  // CancelIoEx, or a closed socket
    {abi_windows::errors.wsa_connreset, errc::reset},
    {abi_windows::errors.wsa_netreset, errc::reset},
    {abi_windows::errors.netname_deleted, errc::reset},  // what a completion says for a reset
    {abi_windows::errors.wsa_connaborted, errc::aborted},
    {abi_windows::errors.connection_aborted, errc::aborted},
    {abi_windows::errors.request_aborted, errc::aborted},
    {abi_windows::errors.wsa_shutdown, errc::broken_pipe},
    {abi_windows::errors.broken_pipe, errc::broken_pipe},
    {abi_windows::errors.no_data, errc::broken_pipe},
    {abi_windows::errors.wsa_discon, errc::eof},
    {abi_windows::errors.graceful_disconnect, errc::eof},
    {abi_windows::errors.handle_eof, errc::eof},
    {abi_windows::errors.wsa_timedout, errc::timed_out},
    {abi_windows::errors.sem_timeout, errc::timed_out},  // what a completion says for a time-out
    {abi_windows::errors.wait_timeout, errc::timed_out},
    {abi_windows::errors.wsa_connrefused, errc::refused},
    {abi_windows::errors.connection_refused, errc::refused},
    {abi_windows::errors.port_unreachable, errc::refused},  // POSIX calls this ECONNREFUSED
    {abi_windows::errors.wsa_netunreach, errc::unreachable},
    {abi_windows::errors.wsa_hostunreach, errc::unreachable},
    {abi_windows::errors.wsa_hostdown, errc::unreachable},
    {abi_windows::errors.network_unreachable, errc::unreachable},
    {abi_windows::errors.host_unreachable, errc::unreachable},
    {abi_windows::errors.protocol_unreachable, errc::unreachable},
    {abi_windows::errors.wsa_netdown, errc::network_down},
    {abi_windows::errors.wsa_notconn, errc::not_connected},
    {abi_windows::errors.wsa_isconn, errc::already_connected},
    {abi_windows::errors.wsa_msgsize, errc::message_too_long},
    {abi_windows::errors.wsa_addrinuse, errc::address_in_use},
    {abi_windows::errors.wsa_addrnotavail, errc::address_unavailable},
    {abi_windows::errors.wsa_afnosupport, errc::family_unsupported},
    {abi_windows::errors.wsa_opnotsupp, errc::not_supported},
    {abi_windows::errors.wsa_protonosupport, errc::not_supported},
    {abi_windows::errors.not_supported, errc::not_supported},
    {abi_windows::errors.wsa_notinitialised, errc::not_supported},
    {abi_windows::errors.wsa_acces, errc::permission},
    {abi_windows::errors.access_denied, errc::permission},
    {abi_windows::errors.sharing_violation, errc::permission},
    {abi_windows::errors.wsa_inval, errc::invalid},
    {abi_windows::errors.wsa_fault, errc::invalid},
    {abi_windows::errors.invalid_parameter, errc::invalid},
    {abi_windows::errors.invalid_name, errc::invalid},
    {abi_windows::errors.filename_exced_range, errc::invalid},
    {abi_windows::errors.wsa_badf, errc::bad_handle},
    {abi_windows::errors.wsa_notsock, errc::bad_handle},
    {abi_windows::errors.invalid_handle, errc::bad_handle},
    {abi_windows::errors.file_not_found, errc::not_found},
    {abi_windows::errors.path_not_found, errc::not_found},
    {abi_windows::errors.directory, errc::not_found},  // a path component that is no directory
    {abi_windows::errors.file_exists, errc::exists},
    {abi_windows::errors.already_exists, errc::exists},
    {abi_windows::errors.wsa_mfile, errc::handles_exhausted},
    {abi_windows::errors.too_many_open_files, errc::handles_exhausted},
    {abi_windows::errors.wsa_nobufs, errc::memory_exhausted},
    {abi_windows::errors.not_enough_memory, errc::memory_exhausted},
    {abi_windows::errors.outofmemory, errc::memory_exhausted},
    {abi_windows::errors.no_system_resources, errc::memory_exhausted},
    {abi_windows::errors.wsa_intr, errc::interrupted},
};

constexpr errc map_linux(int code) noexcept {
  return find_error(linux_rows.rows, code);
}
constexpr errc map_darwin(int code) noexcept {
  return find_error(darwin_rows.rows, code);
}
constexpr errc map_freebsd(int code) noexcept {
  return find_error(freebsd_rows.rows, code);
}
constexpr errc map_windows(int code) noexcept {
  return find_error(windows_rows, code);
}

// getaddrinfo. `resolver_numbers::system` has no row: errno has the answer.
constexpr errc map_resolver(const resolver_numbers& n, int code) noexcept {
  const error_row rows[] = {
      {n.again, errc::name_temporary},      {n.noname, errc::not_found},
      {n.fail, errc::name_failure},         {n.memory, errc::memory_exhausted},
      {n.family, errc::family_unsupported}, {n.service, errc::invalid},
      {n.socktype, errc::not_supported},    {n.badflags, errc::invalid},
  };
  return find_error(rows, code);
}

}  // namespace platform
}  // namespace weir
