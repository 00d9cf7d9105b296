// platform/posix/file.cpp - files and folders by descriptor.
#include <weir/platform/file.hpp>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#if __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#endif
#endif

#include <array>
#include <limits>

#include <relative_path.hpp>
#include <weir/platform/error_map.hpp>

namespace weir {
namespace {

// O_NONBLOCK: opening a FIFO returns at once instead of waiting for a writer; fstat refuses it
// afterwards. On a regular file it has no effect. O_NOCTTY: opening a terminal does not adopt it.
constexpr int read_flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

// What a folder on the way is opened with: only to pass through it, where the system has that.
#if defined(O_PATH)
constexpr int pass_flags = O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
#elif defined(O_SEARCH)
constexpr int pass_flags = O_SEARCH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
#else
constexpr int pass_flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
#endif

int as_descriptor(std::intptr_t handle) noexcept {
  return static_cast<int>(handle);
}

// A link where none is followed is ELOOP, and EMLINK on FreeBSD.
error open_error(int code) noexcept {
  if (code == ELOOP || code == EMLINK) return {errc::permission, "open: symbolic link", code};
  if (code == EXDEV) return {errc::permission, "open: leaves the folder", code};
#if defined(EOPNOTSUPP)
  if (code == EOPNOTSUPP) return {errc::not_regular, "open: a socket", code};  // macOS, FreeBSD
#endif
  return error_from_system("open", code);
}

int open_at(int folder, const char* path, int flags) noexcept {
  int fd = -1;
  do {
    fd = ::openat(folder, path, flags);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

// One component at a time, no link followed: what is renamed meanwhile can fail, not escape.
result<int> open_by_component(int root, std::string_view path) noexcept {
  int folder = root;
  for (;;) {
    const std::string_view component = platform::take_component(path);
    const bool last = path.empty();
    platform::terminated_path name;
    error why = name.set(component);
    int fd = -1;
    if (!why) {
      fd = open_at(folder, name.c_str(), last ? read_flags | O_NOFOLLOW : pass_flags);
      if (fd < 0) why = open_error(errno);
      // A link in the middle is "not a folder" on Linux: it is asked what it is, to say the same
      // as everywhere. The answer decides nothing but the message.
      struct stat about{};
      if (fd < 0 && why.os_code == ENOTDIR &&
          ::fstatat(folder, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0 &&
          S_ISLNK(about.st_mode)) {
        why = {errc::permission, "open: symbolic link", why.os_code};
      }
    }
    if (folder != root) ::close(folder);
    if (why) return why;
    WEIR_ASSERT(fd >= 0);
    if (last) return fd;
    folder = fd;
  }
}

#if defined(SYS_openat2) && defined(RESOLVE_BENEATH)
// True when the kernel answered; `answer` is then its descriptor or error.
bool open_by_kernel(int root, const char* path, result<int>& answer) noexcept {
  open_how how{};
  how.flags = static_cast<unsigned long long>(read_flags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  // EAGAIN: something was renamed while the kernel looked, and it could not rule out an escape.
  for (int attempt = 0; attempt < 16; ++attempt) {
    const long fd = ::syscall(SYS_openat2, root, path, &how, sizeof(how));
    if (fd >= 0) {
      answer = static_cast<int>(fd);
      return true;
    }
    // A kernel before 5.6, or a container whose filter does not know the call.
    if (errno == ENOSYS || errno == EPERM) return false;
    answer = open_error(errno);
    if (errno != EAGAIN && errno != EINTR) return true;
  }
  // Somebody keeps renaming: refused rather than tried for ever.
  answer = error(errc::permission, "open: renamed while opening", EAGAIN);
  return true;
}
#else
bool open_by_kernel(int, const char*, result<int>&) noexcept {
  return false;
}
#endif

}  // namespace

void file::close() noexcept {
  if (handle_ == no_handle) return;
  // Not repeated after EINTR: the descriptor is gone on Linux, and may be another thread's by now.
  ::close(as_descriptor(handle_));
  handle_ = no_handle;
}

result<file> file::adopt(std::intptr_t handle) noexcept {
  WEIR_ASSERT(handle >= 0);
  file opened;
  opened.handle_ = handle;
  struct stat about{};
  if (::fstat(as_descriptor(handle), &about) != 0) return error_from_system("fstat", errno);
  if (S_ISDIR(about.st_mode)) return error(errc::not_regular, "open: a folder");
  if (!S_ISREG(about.st_mode)) return error(errc::not_regular, "open: not a regular file");
  opened.size_ = static_cast<std::uint64_t>(about.st_size);
  opened.modified_unix_seconds_ = static_cast<std::int64_t>(about.st_mtime);
  opened.open_to_others_ = (about.st_mode & (S_IRWXG | S_IRWXO)) != 0;
  // Inode and device folded: equal for the same file, and different for two files in all but
  // absurd cases; it feeds entity tags and caches, not access decisions.
  opened.identity_ = static_cast<std::uint64_t>(about.st_ino) ^
                     static_cast<std::uint64_t>(about.st_dev) * 0x9e3779b97f4a7c15;
  return opened;
}

result<file> file::open_read(std::string_view path, follow_links links) noexcept {
  platform::terminated_path name;
  if (const error why = name.set(path)) return why;
  const int flags = links == follow_links::no ? read_flags | O_NOFOLLOW : read_flags;
  const int fd = open_at(AT_FDCWD, name.c_str(), flags);
  if (fd < 0) return open_error(errno);
  return adopt(fd);
}

result<std::size_t> file::read_at(std::uint64_t offset, byte_span into) const noexcept {
  WEIR_ASSERT(is_open());
  if (offset > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) {
    return error(errc::invalid, "pread: offset");
  }
  ssize_t got = -1;
  do {
    got = ::pread(as_descriptor(handle_), into.data(), into.size(), static_cast<off_t>(offset));
  } while (got < 0 && errno == EINTR);
  if (got < 0) return error_from_system("pread", errno);
  return static_cast<std::size_t>(got);
}

void directory_root::close() noexcept {
  if (handle_ == no_handle) return;
  ::close(as_descriptor(handle_));
  handle_ = no_handle;
}

result<directory_root> directory_root::open(std::string_view path, beneath how) noexcept {
  platform::terminated_path name;
  if (const error why = name.set(path)) return why;
  // Opened for reading, though only passing through is needed: a folder that may not be read is
  // a mistake in the command line, and is told at start rather than at the first request.
  const int fd = open_at(AT_FDCWD, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return open_error(errno);
  directory_root root;
  root.handle_ = fd;
  root.how_ = how;
  if (::faccessat(fd, ".", X_OK, AT_EACCESS) != 0) return open_error(errno);
  return root;
}

result<file> directory_root::open_beneath(std::string_view relative_path) const noexcept {
  WEIR_ASSERT(is_open());
  if (const error why = platform::check_relative_path(relative_path)) return why;
  platform::terminated_path name;
  if (const error why = name.set(relative_path)) return why;
  const int root = as_descriptor(handle_);
  result<int> opened = error(errc::other, "open");
  if (how_ == beneath::by_component || !open_by_kernel(root, name.c_str(), opened)) {
    opened = open_by_component(root, relative_path);
  }
  if (!opened.ok()) return opened.why();
  return file::adopt(opened.value());
}

}  // namespace weir
