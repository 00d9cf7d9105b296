// platform/reserve_handle.hpp - one descriptor kept back for the moment when there is none left.
#pragma once

#include <cstdint>

#include <weir/platform/export.hpp>

namespace weir {

// At the descriptor limit a listener can neither accept nor refuse: the peer waits in the kernel's
// queue, and a level-triggered loop spins. Giving this one back makes room to accept the peer and
// send it away at once. On systems without such a limit (Windows) it does nothing.
class WEIR_EXPORT reserve_handle {
 public:
  reserve_handle() noexcept { hold(); }
  reserve_handle(const reserve_handle&) = delete;
  reserve_handle& operator=(const reserve_handle&) = delete;
  ~reserve_handle() { release(); }

  // Takes a descriptor, if it has none and there is one. Returns whether it has one.
  bool hold() noexcept;
  void release() noexcept;

 private:
  [[maybe_unused]] std::intptr_t handle_ = -1;  // Windows has no use for it
};

}  // namespace weir
