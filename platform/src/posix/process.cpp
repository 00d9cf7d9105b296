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

#include <termination.hpp>
#include <weir/platform/error_map.hpp>

namespace weir::platform {
namespace {

constexpr std::array<int, 2> watched_signals{SIGTERM, SIGINT};
struct sigaction former_actions[watched_signals.size()];

extern "C" void weir_on_termination(int) {
  const int kept = errno;
  note_termination();
  errno = kept;
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
  if (the_termination.taken.exchange(true)) return {errc::exists, "termination_watch"};
  the_termination.count.store(0);
  the_termination.context.store(context);
  the_termination.wake.store(wake);
  for (std::size_t i = 0; i < watched_signals.size(); ++i) {
    struct sigaction action{};
    action.sa_handler = weir_on_termination;
    action.sa_flags = SA_RESTART;  // other threads' blocking calls go on; the loop is woken by wake
    sigemptyset(&action.sa_mask);
    for (const int other : watched_signals) sigaddset(&action.sa_mask, other);
    const int failed = ::sigaction(watched_signals[i], &action, &former_actions[i]);
    WEIR_ASSERT(failed == 0);
  }
  started_ = true;
  return {};
}

void termination_watch::stop() noexcept {
  if (!started_) return;
  for (std::size_t i = 0; i < watched_signals.size(); ++i) {
    const int failed = ::sigaction(watched_signals[i], &former_actions[i], nullptr);
    WEIR_ASSERT(failed == 0);
  }
  // A handler may still be running on another thread, with the context in its hand.
  the_termination.wake.store(nullptr);
  while (the_termination.running.load() != 0) ::sched_yield();
  the_termination.context.store(nullptr);
  the_termination.taken.store(false);
  started_ = false;
}

unsigned termination_watch::count() noexcept {
  return the_termination.count.load();
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
