// platform/process.hpp - what a program does with its process: words, output, limits, termination,
// self-measures.
//
// For programs only. The library itself never touches a signal disposition, a console handler or a
// resource limit of the process it lives in: a host that embeds a server owns all of those.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/platform/time.hpp>

namespace weir::platform {

// The words of the command line, the program's name first, in UTF-8 on Windows: there main() is
// given them in a code page that cannot spell every name, so they are read from the system instead.
// errc::invalid: half a surrogate pair. May throw std::bad_alloc.
WEIR_EXPORT result<std::vector<std::string>> command_line_words(int count, char** words);

// Standard output and error carry what is written byte for byte, and a console shows it as UTF-8.
// Windows would put a CR before each LF and read the bytes in its own code page; elsewhere there is
// nothing to do.
WEIR_EXPORT void use_plain_output() noexcept;

// Writes all of `text` to standard output, past the buffer of stdio (which the caller has flushed),
// and blocks for as long as the reader does not read. No lock of stdio is held meanwhile: what ends
// the process takes those locks, sanitizers even in _exit(), and would wait for the reader too.
// errc::broken_pipe, where ignore_broken_pipes() was called; the system's other errors mapped.
WEIR_EXPORT error write_output(std::string_view text) noexcept;

// Ends the process with all its threads, at once: nothing is flushed and nobody is waited for, not
// even a thread that is stuck in a write.
[[noreturn]] WEIR_EXPORT void end_process(int code) noexcept;

// How many descriptors (Windows: handles) this process may have open.
WEIR_EXPORT result<std::uint64_t> descriptor_limit() noexcept;

// Raises the soft limit towards `wanted`, never above the hard one and never lowering it; returns
// the limit that now holds, which may be less than wanted: the caller decides whether that will do.
WEIR_EXPORT result<std::uint64_t> raise_descriptor_limit(std::uint64_t wanted) noexcept;

// Resident memory of this process in bytes; errc::not_supported where the system is not asked.
WEIR_EXPORT result<std::uint64_t> resident_bytes() noexcept;

// Descriptors (Windows: handles) that are open now; errc::not_supported where it is not known.
WEIR_EXPORT result<std::uint64_t> open_descriptor_count() noexcept;

// Lets a write to a pipe or socket that nobody reads any more fail, for the whole process, where it
// would end it. Sockets of the library never need this; the output of a program does.
WEIR_EXPORT void ignore_broken_pipes() noexcept;

// Counts requests to terminate: SIGTERM and SIGINT; on Windows Ctrl-C, Ctrl-Break, the closing of
// the console, logging off and shutting down, or the stop control of a service. One means drain, a
// second means end at once; what to do is the program's choice. After a closing, logging off or
// shutting down Windows ends the process some seconds later, whatever it does (5 s for a console
// unless the system is told otherwise).
//
// One watch at a time in a process. Create and destroy it on one thread; count() from any.
// Destroying it puts the former handlers back, after a handler that is running has returned.
class WEIR_EXPORT termination_watch {
 public:
  // Called from the handler at each request, after the count went up, possibly on a thread that was
  // in the middle of anything: only what is async-signal-safe may be done in it, such as the wake
  // call of a poller. `context` lives as long as the watch.
  using wake_function = void (*)(void* context) noexcept;

  termination_watch() noexcept = default;
  ~termination_watch() { stop(); }
  termination_watch(const termination_watch&) = delete;
  termination_watch& operator=(const termination_watch&) = delete;

  // Installs the handlers. `wake` may be null: then the program has to look at count() itself.
  error start(wake_function wake, void* context) noexcept;
  // Puts the former handlers back. Does nothing when not started.
  void stop() noexcept;

  // Requests since start().
  static unsigned count() noexcept;

 private:
  bool started_ = false;
};

// Counts requests to read the configuration again: SIGHUP, which would end the process otherwise.
// One at a time in a process, beside a termination_watch, and by the same rules. Windows has no
// such request: errc::not_supported.
class WEIR_EXPORT reload_watch {
 public:
  reload_watch() noexcept = default;
  ~reload_watch() { stop(); }
  reload_watch(const reload_watch&) = delete;
  reload_watch& operator=(const reload_watch&) = delete;

  error start(termination_watch::wake_function wake, void* context) noexcept;
  void stop() noexcept;
  static unsigned count() noexcept;

 private:
  [[maybe_unused]] bool started_ = false;
};

// Runs `body` as a service of Windows, on a thread of the manager of services, and returns what it
// returned: to the manager as the service's own exit code, when it is not 0. Call it on the main
// thread, soon after the start (the manager waits 30 s), in a process that the manager started.
//
// The service is up when body starts its termination_watch, and from then on the manager's stop
// control and the shutdown of the system are requests to terminate; a console's events, logging off
// among them, are not. `stop_ns` is how long body may take to end after one, as the manager is
// told.
//
// errc::not_supported where there is no such manager; errc::not_connected when it was not the
// manager that started this process.
using service_body = int (*)(void* context) noexcept;
WEIR_EXPORT result<int> run_service(service_body body, void* context, time_ns stop_ns) noexcept;

}  // namespace weir::platform
