// platform/windows/winsock.cpp - starts Winsock once.
#include <windows/winsock.hpp>

#include <windows/headers.hpp>

#include <weir/platform/error_map.hpp>

namespace weir::platform {

error winsock_ready() noexcept {
  static const int failed = [] {
    WSADATA data;
    return WSAStartup(MAKEWORD(2, 2), &data);
  }();
  return failed == 0 ? error{} : error_from_system("WSAStartup", failed);
}

}  // namespace weir::platform
