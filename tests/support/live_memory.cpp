// support/live_memory.cpp - operator new of the test program, each block with its size in front.
#include "support/live_memory.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<std::size_t> live{0};
std::atomic<std::size_t> peak{0};
}  // namespace

namespace weir::test {
std::size_t live_bytes() noexcept {
  return live.load();
}
std::size_t peak_bytes() noexcept {
  return peak.load();
}
void forget_peak() noexcept {
  peak = live.load();
}
}  // namespace weir::test

#if defined(__SANITIZE_THREAD__)
#define WEIR_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEIR_TSAN 1
#endif
#endif

#if !defined(WEIR_TSAN)

namespace {

struct alignas(__STDCPP_DEFAULT_NEW_ALIGNMENT__) front {
  std::size_t size;
};

void* give(std::size_t size) noexcept {
  void* const block = std::malloc(sizeof(front) + size);
  if (block == nullptr) return nullptr;
  const std::size_t now = live.fetch_add(size) + size;
  std::size_t most = peak.load();
  while (most < now && !peak.compare_exchange_weak(most, now)) {
  }
  return new (block) front{size} + 1;
}

void take_back(void* bytes) noexcept {
  if (bytes == nullptr) return;
  front* const block = static_cast<front*>(bytes) - 1;
  live.fetch_sub(block->size);
  std::free(block);
}

}  // namespace

void* operator new(std::size_t size) {
  if (void* const bytes = give(size)) return bytes;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return give(size);
}
void operator delete(void* bytes) noexcept {
  take_back(bytes);
}
void operator delete(void* bytes, std::size_t) noexcept {
  take_back(bytes);
}

#endif
