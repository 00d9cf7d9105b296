// platform/windows/process.cpp - console events for programs, and what the kernel knows of us.
#include <weir/platform/process.hpp>

#include <windows/headers.hpp>

#include <psapi.h>

#include <termination.hpp>
#include <weir/platform/error_map.hpp>

namespace weir::platform {
namespace {

// Handles are bounded by memory; this is the documented ceiling of a process's table.
constexpr std::uint64_t handles_max = 16'777'216;

error last_error(const char* where) noexcept {
  return error_from_system(where, static_cast<int>(GetLastError()));
}

// Runs on a thread of its own that the system makes.
BOOL WINAPI on_console_event(DWORD event) {
  switch (event) {
    case CTRL_C_EVENT:
    case CTRL_BREAK_EVENT: note_termination(); return TRUE;
    case CTRL_CLOSE_EVENT:
    case CTRL_SHUTDOWN_EVENT:
      note_termination();
      // Returning ends the process. Waiting here leaves the program the seconds the system grants;
      // when it is done first, its exit ends this thread.
      Sleep(INFINITE);
      return TRUE;
    default: return FALSE;
  }
}

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
  return std::uint64_t{count};
}

void ignore_broken_pipes() noexcept {}  // there is no such signal

error termination_watch::start(wake_function wake, void* context) noexcept {
  WEIR_ASSERT(!started_);
  if (the_termination.taken.exchange(true)) return {errc::exists, "termination_watch"};
  the_termination.count.store(0);
  the_termination.context.store(context);
  the_termination.wake.store(wake);
  if (SetConsoleCtrlHandler(on_console_event, TRUE) == 0) {
    the_termination.taken.store(false);
    return last_error("SetConsoleCtrlHandler");
  }
  started_ = true;
  return {};
}

void termination_watch::stop() noexcept {
  if (!started_) return;
  SetConsoleCtrlHandler(on_console_event, FALSE);
  the_termination.wake.store(nullptr);
  while (the_termination.running.load() != 0) SwitchToThread();
  the_termination.context.store(nullptr);
  the_termination.taken.store(false);
  started_ = false;
}

unsigned termination_watch::count() noexcept {
  return the_termination.count.load();
}

}  // namespace weir::platform
