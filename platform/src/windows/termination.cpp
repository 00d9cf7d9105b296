// platform/windows/termination.cpp - the events of a console as requests to terminate.
//
// What a maintainer must not break: the system calls a handler with the list of handlers locked, so
// while one waits in there, nothing may be taken off that list.
#include <windows/headers.hpp>

#include <atomic>
#include <cstdint>

#include <termination.hpp>
#include <windows/last_error.hpp>
#include <windows/service.hpp>

namespace weir::platform {
namespace {

// Of the one process that can be watched.
enum class console_state : std::uint8_t {
  watched,
  ending,     // closed, logged off or shut down: the process ends when its handler returns
  unwatched,  // the watch has been stopped
};
constinit std::atomic<console_state> console{console_state::unwatched};

// Runs on a thread of its own that the system makes.
BOOL WINAPI on_console_event(DWORD event) {
  // The manager's word is what ends a service. It outlives the user who logs off, and the end of
  // the system is told to it twice.
  if (windows::is_service()) return TRUE;
  switch (event) {
    case CTRL_C_EVENT:
    case CTRL_BREAK_EVENT: the_termination.note(); return TRUE;
    case CTRL_CLOSE_EVENT:
    case CTRL_LOGOFF_EVENT:
    case CTRL_SHUTDOWN_EVENT: {
      console_state now = console_state::watched;
      // Logging off and then shutting down is one request and not two.
      if (console.compare_exchange_strong(now, console_state::ending)) the_termination.note();
      if (now == console_state::unwatched) return TRUE;
      // Returning ends the process. Waiting here leaves the program the seconds the system grants;
      // when it is done first, its exit ends this thread.
      Sleep(INFINITE);
      return TRUE;
    }
    default: return FALSE;
  }
}

}  // namespace

error termination_watch::start(wake_function wake, void* context) noexcept {
  WEIR_ASSERT(!started_);
  if (the_termination.taken.exchange(true)) return {errc::exists, "termination_watch"};
  the_termination.count.store(0);
  the_termination.context.store(context);
  the_termination.wake.store(wake);
  console.store(console_state::watched);
  if (SetConsoleCtrlHandler(on_console_event, TRUE) == 0) {
    the_termination.taken.store(false);
    return last_error("SetConsoleCtrlHandler");
  }
  started_ = true;
  windows::service_is_up();
  return {};
}

void termination_watch::stop() noexcept {
  if (!started_) return;
  started_ = false;
  console_state now = console_state::watched;
  const bool taken_off = console.compare_exchange_strong(now, console_state::unwatched);
  if (taken_off) SetConsoleCtrlHandler(on_console_event, FALSE);
  the_termination.wake.store(nullptr);
  while (the_termination.running.load() != 0) SwitchToThread();
  the_termination.context.store(nullptr);
  // A process that is being ended has no second watch.
  if (taken_off) the_termination.taken.store(false);
}

error reload_watch::start(termination_watch::wake_function, void*) noexcept {
  return {errc::not_supported, "reload_watch"};
}

void reload_watch::stop() noexcept {}

unsigned reload_watch::count() noexcept {
  return 0;
}

unsigned termination_watch::count() noexcept {
  return the_termination.count.load();
}

}  // namespace weir::platform
