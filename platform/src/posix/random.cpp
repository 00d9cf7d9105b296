// platform/posix/random.cpp - the kernel's random source.
#include <weir/platform/random.hpp>

#include <errno.h>
#if defined(__linux__)
#include <sys/random.h>
#else
#include <stdlib.h>
#endif

#include <weir/platform/error_map.hpp>

namespace weir {
namespace {

class posix_random final : public random_source {
 public:
  error fill(byte_span into) noexcept override {
#if defined(__linux__)
    while (!into.empty()) {
      const ssize_t got = getrandom(into.data(), into.size(), 0);
      if (got < 0) {
        if (errno == EINTR) continue;
        return error_from_system("getrandom", errno);
      }
      into = into.subspan(static_cast<std::size_t>(got));  // long requests come in parts
    }
#else
    arc4random_buf(into.data(), into.size());  // cannot fail on macOS and FreeBSD
#endif
    return {};
  }
};

constinit posix_random the_source;

}  // namespace

random_source& system_random() noexcept {
  return the_source;
}

}  // namespace weir
