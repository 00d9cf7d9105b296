// support/allocation_count.cpp - operator new of the test program, counted.
#include "support/allocation_count.hpp"

#include <cstdlib>
#include <new>

#if defined(__SANITIZE_THREAD__)
#define WEIR_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEIR_TSAN 1
#endif
#endif

#if defined(WEIR_TSAN)
#include <sanitizer/allocator_interface.h>
#endif

namespace {
thread_local std::size_t count = 0;
thread_local std::size_t bytes = 0;
}  // namespace

namespace weir::test {
std::size_t allocations() noexcept {
  return count;
}
std::size_t allocated_bytes() noexcept {
  return bytes;
}
}  // namespace weir::test

#if defined(WEIR_TSAN)

// ThreadSanitizer brings an operator new of its own that cannot be replaced; it can be listened to.
namespace {

__attribute__((no_sanitize("thread"))) void on_malloc(const volatile void*, std::size_t size) {
  ++count;
  bytes += size;
}
__attribute__((no_sanitize("thread"))) void on_free(const volatile void*) {}

[[maybe_unused]] const int installed =
    __sanitizer_install_malloc_and_free_hooks(&on_malloc, &on_free);

}  // namespace

#else

void* operator new(std::size_t size) {
  ++count;
  bytes += size;
  if (void* const block = std::malloc(size != 0 ? size : 1)) return block;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++count;
  bytes += size;
  return std::malloc(size != 0 ? size : 1);
}
void operator delete(void* block) noexcept {
  std::free(block);
}
void operator delete(void* block, std::size_t) noexcept {
  std::free(block);
}

#endif
