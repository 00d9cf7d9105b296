// platform/slot_table.hpp - a bounded table of slots named by index and generation.
//
// A name that outlived its slot finds nothing: the generation moved on when the slot was freed.
// Slots never move (a kernel may own memory inside them) and are allocated in blocks as needed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include <weir/platform/assert.hpp>

namespace weir::platform {

template <class Slot>
class slot_table {
 public:
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  explicit slot_table(std::uint32_t slots_max) : slots_max_(slots_max) {
    blocks_.reserve((slots_max + block_slots - 1) / block_slots);  // growing later never throws
  }
  ~slot_table() {
    for (std::unique_ptr<block>& b : blocks_) {
      if (b->leaked) static_cast<void>(b.release());  // a kernel may still write there
    }
  }
  slot_table(const slot_table&) = delete;
  slot_table& operator=(const slot_table&) = delete;

  // A free slot with a fresh generation, value-initialised, or null when the bound or memory is
  // reached. `index` and `generation` name it until free().
  Slot* take(std::uint32_t& index, std::uint32_t& generation) noexcept {
    if (free_ == none && !grow()) return nullptr;
    index = free_;
    cell& c = at(index);
    WEIR_ASSERT(!c.used);
    free_ = c.next_free;
    c.used = true;
    c.slot = Slot{};
    generation = c.generation;
    ++used_;
    return &c.slot;
  }

  // The slot of that name, or null when it was freed since or never was.
  Slot* find(std::uint32_t index, std::uint32_t generation) noexcept {
    if (index >= size_) return nullptr;
    cell& c = at(index);
    return c.used && c.generation == generation ? &c.slot : nullptr;
  }
  const Slot* find(std::uint32_t index, std::uint32_t generation) const noexcept {
    return const_cast<slot_table*>(this)->find(index, generation);
  }

  // The slot at an index that the caller knows to be in use.
  Slot& used_at(std::uint32_t index) noexcept {
    WEIR_ASSERT(index < size_);
    WEIR_ASSERT(at(index).used);
    return at(index).slot;
  }

  void free(std::uint32_t index) noexcept {
    WEIR_ASSERT(index < size_);
    cell& c = at(index);
    WEIR_ASSERT(c.used);
    c.used = false;
    ++c.generation;
    c.next_free = free_;
    free_ = index;
    --used_;
  }

  // Takes the slot out of use for good: its completion never came and the kernel may still write
  // there. The block that holds it outlives the table.
  void leak(std::uint32_t index) noexcept {
    cell& c = at(index);
    WEIR_ASSERT(c.used);
    c.used = false;
    ++c.generation;
    blocks_[index / block_slots]->leaked = true;
    --used_;
  }

  std::uint32_t used() const noexcept { return used_; }

  // Calls visit(index, generation, slot) for each used slot; visit may free the one it is given.
  template <class Visit>
  void each(Visit visit) {
    for (std::uint32_t index = 0; index < size_; ++index) {
      cell& c = at(index);
      if (c.used) visit(index, c.generation, c.slot);
    }
  }

 private:
  static constexpr std::uint32_t block_slots = 256;

  struct cell {
    Slot slot{};
    std::uint32_t generation = 1;
    std::uint32_t next_free = none;
    bool used = false;
  };
  struct block {
    cell cells[block_slots];
    bool leaked = false;
  };

  cell& at(std::uint32_t index) noexcept {
    return blocks_[index / block_slots]->cells[index % block_slots];
  }

  bool grow() noexcept {
    if (size_ >= slots_max_) return false;
    std::unique_ptr<block> fresh(new (std::nothrow) block);
    if (fresh == nullptr) return false;
    WEIR_ASSERT(blocks_.size() < blocks_.capacity());
    blocks_.push_back(std::move(fresh));
    const std::uint32_t first = size_;
    const std::uint32_t room = slots_max_ - size_;
    size_ += room < block_slots ? room : block_slots;
    for (std::uint32_t index = size_; index-- > first;) {
      at(index).next_free = free_;
      free_ = index;
    }
    return true;
  }

  std::vector<std::unique_ptr<block>> blocks_;
  std::uint32_t slots_max_;
  std::uint32_t size_ = 0;
  std::uint32_t used_ = 0;
  std::uint32_t free_ = none;
};

}  // namespace weir::platform
