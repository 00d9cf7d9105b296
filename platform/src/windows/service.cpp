// platform/windows/service.cpp - a program that the manager of services starts and stops.
//
//   run_service() -> the manager's thread: body() -> watch.start() -> running
//        |               stop control -> stop pending, the_termination.note() -> body returns ->
//        stopped
//        `-- waits in the dispatcher, on whose thread the controls come
#include <windows/service.hpp>

#include <windows/headers.hpp>

#include <atomic>

#include <termination.hpp>
#include <weir/platform/error_map.hpp>
#include <weir/platform/mutex.hpp>

namespace weir::platform {
namespace {

// Until it has bound its ports.
constexpr DWORD start_hint_ms = 10'000;
// What the manager knows as "the hint is in milliseconds, and this is not worth more than a day".
constexpr time_ns stop_hint_max_ns = 24 * 3'600 * second_ns;

// Of the one service that a process of ours is.
class service {
 public:
  void begin(service_body body, void* context, time_ns stop_ns) noexcept {
    body_ = body;
    context_ = context;
    const time_ns hint_ns = stop_ns < stop_hint_max_ns ? stop_ns : stop_hint_max_ns;
    stop_hint_ms_ = static_cast<DWORD>(hint_ns / millisecond_ns);
    here_.store(true);
  }
  void end() noexcept { here_.store(false); }
  bool is_here() const noexcept { return here_.load(); }
  int code() noexcept {
    lock held(mutex_);
    return code_;
  }

  void report(DWORD state) noexcept {
    lock held(mutex_);
    // The manager may have forgotten a service that has stopped.
    if (manager_ == nullptr || state_ == SERVICE_STOPPED) return;
    // A stop that came before the service was up is still what it does.
    if (state == SERVICE_RUNNING && state_ == SERVICE_STOP_PENDING) return;
    state_ = state;
    tell();
  }

  // On the manager's thread for services: the program's whole life.
  void live(DWORD(WINAPI* on_control)(DWORD, DWORD, void*, void*)) noexcept {
    {
      lock held(mutex_);
      manager_ = RegisterServiceCtrlHandlerExW(L"", on_control, nullptr);
    }
    report(SERVICE_START_PENDING);
    end_with(body_(context_));
  }

  void end_with(int code) noexcept {
    {
      lock held(mutex_);
      code_ = code;
    }
    report(SERVICE_STOPPED);
  }

  void tell_again() noexcept {
    lock held(mutex_);
    if (manager_ != nullptr && state_ != SERVICE_STOPPED) tell();
  }

 private:
  void tell() noexcept {
    SERVICE_STATUS now{};
    now.dwServiceType = SERVICE_WIN32_OWN_PROCESS;
    now.dwCurrentState = state_;
    switch (state_) {
      case SERVICE_START_PENDING:
        now.dwWaitHint = start_hint_ms;
        now.dwCheckPoint = 1;
        break;
      case SERVICE_STOP_PENDING:
        now.dwWaitHint = stop_hint_ms_;
        now.dwCheckPoint = 1;
        break;
      case SERVICE_RUNNING:
        now.dwControlsAccepted = SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN;
        break;
      default:
        if (code_ != 0) {
          now.dwWin32ExitCode = ERROR_SERVICE_SPECIFIC_ERROR;
          now.dwServiceSpecificExitCode = static_cast<DWORD>(code_);
        }
        break;
    }
    SetServiceStatus(manager_, &now);
  }

  service_body body_ = nullptr;
  void* context_ = nullptr;
  DWORD stop_hint_ms_ = 0;
  std::atomic<bool> here_{false};
  mutex mutex_;
  // Under mutex_.
  int code_ = 0;
  SERVICE_STATUS_HANDLE manager_ = nullptr;
  DWORD state_ = SERVICE_START_PENDING;
};

service the_service;

// On the thread of the dispatcher.
DWORD WINAPI on_control(DWORD control, DWORD, void*, void*) {
  switch (control) {
    case SERVICE_CONTROL_STOP:
    case SERVICE_CONTROL_SHUTDOWN:
      the_service.report(SERVICE_STOP_PENDING);
      the_termination.note();
      return NO_ERROR;
    case SERVICE_CONTROL_INTERROGATE: the_service.tell_again(); return NO_ERROR;
    default: return ERROR_CALL_NOT_IMPLEMENTED;
  }
}

void WINAPI service_main(DWORD, wchar_t**) {
  the_service.live(&on_control);
}

}  // namespace

namespace windows {

bool is_service() noexcept {
  return the_service.is_here();
}
void service_is_up() noexcept {
  if (the_service.is_here()) the_service.report(SERVICE_RUNNING);
}
void service_ends(int code) noexcept {
  if (the_service.is_here()) the_service.end_with(code);
}

}  // namespace windows

result<int> run_service(service_body body, void* context, time_ns stop_ns) noexcept {
  WEIR_ASSERT(body != nullptr);
  if (the_service.is_here()) return error(errc::exists, "run_service");
  the_service.begin(body, context, stop_ns);
  wchar_t any_name[] = L"";  // a process of one service is not asked which
  const SERVICE_TABLE_ENTRYW table[] = {{any_name, &service_main}, {nullptr, nullptr}};
  if (StartServiceCtrlDispatcherW(table) == 0) {
    const DWORD code = GetLastError();
    the_service.end();
    if (code == ERROR_FAILED_SERVICE_CONTROLLER_CONNECT) {
      return error(errc::not_connected, "run_service", static_cast<int>(code));
    }
    return error_from_system("StartServiceCtrlDispatcher", static_cast<int>(code));
  }
  the_service.end();
  return the_service.code();
}

}  // namespace weir::platform
