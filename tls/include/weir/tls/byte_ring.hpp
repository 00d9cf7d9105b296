// tls/byte_ring.hpp - bytes in order, in memory that is held only while there are any.
//
// Bytes never move once they are in: a view of them stays good until they are taken, whatever is
// added behind. That is what lets a started write point into the ring.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include <weir/platform/bytes.hpp>
#include <weir/platform/export.hpp>
#include <weir/runtime/buffer_pool.hpp>

namespace weir::tls {

class WEIR_EXPORT byte_ring {
 public:
  // Takes memory from `pool` (which lives longer), or from the heap when that is null. `capacity`
  // is for the heap; a pool's buffers have their own size.
  byte_ring(runtime::buffer_pool* pool, std::size_t capacity) noexcept
      : pool_(pool), heap_bytes_(capacity) {}
  byte_ring(const byte_ring&) = delete;
  byte_ring& operator=(const byte_ring&) = delete;

  // From now on the memory comes from there. What is held now is kept until the ring is empty.
  void use(runtime::buffer_pool* pool) noexcept { pool_ = pool; }

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::size_t capacity() const noexcept {
    if (has_memory()) return memory().size();
    return pool_ == nullptr ? heap_bytes_ : pool_->buffer_bytes();
  }
  std::size_t room() const noexcept { return capacity() - size_; }

  // The next free bytes, in one piece; empty when the ring is full or no memory can be had.
  byte_span free_piece() noexcept;
  void filled(std::size_t bytes) noexcept;
  // Everything that is in, in order, in at most two pieces.
  std::array<byte_view, 2> pieces() const noexcept;
  void taken(std::size_t bytes) noexcept;

  // Copies. As many bytes as there is room for, or as there are.
  std::size_t put(byte_view bytes) noexcept;
  std::size_t get(byte_span into) noexcept;

  // Gives the memory back when nothing is in it. Not done by taken() itself: the memory may belong
  // to a thread that is not the one that empties the ring.
  void give_back_if_empty() noexcept;
  bool has_memory() const noexcept { return !memory().empty(); }

 private:
  byte_span memory() const noexcept {
    if (own_ != nullptr) return {own_.get(), heap_bytes_};
    return pooled_.bytes();
  }
  bool hold() noexcept;

  runtime::buffer_pool* pool_;
  std::size_t heap_bytes_;
  runtime::pooled_buffer pooled_;
  std::unique_ptr<std::byte[]> own_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace weir::tls
