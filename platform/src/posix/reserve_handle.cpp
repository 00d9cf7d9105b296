// platform/posix/reserve_handle.cpp - see the header.
#include <weir/platform/reserve_handle.hpp>

#include <fcntl.h>
#include <unistd.h>

namespace weir {

bool reserve_handle::hold() noexcept {
  if (handle_ < 0) handle_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  return handle_ >= 0;
}

void reserve_handle::release() noexcept {
  if (handle_ >= 0) ::close(static_cast<int>(handle_));
  handle_ = -1;
}

}  // namespace weir
