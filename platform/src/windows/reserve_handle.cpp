// platform/windows/reserve_handle.cpp - Winsock has no descriptor limit to run into.
#include <weir/platform/reserve_handle.hpp>

namespace weir {

bool reserve_handle::hold() noexcept {
  return true;
}
void reserve_handle::release() noexcept {}

}  // namespace weir
