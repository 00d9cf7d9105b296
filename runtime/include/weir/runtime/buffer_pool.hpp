// runtime/buffer_pool.hpp - buffers for what has to outlive a turn: one size, a cap, no zeroing.
//
// An idle connection owns none. What a receive left unparsed, and what a short send left unsent,
// moves into buffers taken here; they go back as soon as they are empty.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include <weir/platform/assert.hpp>
#include <weir/platform/bytes.hpp>
#include <weir/platform/export.hpp>

namespace weir::runtime {

class buffer_pool;

// One buffer, owned. Move-only; goes back to its pool when it ends. The pool lives longer.
class WEIR_EXPORT pooled_buffer {
 public:
  pooled_buffer() noexcept = default;
  pooled_buffer(pooled_buffer&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)), bytes_(std::exchange(other.bytes_, {})) {}
  pooled_buffer& operator=(pooled_buffer&& other) noexcept {
    if (this != &other) {
      give_back();
      pool_ = std::exchange(other.pool_, nullptr);
      bytes_ = std::exchange(other.bytes_, {});
    }
    return *this;
  }
  ~pooled_buffer() { give_back(); }

  explicit operator bool() const noexcept { return pool_ != nullptr; }
  byte_span bytes() const noexcept { return bytes_; }
  void give_back() noexcept;

 private:
  friend class buffer_pool;
  pooled_buffer(buffer_pool& pool, byte_span bytes) noexcept : pool_(&pool), bytes_(bytes) {}
  buffer_pool* pool_ = nullptr;
  byte_span bytes_;
};

class WEIR_EXPORT buffer_pool {
 public:
  // `buffers_max` bounds what is out at one time; `kept_max` what is kept for reuse.
  buffer_pool(std::size_t buffer_bytes, std::uint32_t buffers_max, std::uint32_t kept_max) noexcept
      : buffer_bytes_(buffer_bytes), buffers_max_(buffers_max), kept_max_(kept_max) {
    WEIR_ASSERT(buffer_bytes >= sizeof(void*));
  }
  buffer_pool(const buffer_pool&) = delete;
  buffer_pool& operator=(const buffer_pool&) = delete;
  ~buffer_pool();

  // An empty one when the cap or the system's memory is reached: errc::limit to the caller.
  pooled_buffer take() noexcept;

  std::size_t buffer_bytes() const noexcept { return buffer_bytes_; }
  std::uint32_t in_use() const noexcept { return in_use_; }
  std::uint64_t refused() const noexcept { return refused_; }

 private:
  friend class pooled_buffer;
  struct kept {
    kept* next;
  };
  void put(std::byte* bytes) noexcept;

  std::size_t buffer_bytes_;
  std::uint32_t buffers_max_;
  std::uint32_t kept_max_;
  std::uint32_t in_use_ = 0;
  std::uint32_t kept_count_ = 0;
  std::uint64_t refused_ = 0;
  kept* kept_ = nullptr;
};

}  // namespace weir::runtime
