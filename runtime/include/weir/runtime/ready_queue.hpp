// runtime/ready_queue.hpp - what runs next on a scheduler, first come, first served. Intrusive.
#pragma once

#include <cstddef>

#include <weir/platform/assert.hpp>

namespace weir::runtime {

// Something that can be run once. It may not move or end while queued.
struct ready_node {
  using callback = void (*)(ready_node&) noexcept;

  explicit ready_node(callback to_run) noexcept : run(to_run) {}
  ready_node(const ready_node&) = delete;
  ready_node& operator=(const ready_node&) = delete;
  ~ready_node() { WEIR_ASSERT(!queued); }

  callback run;
  ready_node* next = nullptr;
  bool queued = false;
};

class ready_queue {
 public:
  void push(ready_node& node) noexcept {
    WEIR_ASSERT(!node.queued);  // resumed twice: a double completion
    node.queued = true;
    node.next = nullptr;
    if (last_ == nullptr) {
      first_ = &node;
    } else {
      last_->next = &node;
    }
    last_ = &node;
    ++count_;
  }

  ready_node* pop() noexcept {
    ready_node* const node = first_;
    if (node == nullptr) return nullptr;
    first_ = node->next;
    if (first_ == nullptr) last_ = nullptr;
    node->queued = false;
    --count_;
    return node;
  }

  bool empty() const noexcept { return first_ == nullptr; }
  std::size_t count() const noexcept { return count_; }

 private:
  ready_node* first_ = nullptr;
  ready_node* last_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace weir::runtime
