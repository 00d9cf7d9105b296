// platform/windows/random.cpp - the system-preferred generator of CNG.
#include <weir/platform/random.hpp>

#include <windows/headers.hpp>

#include <bcrypt.h>

#include <algorithm>

namespace weir {
namespace {

class windows_random final : public random_source {
 public:
  error fill(byte_span into) noexcept override {
    while (!into.empty()) {
      const std::size_t part = std::min<std::size_t>(into.size(), 1 << 20);
      const NTSTATUS status =
          BCryptGenRandom(nullptr, reinterpret_cast<PUCHAR>(into.data()), static_cast<ULONG>(part),
                          BCRYPT_USE_SYSTEM_PREFERRED_RNG);
      if (status < 0) return {errc::other, "BCryptGenRandom", static_cast<int>(status)};
      into = into.subspan(part);
    }
    return {};
  }
};

constinit windows_random the_source;

}  // namespace

random_source& system_random() noexcept {
  return the_source;
}

}  // namespace weir
