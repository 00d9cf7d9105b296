// runtime/buffer_pool.cpp - see the header.
#include <weir/runtime/buffer_pool.hpp>

#include <new>

namespace weir::runtime {

void pooled_buffer::give_back() noexcept {
  if (pool_ == nullptr) return;
  pool_->put(bytes_.data());
  pool_ = nullptr;
  bytes_ = {};
}

buffer_pool::~buffer_pool() {
  WEIR_ASSERT(in_use_ == 0);
  while (kept_ != nullptr) {
    kept* const first = kept_;
    kept_ = first->next;
    ::operator delete(first);
  }
}

pooled_buffer buffer_pool::take() noexcept {
  if (in_use_ == buffers_max_) {
    ++refused_;
    return {};
  }
  void* memory = kept_;
  if (memory != nullptr) {
    kept_ = kept_->next;
    --kept_count_;
  } else {
    memory = ::operator new(buffer_bytes_, std::nothrow);
  }
  if (memory == nullptr) {
    ++refused_;
    return {};
  }
  ++in_use_;
  return pooled_buffer(*this, {static_cast<std::byte*>(memory), buffer_bytes_});
}

void buffer_pool::put(std::byte* bytes) noexcept {
  --in_use_;
  if (kept_count_ == kept_max_) {
    ::operator delete(bytes);
    return;
  }
  kept_ = new (bytes) kept{kept_};
  ++kept_count_;
}

}  // namespace weir::runtime
