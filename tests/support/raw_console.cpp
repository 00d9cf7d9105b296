// support/raw_console.cpp - the person at the console of a Windows program, for tests.
//
//   weir_console <program> [word...]   runs the program in a console of its own and ends as it ends
//
// The program has this one's standard output and error. What a person would do is a line of
// standard input, and what is asked is answered on standard error:
//
//   interrupt | break             Ctrl-C or Ctrl-Break, as the console sends them
//   close | logoff | shutdown     what the system sends: run in the program as the system runs it
//   handles | memory              "console: handles 57": open now; "console: memory 9000000": peak
//
// When its input ends, or it ends itself however it may, the program is gone too.
#include <windows.h>

#include <fcntl.h>
#include <io.h>
#include <psapi.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <string_view>

namespace {

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "console: %s: error %lu\n", what, GetLastError());
  std::exit(125);
}

// The rest of our own command line, as it stands: nobody's quotes are put differently.
wchar_t* command_of_program() {
  wchar_t* at = GetCommandLineW();
  bool quoted = false;
  for (; *at != L'\0' && (quoted || (*at != L' ' && *at != L'\t')); ++at) {
    if (*at == L'"') quoted = !quoted;
  }
  while (*at == L' ' || *at == L'\t') ++at;
  return at;
}

// A job that ends with its last handle, which is ours: nothing outlives this process.
HANDLE job_that_ends_with_us() {
  const HANDLE job = CreateJobObjectW(nullptr, nullptr);
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
  limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
  if (job == nullptr || SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits,
                                                sizeof limits) == 0) {
    give_up("job");
  }
  return job;
}

// The events that no program may send to another through the console. Their handlers are called by
// this function of the system, on a thread that the system makes in the program: so do we.
void run_control_routine(HANDLE process, DWORD event) {
  const auto routine = reinterpret_cast<LPTHREAD_START_ROUTINE>(
      reinterpret_cast<void*>(GetProcAddress(GetModuleHandleW(L"kernelbase"), "CtrlRoutine")));
  if (routine == nullptr) give_up("CtrlRoutine");
  const HANDLE thread =
      CreateRemoteThread(process, nullptr, 0, routine,
                         reinterpret_cast<void*>(static_cast<std::uintptr_t>(event)), 0, nullptr);
  if (thread == nullptr) give_up("CreateRemoteThread");
  CloseHandle(thread);
}

// Wine's GetProcessHandleCount says 0 of everybody: there each number that could be a handle is
// tried. Not the list of all handles of the system: while a program starts that has none yet,
// wine's server reads it past its end and is gone, and everything under it (docs/platforms.md).
unsigned count_handles(HANDLE process) {
  DWORD known = 0;
  if (GetProcessHandleCount(process, &known) == 0) give_up("handles");
  if (known != 0) return known;
  constexpr ULONG_PTR handles_max = 4096;  // the lowest free number is taken, so far fewer are used
  unsigned count = 0;
  for (ULONG_PTR i = 1; i <= handles_max; ++i) {
    HANDLE twin = nullptr;
    if (DuplicateHandle(process, reinterpret_cast<HANDLE>(4 * i), GetCurrentProcess(), &twin, 0,
                        FALSE, DUPLICATE_SAME_ACCESS) == 0) {
      continue;
    }
    CloseHandle(twin);
    ++count;
  }
  return count;
}

void obey(HANDLE process, std::string_view line) {
  if (line == "interrupt") {
    if (GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0) == 0) give_up("interrupt");
  } else if (line == "break") {
    // wine's console knows Ctrl-C only.
    if (GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, 0) == 0) {
      run_control_routine(process, CTRL_BREAK_EVENT);
    }
  } else if (line == "close") {
    run_control_routine(process, CTRL_CLOSE_EVENT);
  } else if (line == "logoff") {
    run_control_routine(process, CTRL_LOGOFF_EVENT);
  } else if (line == "shutdown") {
    run_control_routine(process, CTRL_SHUTDOWN_EVENT);
  } else if (line == "handles") {
    std::fprintf(stderr, "console: handles %u\n", count_handles(process));
  } else if (line == "memory") {
    PROCESS_MEMORY_COUNTERS about{};
    if (K32GetProcessMemoryInfo(process, &about, sizeof about) == 0) give_up("memory");
    std::fprintf(stderr, "console: memory %llu\n",
                 static_cast<unsigned long long>(about.PeakWorkingSetSize));
  } else {
    give_up("no such command");
  }
}

DWORD WINAPI read_commands(void* process) {
  char text[64];
  while (std::fgets(text, sizeof text, stdin) != nullptr) {
    std::string_view line(text);
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    obey(process, line);
  }
  TerminateProcess(process, 126);
  return 0;
}

// Everybody at the console hears what it sends; this one only passes it on.
BOOL WINAPI hear_nothing(DWORD) {
  return TRUE;
}

}  // namespace

int main() {
  std::setvbuf(stderr, nullptr, _IONBF, 0);
  _setmode(_fileno(stderr), _O_BINARY);
  // Before there is a console, which brings handles of its own.
  const HANDLE out = GetStdHandle(STD_OUTPUT_HANDLE);
  const HANDLE err = GetStdHandle(STD_ERROR_HANDLE);
  // One of our own, whatever we were started from: nobody else hears what is sent.
  FreeConsole();
  if (AllocConsole() == 0) give_up("AllocConsole");
  if (SetConsoleCtrlHandler(&hear_nothing, TRUE) == 0) give_up("SetConsoleCtrlHandler");
  const HANDLE job = job_that_ends_with_us();
  STARTUPINFOW with{};
  with.cb = sizeof with;
  with.dwFlags = STARTF_USESTDHANDLES;
  with.hStdInput = INVALID_HANDLE_VALUE;
  with.hStdOutput = out;
  with.hStdError = err;
  PROCESS_INFORMATION made{};
  if (CreateProcessW(nullptr, command_of_program(), nullptr, nullptr, TRUE, CREATE_SUSPENDED,
                     nullptr, nullptr, &with, &made) == 0) {
    give_up("CreateProcess");
  }
  if (AssignProcessToJobObject(job, made.hProcess) == 0) give_up("AssignProcessToJobObject");
  ResumeThread(made.hThread);
  CloseHandle(made.hThread);
  const HANDLE reader = CreateThread(nullptr, 0, &read_commands, made.hProcess, 0, nullptr);
  if (reader == nullptr) give_up("CreateThread");
  WaitForSingleObject(made.hProcess, INFINITE);
  DWORD code = 0;
  if (GetExitCodeProcess(made.hProcess, &code) == 0) give_up("GetExitCodeProcess");
  // At once: a reader that waits for input would hold an orderly end.
  TerminateProcess(GetCurrentProcess(), code);
}
