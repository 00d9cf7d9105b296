// platform/file.hpp - regular files to send, and a folder that nothing leaves.
//
// What a maintainer must not break: open never blocks and never succeeds on anything but a regular
// file (a FIFO in the folder would otherwise hang the thread that serves it), and no name, link or
// race leads open_beneath out of its folder: the check is made on what was opened, or by the
// system while it opens, never on the text of a path beforehand.
//
// Paths are UTF-8 on Windows, and plain bytes elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <weir/platform/bytes.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>

namespace weir {

// Whether the last part of a path may be a symbolic link.
enum class follow_links : bool { no, yes };

// A regular file, open for reading. Owns its handle; reads may come from several threads at once.
// Opening and reading may wait for the disk.
class WEIR_EXPORT file {
 public:
  // The value that holds no file; also what a moved-from file is.
  file() noexcept = default;
  ~file() { close(); }
  file(file&& other) noexcept { take(other); }
  file& operator=(file&& other) noexcept {
    if (this != &other) {
      close();
      take(other);
    }
    return *this;
  }

  // errc::not_found, errc::permission, errc::not_regular (a folder, FIFO, socket or device),
  // errc::invalid (a path with NUL, empty or too long), errc::handles_exhausted. With
  // follow_links::no a symbolic link is errc::permission.
  static result<file> open_read(std::string_view path,
                                follow_links links = follow_links::yes) noexcept;

  bool is_open() const noexcept { return handle_ != no_handle; }
  void close() noexcept;

  // As they were when the file was opened. A file that grows since is sent at this length; one
  // that shrinks gives short reads.
  std::uint64_t size() const noexcept { return size_; }
  std::int64_t modified_unix_seconds() const noexcept { return modified_unix_seconds_; }
  // Tells two files of one system apart: the same identity is the same file, under any name.
  std::uint64_t identity() const noexcept { return identity_; }
  // Whether its mode lets anybody but its owner read, write or run it: no file for secrets. Windows
  // has access lists instead, which nobody looks at here: always false.
  bool open_to_others() const noexcept { return open_to_others_; }

  // Reads up to into.size() bytes at `offset`; 0 at the end of the file. Needs no position, so
  // readers do not disturb one another.
  result<std::size_t> read_at(std::uint64_t offset, byte_span into) const noexcept;

  // The descriptor or HANDLE, for the backend's send_file. Still owned by this object.
  std::intptr_t native_handle() const noexcept { return handle_; }

 private:
  friend class directory_root;
  static constexpr std::intptr_t no_handle = -1;  // also INVALID_HANDLE_VALUE

  // Takes the handle over in every case: it is closed when this is no regular file.
  static result<file> adopt(std::intptr_t handle) noexcept;

  void take(file& other) noexcept {
    handle_ = other.handle_;
    size_ = other.size_;
    modified_unix_seconds_ = other.modified_unix_seconds_;
    identity_ = other.identity_;
    open_to_others_ = other.open_to_others_;
    other.handle_ = no_handle;
  }

  std::intptr_t handle_ = no_handle;
  std::uint64_t size_ = 0;
  std::int64_t modified_unix_seconds_ = 0;
  std::uint64_t identity_ = 0;
  bool open_to_others_ = false;
};

// How open_beneath keeps inside. `system` asks the kernel (openat2 with RESOLVE_BENEATH, or a look
// at the final path on Windows) and follows links that stay inside; `by_component` opens one
// component at a time and refuses every link. `system` turns into `by_component` where the kernel
// is too old, so a folder served everywhere holds no links.
enum class beneath : std::uint8_t { system, by_component };

// An open folder, and the files under it. Owns its handle. Any number of threads may open files.
class WEIR_EXPORT directory_root {
 public:
  static constexpr std::size_t path_bytes_max = 4096;
  static constexpr std::size_t components_max = 64;

  directory_root() noexcept = default;
  ~directory_root() { close(); }
  directory_root(directory_root&& other) noexcept : handle_(other.handle_), how_(other.how_) {
    other.handle_ = no_handle;
  }
  directory_root& operator=(directory_root&& other) noexcept {
    if (this != &other) {
      close();
      handle_ = other.handle_;
      how_ = other.how_;
      other.handle_ = no_handle;
    }
    return *this;
  }

  // Fails when this is no folder, or one we may not list and pass through.
  static result<directory_root> open(std::string_view path, beneath how = beneath::system) noexcept;

  bool is_open() const noexcept { return handle_ != no_handle; }
  void close() noexcept;

  // Opens a regular file by its path relative to the folder: components separated by single
  // slashes, none of them empty, "." or "..", none at the start or end. Such a path, one that is
  // too long, or one with NUL is errc::invalid; on Windows also the names that are not files there
  // (with ':', '\\', control characters, a trailing dot or blank, or of a device such as NUL.txt);
  // a short name that Windows made for a longer one (GIT~1) is errc::not_found.
  // A path that leads out of the folder, or through a link that is not followed, is
  // errc::permission; a folder, FIFO, socket or device is errc::not_regular.
  result<file> open_beneath(std::string_view relative_path) const noexcept;

 private:
  static constexpr std::intptr_t no_handle = -1;

  std::intptr_t handle_ = no_handle;
  beneath how_ = beneath::system;
};

}  // namespace weir
