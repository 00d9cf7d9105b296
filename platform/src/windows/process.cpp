// platform/windows/process.cpp - the process of a program: its words, its output, what the kernel
// knows of it.
#include <weir/platform/process.hpp>

#include <windows/headers.hpp>

#include <fcntl.h>
#include <io.h>
#include <psapi.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>

#include <windows/command_line.hpp>
#include <windows/last_error.hpp>
#include <windows/service.hpp>

namespace weir::platform {
namespace {

// Handles are bounded by memory; this is the documented ceiling of a process's table.
constexpr std::uint64_t handles_max = 16'777'216;
// Of one WriteFile: consoles have refused more than 64 KiB.
constexpr std::size_t write_bytes_max = 32 * 1024;

}  // namespace

result<std::uint64_t> descriptor_limit() noexcept {
  return handles_max;
}

result<std::uint64_t> raise_descriptor_limit(std::uint64_t) noexcept {
  return handles_max;
}

result<std::uint64_t> resident_bytes() noexcept {
  PROCESS_MEMORY_COUNTERS about{};
  if (K32GetProcessMemoryInfo(GetCurrentProcess(), &about, sizeof(about)) == 0) {
    return last_error("GetProcessMemoryInfo");
  }
  return static_cast<std::uint64_t>(about.WorkingSetSize);
}

result<std::uint64_t> open_descriptor_count() noexcept {
  DWORD count = 0;
  if (GetProcessHandleCount(GetCurrentProcess(), &count) == 0) {
    return last_error("GetProcessHandleCount");
  }
  // We have one at least: a system that says 0 does not count (wine).
  if (count == 0) return error(errc::not_supported, "GetProcessHandleCount");
  return std::uint64_t{count};
}

void ignore_broken_pipes() noexcept {}  // there is no such signal

result<std::vector<std::string>> command_line_words(int, char**) {
  return windows::split_command_line(GetCommandLineW());
}

void use_plain_output() noexcept {
  for (std::FILE* const each : {stdout, stderr}) _setmode(_fileno(each), _O_BINARY);
  SetConsoleOutputCP(CP_UTF8);  // without a console there is nothing to set
}

error write_output(std::string_view text) noexcept {
  const HANDLE to = GetStdHandle(STD_OUTPUT_HANDLE);
  while (!text.empty()) {
    DWORD bytes = 0;
    const auto wanted = static_cast<DWORD>(std::min<std::size_t>(text.size(), write_bytes_max));
    if (WriteFile(to, text.data(), wanted, &bytes, nullptr) == 0) return last_error("WriteFile");
    text.remove_prefix(bytes);
  }
  return {};
}

void end_process(int code) noexcept {
  windows::service_ends(code);
  // ExitProcess would let libraries write out what they hold, into the pipe that nobody reads.
  TerminateProcess(GetCurrentProcess(), static_cast<UINT>(code));
  for (;;) Sleep(INFINITE);
}

}  // namespace weir::platform
