// platform/posix/staged_file.cpp - written under another name, then linked or renamed.
#include <weir/platform/staged_file.hpp>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <relative_path.hpp>
#include <staged_name.hpp>
#include <weir/platform/error_map.hpp>

namespace weir {
namespace {

error write_all(int fd, std::string_view text) noexcept {
  // Whatever the process masks off new files, neither more nor less than this.
  if (::fchmod(fd, S_IRUSR | S_IWUSR) != 0) return error_from_system("fchmod", errno);
  while (!text.empty()) {
    const ssize_t bytes = ::write(fd, text.data(), text.size());
    if (bytes >= 0) {
      text.remove_prefix(static_cast<std::size_t>(bytes));
    } else if (errno != EINTR) {
      return error_from_system("write", errno);
    }
  }
  if (::fsync(fd) != 0) return error_from_system("fsync", errno);
  return {};
}

}  // namespace

result<staged_file> staged_file::write(std::string_view path, std::string_view text) {
  platform::terminated_path checked;
  if (const error why = checked.set(path)) return why;
  const result<std::string> name = platform::staged_name(path);
  if (!name.ok()) return name.why();
  const int fd = ::open(name.value().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                        S_IRUSR | S_IWUSR);
  if (fd < 0) return error_from_system("open", errno);
  staged_file made;
  made.path_ = path;
  made.staged_ = name.value();
  error why = write_all(fd, text);
  if (::close(fd) != 0 && !why) why = error_from_system("close", errno);
  if (why) return why;
  return made;
}

error staged_file::publish(replace_existing replace) {
  WEIR_ASSERT(!staged_.empty());
  if (replace == replace_existing::yes) {
    if (::rename(staged_.c_str(), path_.c_str()) != 0) return error_from_system("rename", errno);
    staged_.clear();
  } else {
    // A link, because it fails where a name is taken; a rename would replace what is there.
    if (::link(staged_.c_str(), path_.c_str()) != 0) return error_from_system("link", errno);
    discard();
  }
  published_ = true;
  return {};
}

void staged_file::withdraw() noexcept {
  if (published_) ::unlink(path_.c_str());
  published_ = false;
}

void staged_file::discard() noexcept {
  if (!staged_.empty()) ::unlink(staged_.c_str());
  staged_.clear();
}

}  // namespace weir
