// platform/resolver.hpp - names to addresses, by the system's own resolver. Blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <weir/platform/address.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>

namespace weir::platform {

// Fills `out` with the addresses of `host`, each once, in the system's order of preference (RFC
// 6724), all with `port`; returns how many, never more than out.size() - the rest is left out.
//
// A numeric host is answered without a system call. Anything else must look like a host name:
// letters, digits, '-', '_' and '.', labels of 1 to 63 and 253 in all (RFC 1035 2.3.4; names in
// other scripts arrive as xn-- labels), and must not end in a number: the system's resolver would
// read "2130706433" and "0x7f.1" as addresses, past every check made on the text. Such hosts are
// errc::malformed.
//
// Otherwise the error is errc::not_found, errc::name_temporary (later it may work) or
// errc::name_failure. The call may take as long as the system's resolver likes, tens of seconds,
// and cannot be stopped: it belongs on a thread that may be abandoned. Any thread.
WEIR_EXPORT result<std::size_t> resolve_blocking(std::string_view host, std::uint16_t port,
                                                 std::span<address> out) noexcept;

}  // namespace weir::platform
