// runtime/frame_pool.cpp - see the header.
#include <weir/runtime/frame_pool.hpp>

#include <new>

#include <weir/platform/assert.hpp>

namespace weir::runtime {

namespace {

// The pool of the scheduler that runs on this thread. Not state that anything depends on: without
// it frames come from the heap.
thread_local frame_pool* current = nullptr;

}  // namespace

// Stands before each frame. Aligned as operator new aligns, which is what frames are promised.
struct alignas(__STDCPP_DEFAULT_NEW_ALIGNMENT__) frame_pool::header {
  frame_pool* owner;
};

frame_pool::use::use(frame_pool& pool) noexcept : before_(current) {
  current = &pool;
}
frame_pool::use::~use() {
  current = before_;
}

frame_pool::~frame_pool() {
  WEIR_ASSERT(bytes_in_use_ == 0);  // a frame outlived its scheduler
  for (free_frame*& first : free_) {
    while (first != nullptr) {
      free_frame* const frame = first;
      first = frame->next;
      ::operator delete(frame);
    }
  }
}

void* frame_pool::allocate(std::size_t bytes) noexcept {
  const std::size_t whole = sizeof(header) + bytes;
  frame_pool* const pool = current;
  void* const memory = pool == nullptr ? ::operator new(whole, std::nothrow) : pool->take(whole);
  if (memory == nullptr) return nullptr;
  return new (memory) header{pool} + 1;
}

void frame_pool::release(void* frame, std::size_t bytes) noexcept {
  header* const front = static_cast<header*>(frame) - 1;
  frame_pool* const pool = front->owner;
  if (pool == nullptr) {
    ::operator delete(front);
  } else {
    pool->give_back(front, sizeof(header) + bytes);
  }
}

void* frame_pool::take(std::size_t bytes) noexcept {
  const std::size_t size_class = (bytes + class_bytes - 1) / class_bytes;
  if (bytes > bytes_max_ - bytes_in_use_) {
    ++refused_;
    return nullptr;
  }
  void* memory = nullptr;
  if (size_class < classes && free_[size_class] != nullptr) {
    memory = free_[size_class];
    free_[size_class] = free_[size_class]->next;
    kept_bytes_ -= size_class * class_bytes;
  } else {
    const std::size_t rounded = size_class < classes ? size_class * class_bytes : bytes;
    memory = ::operator new(rounded, std::nothrow);
  }
  if (memory != nullptr) bytes_in_use_ += bytes;
  return memory;
}

void frame_pool::give_back(header* frame, std::size_t bytes) noexcept {
  WEIR_ASSERT(bytes_in_use_ >= bytes);
  bytes_in_use_ -= bytes;
  const std::size_t size_class = (bytes + class_bytes - 1) / class_bytes;
  const std::size_t rounded = size_class * class_bytes;
  if (size_class >= classes || kept_bytes_ + rounded > kept_bytes_max) {
    ::operator delete(frame);
    return;
  }
  kept_bytes_ += rounded;
  free_[size_class] = new (frame) free_frame{free_[size_class]};
}

}  // namespace weir::runtime
