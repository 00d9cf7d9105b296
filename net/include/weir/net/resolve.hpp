// net/resolve.hpp - from a name to addresses, off the loop.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include <weir/platform/address.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/runtime/offload.hpp>
#include <weir/runtime/task.hpp>

namespace weir::net {

// At most 16 addresses of a name, families interleaved beginning with IPv6 (RFC 8305 4).
struct resolved {
  std::array<address, 16> addresses{};
  std::uint32_t count = 0;

  std::span<const address> list() const noexcept { return {addresses.data(), count}; }
};

// Resolves on `names`, a pool for nothing else: the system's resolver blocks for as long as it
// likes, and no deadline can stop it. Errors: errc::name_failure, errc::name_temporary (again
// later), errc::limit (the pool's queue), errc::malformed (not a host name), the scope's reason.
// Numeric hosts do not leave the loop.
WEIR_EXPORT runtime::task<result<resolved>> resolve(runtime::offload& names, std::string_view host,
                                                    std::uint16_t port);

}  // namespace weir::net
