// http/server_hand_over.hpp - the door through which one server takes connections another accepted.
//
// For systems whose SO_REUSEPORT does not spread: one acceptor, and each thread's server has a
// door. An accepted socket has no poller yet, so it crosses threads as a number and an address.
#pragma once

#include <cstdint>
#include <new>

#include <weir/net/listener.hpp>
#include <weir/platform/mutex.hpp>
#include <weir/runtime/scheduler.hpp>

namespace weir::http {

// A connection that was accepted, and by what kind of listener.
struct arrival {
  net::accepted who;
  bool secure = false;
};

class hand_over_door {
 public:
  using taker = void (*)(void* context, const arrival& what) noexcept;

  hand_over_door(runtime::scheduler& loop, taker take, void* context) noexcept
      : loop_(loop), take_(take), context_(context) {}
  hand_over_door(const hand_over_door&) = delete;
  hand_over_door& operator=(const hand_over_door&) = delete;
  ~hand_over_door() { WEIR_ASSERT(under_way_ == 0); }

  // Any thread. False: the door is shut, or there is no memory; the connection is still the
  // caller's. Posted under the lock: once shut() returned, nothing more can be on its way.
  bool hand(const arrival& what) noexcept {
    lock hold(mutex_);
    if (!open_) return false;
    handed* const job = new (std::nothrow) handed(*this, what);
    if (job == nullptr) return false;
    ++under_way_;
    loop_.post(*job);
    return true;
  }

  // The server's own thread.
  void open() noexcept {
    lock hold(mutex_);
    open_ = true;
  }
  void shut() noexcept {
    lock hold(mutex_);
    open_ = false;
  }
  // Connections handed in and not taken yet: they come in one of the next turns.
  std::uint32_t under_way() noexcept {
    lock hold(mutex_);
    return under_way_;
  }

 private:
  struct handed final : runtime::posted_job {
    handed(hand_over_door& to, const arrival& accepted) noexcept
        : posted_job(&arrive), door(to), what(accepted) {}
    static void arrive(posted_job& job) noexcept {
      handed* const self = static_cast<handed*>(&job);
      hand_over_door& door = self->door;
      const arrival what = self->what;
      delete self;
      door.take_(door.context_, what);
      lock hold(door.mutex_);
      --door.under_way_;
    }
    hand_over_door& door;
    arrival what;
  };

  runtime::scheduler& loop_;
  const taker take_;
  void* const context_;
  mutex mutex_;
  std::uint32_t under_way_ = 0;
  bool open_ = false;
};

}  // namespace weir::http
