// runtime/lent_buffer.hpp - tells AddressSanitizer which bytes nobody may touch at the moment.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define WEIR_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEIR_ASAN 1
#endif
#endif

#if defined(WEIR_ASAN)
#include <sanitizer/asan_interface.h>
#endif

namespace weir::runtime {

inline void poison([[maybe_unused]] const void* bytes, [[maybe_unused]] std::size_t size) noexcept {
#if defined(WEIR_ASAN)
  __asan_poison_memory_region(bytes, size);
#endif
}

inline void unpoison([[maybe_unused]] const void* bytes,
                     [[maybe_unused]] std::size_t size) noexcept {
#if defined(WEIR_ASAN)
  __asan_unpoison_memory_region(bytes, size);
#endif
}

}  // namespace weir::runtime
