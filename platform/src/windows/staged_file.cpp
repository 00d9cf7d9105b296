// platform/windows/staged_file.cpp - written under another name, then moved.
#include <weir/platform/staged_file.hpp>

#include <windows/headers.hpp>
#include <windows/last_error.hpp>
#include <windows/wide_path.hpp>

#include <sddl.h>

#include <algorithm>
#include <array>
#include <string>

#include <relative_path.hpp>
#include <staged_name.hpp>

namespace weir {
namespace {

using platform::last_error;
using platform::wide_path;
using platform::widen;

struct local_memory {
  ~local_memory() {
    if (at != nullptr) LocalFree(at);
  }
  void* at = nullptr;
};

// Full access for the user of this process, nothing inherited, nothing for anybody else.
error access_for_user(local_memory& descriptor) {
  HANDLE token = nullptr;
  if (OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token) == 0) {
    return last_error("OpenProcessToken");
  }
  alignas(TOKEN_USER) std::array<std::byte, sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE> user{};
  DWORD bytes = 0;
  const bool known = GetTokenInformation(token, TokenUser, user.data(),
                                         static_cast<DWORD>(user.size()), &bytes) != 0;
  const error why = known ? error() : last_error("GetTokenInformation");
  CloseHandle(token);
  if (why) return why;
  local_memory sid;
  wchar_t* text = nullptr;
  if (ConvertSidToStringSidW(reinterpret_cast<const TOKEN_USER*>(user.data())->User.Sid, &text) ==
      0) {
    return last_error("ConvertSidToStringSid");
  }
  sid.at = text;
  const std::wstring access = L"D:P(A;;FA;;;" + std::wstring(text) + L")";
  if (ConvertStringSecurityDescriptorToSecurityDescriptorW(access.c_str(), SDDL_REVISION_1,
                                                           &descriptor.at, nullptr) == 0) {
    return last_error("security descriptor");
  }
  return {};
}

result<HANDLE> create(const wchar_t* path) {
  local_memory descriptor;
  if (const error why = access_for_user(descriptor)) return why;
  SECURITY_ATTRIBUTES access{};
  access.nLength = sizeof access;
  access.lpSecurityDescriptor = descriptor.at;
  const HANDLE made = CreateFileW(path, GENERIC_WRITE, 0, &access, CREATE_NEW, 0, nullptr);
  if (made == INVALID_HANDLE_VALUE) return last_error("open");
  return made;
}

error write_all(HANDLE into, std::string_view text) noexcept {
  while (!text.empty()) {
    constexpr std::size_t part_max = 1 << 30;
    DWORD bytes = 0;
    if (WriteFile(into, text.data(), static_cast<DWORD>(std::min(text.size(), part_max)), &bytes,
                  nullptr) == 0) {
      return last_error("WriteFile");
    }
    text.remove_prefix(bytes);
  }
  if (FlushFileBuffers(into) == 0) return last_error("FlushFileBuffers");
  return {};
}

// A name that somebody has open cannot be given away: a server that reads its certificate again, a
// scanner that looks into every new file. They are done in a moment, and are waited for.
constexpr DWORD held_ms = 10;
constexpr int held_max = 200;

bool is_held() noexcept {
  const DWORD code = GetLastError();
  return code == ERROR_ACCESS_DENIED || code == ERROR_SHARING_VIOLATION;
}

bool move(const wide_path& from, const wide_path& to, replace_existing replace) noexcept {
  const bool replaces = replace == replace_existing::yes;
  const DWORD how = MOVEFILE_WRITE_THROUGH | (replaces ? MOVEFILE_REPLACE_EXISTING : DWORD{0});
  for (int held = 0;; ++held) {
    if (MoveFileExW(from.text.get(), to.text.get(), how) != 0) return true;
    if (!replaces || held == held_max || !is_held()) return false;
    Sleep(held_ms);
  }
}

void remove(const std::string& path) noexcept {
  const result<wide_path> wide = widen(path);
  if (wide.ok()) DeleteFileW(wide.value().text.get());
}

}  // namespace

result<staged_file> staged_file::write(std::string_view path, std::string_view text) {
  platform::terminated_path checked;
  if (const error why = checked.set(path)) return why;
  const result<std::string> name = platform::staged_name(path);
  if (!name.ok()) return name.why();
  const result<wide_path> wide = widen(name.value());
  if (!wide.ok()) return wide.why();
  const result<HANDLE> opened = create(wide.value().text.get());
  if (!opened.ok()) return opened.why();
  staged_file made;
  made.path_ = path;
  made.staged_ = name.value();
  const error why = write_all(opened.value(), text);
  CloseHandle(opened.value());
  if (why) return why;
  return made;
}

error staged_file::publish(replace_existing replace) {
  WEIR_ASSERT(!staged_.empty());
  const result<wide_path> from = widen(staged_);
  if (!from.ok()) return from.why();
  const result<wide_path> to = widen(path_);
  if (!to.ok()) return to.why();
  if (!move(from.value(), to.value(), replace)) return last_error("MoveFileEx");
  staged_.clear();
  published_ = true;
  return {};
}

void staged_file::withdraw() noexcept {
  if (published_) remove(path_);
  published_ = false;
}

void staged_file::discard() noexcept {
  if (!staged_.empty()) remove(staged_);
  staged_.clear();
}

}  // namespace weir
