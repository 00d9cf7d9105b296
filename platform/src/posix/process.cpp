// platform/posix/process.cpp - limits, signals for programs, and what /proc knows.
#include <weir/platform/process.hpp>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>
#if defined(__APPLE__)
#include <mach/mach.h>
#endif

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>
#include <utility>

#include <termination.hpp>
#include <weir/platform/error_map.hpp>

namespace weir::platform {
namespace {

// Signals that do the same, and what was there before.
struct watched_signal {
  int number;
  struct sigaction former;
};

extern "C" void weir_on_termination(int) {
  const int kept = errno;
  the_termination.note();
  errno = kept;
}

extern "C" void weir_on_reload(int) {
  const int kept = errno;
  the_reload.note();
  errno = kept;
}

constinit std::array<watched_signal, 2> termination_signals{{{SIGTERM, {}}, {SIGINT, {}}}};
constinit std::array<watched_signal, 1> reload_signals{{{SIGHUP, {}}}};

error start_watch(watch_state& state, void (*handler)(int), std::span<watched_signal> signals,
                  termination_watch::wake_function wake, void* context) noexcept {
  if (state.taken.exchange(true)) return {errc::exists, "signal watch"};
  state.count.store(0);
  state.context.store(context);
  state.wake.store(wake);
  for (watched_signal& each : signals) {
    struct sigaction action{};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;  // other threads' blocking calls go on; the loop is woken by wake
    sigemptyset(&action.sa_mask);
    for (const watched_signal& other : signals) sigaddset(&action.sa_mask, other.number);
    const int failed = ::sigaction(each.number, &action, &each.former);
    WEIR_ASSERT(failed == 0);
  }
  return {};
}

void stop_watch(watch_state& state, std::span<const watched_signal> signals) noexcept {
  for (const watched_signal& each : signals) {
    const int failed = ::sigaction(each.number, &each.former, nullptr);
    WEIR_ASSERT(failed == 0);
  }
  // A handler may still be running on another thread, with the context in its hand.
  state.wake.store(nullptr);
  while (state.running.load() != 0) ::sched_yield();
  state.context.store(nullptr);
  state.taken.store(false);
}

}  // namespace

result<std::uint64_t> descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return error_from_system("getrlimit", errno);
  return static_cast<std::uint64_t>(limit.rlim_cur);
}

result<std::uint64_t> raise_descriptor_limit(std::uint64_t wanted) noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return error_from_system("getrlimit", errno);
  // rlim_t is signed on FreeBSD, so everything is compared as 64 unsigned bits.
  const std::uint64_t before = static_cast<std::uint64_t>(limit.rlim_cur);
  const std::uint64_t hard = static_cast<std::uint64_t>(limit.rlim_max);
  if (before >= wanted) return before;
  std::uint64_t now = std::min(wanted, hard);
  limit.rlim_cur = static_cast<rlim_t>(now);
  if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) return now;
#if defined(__APPLE__)
  // macOS says "unlimited" and then refuses more than OPEN_MAX.
  now = std::max(before, std::min<std::uint64_t>(now, OPEN_MAX));
  limit.rlim_cur = static_cast<rlim_t>(now);
  if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) return now;
#endif
  return error_from_system("setrlimit", errno);
}

#if defined(__linux__)

result<std::uint64_t> resident_bytes() noexcept {
  const int fd = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return error_from_system("open /proc/self/statm", errno);
  std::array<char, 256> text{};
  const ssize_t got = ::read(fd, text.data(), text.size() - 1);
  ::close(fd);
  if (got <= 0) return error(errc::not_supported, "/proc/self/statm");
  // "size resident ...", in pages.
  const char* at = text.data();
  while (*at != ' ' && *at != '\0') ++at;
  const std::uint64_t pages = std::strtoull(at, nullptr, 10);
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

#elif defined(__APPLE__)

result<std::uint64_t> resident_bytes() noexcept {
  mach_task_basic_info about{};
  mach_msg_type_number_t count = MACH_TASK_BASIC_INFO_COUNT;
  const kern_return_t failed = ::task_info(mach_task_self(), MACH_TASK_BASIC_INFO,
                                           reinterpret_cast<task_info_t>(&about), &count);
  if (failed != KERN_SUCCESS) return error(errc::other, "task_info", failed);
  return static_cast<std::uint64_t>(about.resident_size);
}

#else

result<std::uint64_t> resident_bytes() noexcept {
  return error(errc::not_supported, "resident_bytes");
}

#endif

#if defined(__linux__) || defined(__APPLE__)

result<std::uint64_t> open_descriptor_count() noexcept {
#if defined(__linux__)
  DIR* const folder = ::opendir("/proc/self/fd");
#else
  DIR* const folder = ::opendir("/dev/fd");
#endif
  if (folder == nullptr) return error_from_system("opendir", errno);
  std::uint64_t count = 0;
  while (const dirent* const entry = ::readdir(folder)) {
    if (entry->d_name[0] != '.') ++count;
  }
  ::closedir(folder);
  return count - 1;  // the one that was counting
}

#else

result<std::uint64_t> open_descriptor_count() noexcept {
  return error(errc::not_supported, "open_descriptor_count");
}

#endif

void ignore_broken_pipes() noexcept {
  struct sigaction action{};
  action.sa_handler = SIG_IGN;
  sigemptyset(&action.sa_mask);
  const int failed = ::sigaction(SIGPIPE, &action, nullptr);
  WEIR_ASSERT(failed == 0);
}

error termination_watch::start(wake_function wake, void* context) noexcept {
  WEIR_ASSERT(!started_);
  if (error why =
          start_watch(the_termination, weir_on_termination, termination_signals, wake, context))
    return why;
  started_ = true;
  return {};
}

void termination_watch::stop() noexcept {
  if (std::exchange(started_, false)) stop_watch(the_termination, termination_signals);
}

unsigned termination_watch::count() noexcept {
  return the_termination.count.load();
}

error reload_watch::start(termination_watch::wake_function wake, void* context) noexcept {
  WEIR_ASSERT(!started_);
  if (error why = start_watch(the_reload, weir_on_reload, reload_signals, wake, context))
    return why;
  started_ = true;
  return {};
}

void reload_watch::stop() noexcept {
  if (std::exchange(started_, false)) stop_watch(the_reload, reload_signals);
}

unsigned reload_watch::count() noexcept {
  return the_reload.count.load();
}

result<int> run_service(service_body, void*, time_ns) noexcept {
  return error(errc::not_supported, "run_service");
}

result<std::vector<std::string>> command_line_words(int count, char** words) {
  return std::vector<std::string>(words, words + count);
}

void use_plain_output() noexcept {}  // that is what it is

error write_output(std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t bytes = ::write(STDOUT_FILENO, text.data(), text.size());
    if (bytes >= 0) {
      text.remove_prefix(static_cast<std::size_t>(bytes));
    } else if (errno == EAGAIN) {
      // Whoever shares the pipe or terminal with us has made it non-blocking for everybody.
      pollfd room{STDOUT_FILENO, POLLOUT, 0};
      if (::poll(&room, 1, -1) < 0 && errno != EINTR) return error_from_system("poll", errno);
    } else if (errno != EINTR) {
      return error_from_system("write", errno);
    }
  }
  return {};
}

void end_process(int code) noexcept {
  ::_exit(code);
}

}  // namespace weir::platform
