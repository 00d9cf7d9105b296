// platform/windows/last_error.hpp - what the call of the system that just failed says of it.
#pragma once

#include <weir/platform/error_map.hpp>
#include <windows/headers.hpp>

namespace weir::platform {

inline error last_error(const char* where) noexcept {
  return error_from_system(where, static_cast<int>(GetLastError()));
}

// Of a call of Winsock.
inline error last_socket_error(const char* where) noexcept {
  return error_from_system(where, WSAGetLastError());
}

}  // namespace weir::platform
