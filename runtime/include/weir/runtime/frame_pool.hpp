// runtime/frame_pool.hpp - where coroutine frames come from: free lists by size, under one cap.
//
// A scheduler owns a pool and makes it the current one of its thread while it runs. A frame made
// elsewhere (a host that builds its first task) comes from the heap. Each frame remembers where it
// came from, so it may be freed at any time on the scheduler's thread.
#pragma once

#include <cstddef>

#include <weir/platform/export.hpp>

namespace weir::runtime {

class WEIR_EXPORT frame_pool {
 public:
  // `bytes_max` bounds what frames hold at one time; beyond it allocate() says null.
  explicit frame_pool(std::size_t bytes_max) noexcept : bytes_max_(bytes_max) {}
  frame_pool(const frame_pool&) = delete;
  frame_pool& operator=(const frame_pool&) = delete;
  ~frame_pool();

  // For promise types. Null when the current pool's cap or the system's memory is reached.
  static void* allocate(std::size_t bytes) noexcept;
  static void release(void* frame, std::size_t bytes) noexcept;

  std::size_t bytes_in_use() const noexcept { return bytes_in_use_; }
  // Frames that were refused at the cap.
  std::size_t refused() const noexcept { return refused_; }

  // Makes `pool` the current one of this thread for the life of the object; nests.
  class WEIR_EXPORT use {
   public:
    explicit use(frame_pool& pool) noexcept;
    use(const use&) = delete;
    use& operator=(const use&) = delete;
    ~use();

   private:
    frame_pool* before_;
  };

 private:
  // Classes as fine as the heap's own, up to 4 KiB: of 9,000 idle connections each holds two, and
  // what a class rounds up is lost with each. Larger frames go to the heap, still counted.
  static constexpr std::size_t class_bytes = 16;
  static constexpr std::size_t classes = 256;
  // What a free list may keep for reuse; the rest returns to the heap.
  static constexpr std::size_t kept_bytes_max = 4'194'304;

  struct header;
  struct free_frame {
    free_frame* next;
  };

  void* take(std::size_t bytes) noexcept;
  void give_back(header* frame, std::size_t bytes) noexcept;

  free_frame* free_[classes] = {};
  std::size_t bytes_max_;
  std::size_t bytes_in_use_ = 0;
  std::size_t kept_bytes_ = 0;
  std::size_t refused_ = 0;
};

}  // namespace weir::runtime
