// platform/process.hpp - what a program does with its process: limits, termination, self-measures.
//
// For programs only. The library itself never touches a signal disposition, a console handler or a
// resource limit of the process it lives in: a host that embeds a server owns all of those.
#pragma once

#include <cstdint>

#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>

namespace weir::platform {

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

// Counts requests to terminate: SIGTERM and SIGINT; on Windows Ctrl-C, Ctrl-Break and the closing
// of the console. One means drain, a second means end at once; what to do is the program's choice.
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

}  // namespace weir::platform
