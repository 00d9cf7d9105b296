// platform/error_system.cpp - chooses the error table of this system.
#include <cerrno>

#include <weir/platform/abi.hpp>
#include <weir/platform/error_map.hpp>

namespace weir {
namespace {

errc map_here(int code) noexcept {
#if defined(WEIR_ABI_TABLE_LINUX)
  return platform::map_linux(code);
#elif defined(WEIR_ABI_TABLE_DARWIN)
  return platform::map_darwin(code);
#elif defined(WEIR_ABI_TABLE_FREEBSD)
  return platform::map_freebsd(code);
#elif defined(WEIR_ABI_TABLE_WINDOWS)
  return platform::map_windows(code);
#endif
}

}  // namespace

error error_from_system(const char* where, int code) noexcept {
  return {map_here(code), where, code};
}

error error_from_resolver(const char* where, int code) noexcept {
  const int system = errno;  // first: nothing may come between getaddrinfo and this
  if (platform::abi::resolver.system != 0 && code == platform::abi::resolver.system) {
    return error_from_system(where, system);
  }
  return {platform::map_resolver(platform::abi::resolver, code), where, code};
}

}  // namespace weir
