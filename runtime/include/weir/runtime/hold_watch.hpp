// runtime/hold_watch.hpp - who holds the loop: how long something runs before it waits again.
//
// One thread runs everything, so whoever computes makes all others wait. A watch is put on a scope
// (scope::watch()); what runs inside it, until it waits, is measured as one run, and one that took
// longer than allowed is told. Code that never waits is measured by hand, with begin() and end().
#pragma once

#include <weir/platform/poller.hpp>
#include <weir/platform/time.hpp>

namespace weir::runtime {

// Outlives the scopes it is put on. The scheduler's thread only.
class hold_watch {
 public:
  using on_held = void (*)(hold_watch& self, time_ns held_ns) noexcept;

  // Runs of more than `max_ns` are told. They are measured with the clock's tick: to some
  // milliseconds.
  hold_watch(const platform::poller& clock, time_ns max_ns, on_held tell) noexcept
      : clock_(clock), max_ns_(max_ns), tell_(tell) {}

  void begin() noexcept { began_ns_ = clock_.tick_ns(); }
  // Ends the run that has begun; nothing when there is none.
  void end() noexcept {
    if (began_ns_ == never_ns) return;
    const time_ns held_ns = clock_.tick_ns() - began_ns_;
    began_ns_ = never_ns;
    if (held_ns > max_ns_) tell_(*this, held_ns);
  }

 private:
  const platform::poller& clock_;
  time_ns max_ns_;
  time_ns began_ns_ = never_ns;
  on_held tell_;
};

}  // namespace weir::runtime
