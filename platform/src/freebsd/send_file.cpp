// platform/freebsd/send_file.cpp - a file to a socket without passing through us, by sendfile(2).
#include <cerrno>

#include <sys/types.h>

#include <sys/socket.h>
#include <sys/uio.h>

#include <weir/platform/error_map.hpp>
#include <weir/platform/file.hpp>

#include "posix/socket_calls.hpp"

namespace weir::platform::posix {

result<std::size_t> send_file(int fd, const file& source, std::uint64_t offset,
                              std::uint64_t count) noexcept {
  const int from = static_cast<int>(source.native_handle());
  const auto wanted =
      static_cast<std::size_t>(count < send_file_bytes_max ? count : send_file_bytes_max);
  off_t moved = 0;
  int code = 0;
  do {
    // `moved` is filled in also when the call failed on the way.
    moved = 0;
    code = ::sendfile(from, fd, static_cast<off_t>(offset), wanted, nullptr, &moved, 0) == 0
               ? 0
               : errno;
  } while (code == EINTR && moved == 0);
  if (moved > 0) return static_cast<std::size_t>(moved);  // the next call meets the trouble again
  if (code == 0) return error(errc::eof, "sendfile");
  if (code == EINVAL || code == EOPNOTSUPP || code == ENOSYS) {
    return error(errc::not_supported, "sendfile", code);
  }
  return error_from_system("sendfile", code);
}

}  // namespace weir::platform::posix
