// platform/windows/file.cpp - files and folders by HANDLE; names checked against what Windows reads
// into them.
#include <weir/platform/file.hpp>

#include <windows/headers.hpp>
#include <windows/last_error.hpp>
#include <windows/wide_path.hpp>

#include <array>
#include <cwchar>
#include <limits>
#include <memory>
#include <new>
#include <string_view>

#include <relative_path.hpp>

namespace weir {
namespace {

using platform::last_error;
using platform::wide_max;
using platform::wide_path;
using platform::widen;

HANDLE as_handle(std::intptr_t handle) noexcept {
  return reinterpret_cast<HANDLE>(handle);
}

// The path of what was really opened, links resolved.
result<wide_path> final_path(HANDLE handle) noexcept {
  wide_path wide;
  wide.text.reset(new (std::nothrow) wchar_t[wide_max]);
  if (wide.text == nullptr) return error(errc::memory_exhausted, "path");
  const DWORD units =
      GetFinalPathNameByHandleW(handle, wide.text.get(), static_cast<DWORD>(wide_max - 1), 0);
  if (units == 0 || units >= wide_max - 1) return last_error("GetFinalPathNameByHandle");
  wide.size = units;
  return wide;
}

char upper(char c) noexcept {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
}

bool equal_upper(std::string_view text, std::string_view name) noexcept {
  if (text.size() != name.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (upper(text[i]) != name[i]) return false;
  }
  return true;
}

// Names that open a device in any folder and with any extension.
bool is_device_name(std::string_view component) noexcept {
  std::string_view stem = component.substr(0, component.find('.'));
  while (stem.ends_with(' ')) stem.remove_suffix(1);
  for (const std::string_view name : {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"}) {
    if (equal_upper(stem, name)) return true;
  }
  if (stem.size() < 4) return false;
  const std::string_view port = stem.substr(0, 3);
  if (!equal_upper(port, "COM") && !equal_upper(port, "LPT")) return false;
  const std::string_view number = stem.substr(3);
  if (number.size() == 1) return number[0] >= '0' && number[0] <= '9';
  // Superscript one, two and three count as digits here.
  return number == "\xc2\xb9" || number == "\xc2\xb2" || number == "\xc2\xb3";
}

error check_component(std::string_view component) noexcept {
  if (component.ends_with('.') || component.ends_with(' ')) {
    return {errc::invalid, "path: trailing dot or blank"};  // Windows would drop it
  }
  for (const char c : component) {
    // ':' opens a stream or a drive, '\\' is a separator, the others are no part of a name.
    if (static_cast<unsigned char>(c) < 0x20 ||
        std::string_view(":\\<>\"|?*").find(c) != std::string_view::npos) {
      return {errc::invalid, "path: character that no file name has"};
    }
  }
  if (is_device_name(component)) return {errc::invalid, "path: name of a device"};
  return {};
}

bool same_name(std::wstring_view a, std::wstring_view b) noexcept {
  return CompareStringOrdinal(a.data(), static_cast<int>(a.size()), b.data(),
                              static_cast<int>(b.size()), TRUE) == CSTR_EQUAL;
}

// Beside its own name a file may have a short one (GIT~1 for .git), which would be a way around
// every rule about names. Whether each part of a path, from `at` on, is what its folder calls it.
error check_own_names(wchar_t* path, std::size_t size, std::size_t at) noexcept {
  while (at < size) {
    std::size_t end = at;
    while (end < size && path[end] != L'\\') ++end;
    path[end] = L'\0';
    WIN32_FIND_DATAW found;
    const HANDLE search = FindFirstFileW(path, &found);
    if (end < size) path[end] = L'\\';
    if (search == INVALID_HANDLE_VALUE) return last_error("FindFirstFile");
    FindClose(search);
    if (!same_name({path + at, end - at}, found.cFileName)) {
      return {errc::not_found, "path: a short name"};
    }
    at = end + 1;
  }
  return {};
}

}  // namespace

void file::close() noexcept {
  if (handle_ == no_handle) return;
  CloseHandle(as_handle(handle_));
  handle_ = no_handle;
}

result<file> file::adopt(std::intptr_t handle) noexcept {
  WEIR_ASSERT(handle != no_handle);
  file opened;
  opened.handle_ = handle;
  if (GetFileType(as_handle(handle)) != FILE_TYPE_DISK) {
    return error(errc::not_regular, "open: not a regular file");
  }
  BY_HANDLE_FILE_INFORMATION about;
  if (GetFileInformationByHandle(as_handle(handle), &about) == 0) {
    return last_error("GetFileInformationByHandle");
  }
  if ((about.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0) {
    return error(errc::not_regular, "open: a folder");
  }
  if ((about.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0) {
    return error(errc::permission, "open: symbolic link");  // opened as the link itself
  }
  opened.size_ = std::uint64_t{about.nFileSizeHigh} << 32 | about.nFileSizeLow;
  const std::int64_t units = static_cast<std::int64_t>(about.ftLastWriteTime.dwHighDateTime) << 32 |
                             about.ftLastWriteTime.dwLowDateTime;
  opened.modified_unix_seconds_ = units / 10'000'000 - 11'644'473'600;
  opened.identity_ = (std::uint64_t{about.nFileIndexHigh} << 32 | about.nFileIndexLow) ^
                     about.dwVolumeSerialNumber * 0x9e3779b97f4a7c15;
  return opened;
}

result<file> file::open_read(std::string_view path, follow_links links) noexcept {
  platform::terminated_path checked;
  if (const error why = checked.set(path)) return why;
  const result<wide_path> wide = widen(path);
  if (!wide.ok()) return wide.why();
  // Backup semantics let a folder open, so that it can be called one.
  DWORD flags = FILE_FLAG_OVERLAPPED | FILE_FLAG_BACKUP_SEMANTICS;
  if (links == follow_links::no) flags |= FILE_FLAG_OPEN_REPARSE_POINT;
  const HANDLE handle = CreateFileW(wide.value().text.get(), GENERIC_READ,
                                    FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                                    OPEN_EXISTING, flags, nullptr);
  if (handle == INVALID_HANDLE_VALUE) return last_error("open");
  return adopt(reinterpret_cast<std::intptr_t>(handle));
}

result<std::size_t> file::read_at(std::uint64_t offset, byte_span into) const noexcept {
  WEIR_ASSERT(is_open());
  // The handle is overlapped for TransmitFile, so this read waits on an event of its own.
  const HANDLE event = CreateEventW(nullptr, TRUE, FALSE, nullptr);
  if (event == nullptr) return last_error("CreateEvent");
  OVERLAPPED at{};
  at.Offset = static_cast<DWORD>(offset & 0xffffffff);
  at.OffsetHigh = static_cast<DWORD>(offset >> 32);
  // The low bit keeps the completion away from a port the handle may be bound to.
  at.hEvent = reinterpret_cast<HANDLE>(reinterpret_cast<std::uintptr_t>(event) | 1);
  constexpr std::size_t part_max = 1 << 30;
  const DWORD wanted = static_cast<DWORD>(into.size() < part_max ? into.size() : part_max);
  DWORD got = 0;
  error why;
  if (ReadFile(as_handle(handle_), into.data(), wanted, nullptr, &at) == 0 &&
      GetLastError() != ERROR_IO_PENDING) {
    if (GetLastError() != ERROR_HANDLE_EOF) why = last_error("ReadFile");
  } else if (GetOverlappedResult(as_handle(handle_), &at, &got, TRUE) == 0) {
    if (GetLastError() != ERROR_HANDLE_EOF) why = last_error("ReadFile");
    got = 0;
  }
  CloseHandle(event);
  if (why) return why;
  return static_cast<std::size_t>(got);
}

void directory_root::close() noexcept {
  if (handle_ == no_handle) return;
  CloseHandle(as_handle(handle_));
  handle_ = no_handle;
}

result<directory_root> directory_root::open(std::string_view path, beneath how) noexcept {
  platform::terminated_path checked;
  if (const error why = checked.set(path)) return why;
  const result<wide_path> wide = widen(path);
  if (!wide.ok()) return wide.why();
  const HANDLE handle = CreateFileW(wide.value().text.get(), FILE_LIST_DIRECTORY | FILE_TRAVERSE,
                                    FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                                    OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, nullptr);
  if (handle == INVALID_HANDLE_VALUE) return last_error("open");
  directory_root root;
  root.handle_ = reinterpret_cast<std::intptr_t>(handle);
  root.how_ = how;
  BY_HANDLE_FILE_INFORMATION about;
  if (GetFileInformationByHandle(handle, &about) == 0) {
    return last_error("GetFileInformationByHandle");
  }
  if ((about.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) == 0) {
    return error(errc::not_found, "open: not a folder");
  }
  return root;
}

result<file> directory_root::open_beneath(std::string_view relative_path) const noexcept {
  WEIR_ASSERT(is_open());
  if (const error why = platform::check_relative_path(relative_path)) return why;
  for (std::string_view rest = relative_path; !rest.empty();) {
    if (const error why = check_component(platform::take_component(rest))) return why;
  }
  // There is no openat here. The path is built on the folder's real one, and what was opened is
  // then asked where it lies: a link or junction that led out is closed unread.
  const result<wide_path> root = final_path(as_handle(handle_));
  if (!root.ok()) return root.why();
  const result<wide_path> relative = widen(relative_path);
  if (!relative.ok()) return relative.why();
  const std::size_t root_size = root.value().size;
  if (root_size + 1 + relative.value().size >= wide_max) {
    return error(errc::invalid, "path: too long");
  }
  wchar_t* const text = root.value().text.get();
  const bool rooted = root_size > 0 && text[root_size - 1] == L'\\';  // a drive's root
  std::size_t at = root_size;
  if (!rooted) text[at++] = L'\\';
  for (std::size_t i = 0; i < relative.value().size; ++i) {
    const wchar_t unit = relative.value().text[i];
    text[at++] = unit == L'/' ? L'\\' : unit;
  }
  text[at] = L'\0';

  DWORD flags = FILE_FLAG_OVERLAPPED | FILE_FLAG_BACKUP_SEMANTICS;
  if (how_ == beneath::by_component) flags |= FILE_FLAG_OPEN_REPARSE_POINT;
  const HANDLE handle =
      CreateFileW(text, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                  nullptr, OPEN_EXISTING, flags, nullptr);
  if (handle == INVALID_HANDLE_VALUE) return last_error("open");
  result<file> opened = file::adopt(reinterpret_cast<std::intptr_t>(handle));
  if (!opened.ok()) return opened;
  const result<wide_path> real = final_path(handle);
  if (!real.ok()) return real.why();
  const std::size_t inside = root_size + (rooted ? 0 : 1);
  if (real.value().size <= inside || std::wmemcmp(real.value().text.get(), text, inside) != 0) {
    return error(errc::permission, "open: leaves the folder");
  }
  // What was opened under another name was reached by a link, or by a short name.
  const bool renamed = !same_name({real.value().text.get(), real.value().size}, {text, at});
  if (renamed && how_ == beneath::by_component) return error(errc::permission, "open: a link");
  if (renamed || relative_path.find('~') != std::string_view::npos) {
    if (const error why = check_own_names(text, at, inside)) return why;
  }
  return opened;
}

}  // namespace weir
