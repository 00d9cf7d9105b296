// platform/linux/send_file.cpp - a file to a socket without passing through us, by sendfile(2).
#include <cerrno>

#include <signal.h>
#include <sys/sendfile.h>

#include <weir/platform/error_map.hpp>
#include <weir/platform/file.hpp>

#include "posix/socket_calls.hpp"

namespace weir::platform::posix {

namespace {

// sendfile(2) has no MSG_NOSIGNAL: to a stream that was reset it raises SIGPIPE in this thread.
// The signal is blocked for the call and taken off the thread's pending set if the call put it
// there; the disposition, which belongs to the host, is never touched (P21).
class sigpipe_guard {
 public:
  sigpipe_guard() noexcept {
    sigemptyset(&sigpipe_);
    sigaddset(&sigpipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
    was_blocked_ = sigismember(&before_, SIGPIPE) == 1;
    if (!was_blocked_) return;  // then none was pending either: it would have been delivered
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
  }
  sigpipe_guard(const sigpipe_guard&) = delete;
  sigpipe_guard& operator=(const sigpipe_guard&) = delete;
  ~sigpipe_guard() {
    const int keep = errno;
    if (raised_ && !was_pending_) {
      const timespec at_once{};
      while (sigtimedwait(&sigpipe_, nullptr, &at_once) < 0 && errno == EINTR) {
      }
    }
    if (!was_blocked_) pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = keep;
  }
  void raised() noexcept { raised_ = true; }

 private:
  sigset_t sigpipe_{};
  sigset_t before_{};
  bool was_blocked_ = false;
  bool was_pending_ = false;
  bool raised_ = false;
};

}  // namespace

result<std::size_t> send_file(int fd, const file& source, std::uint64_t offset,
                              std::uint64_t count) noexcept {
  const auto wanted =
      static_cast<std::size_t>(count < send_file_bytes_max ? count : send_file_bytes_max);
  auto from = static_cast<off_t>(offset);
  sigpipe_guard guard;
  ssize_t sent = 0;
  do {
    sent = ::sendfile(fd, static_cast<int>(source.native_handle()), &from, wanted);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0 && errno == EPIPE) guard.raised();
  if (sent < 0 && (errno == EINVAL || errno == ENOSYS)) {
    return error(errc::not_supported, "sendfile", errno);
  }
  if (sent < 0) return error_from_system("sendfile", errno);
  if (sent == 0 && wanted > 0) return error(errc::eof, "sendfile");
  return static_cast<std::size_t>(sent);
}

}  // namespace weir::platform::posix
