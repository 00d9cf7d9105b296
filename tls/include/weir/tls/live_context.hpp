// tls/live_context.hpp - the context that new sessions begin with, exchanged while servers run.
#pragma once

#include <utility>

#include <weir/platform/export.hpp>
#include <weir/platform/mutex.hpp>
#include <weir/tls/context.hpp>

namespace weir::tls {

// Any thread may set it and any may take it: there is always one, whole. A session keeps the one it
// began with; the memory of a context ends with its last session.
class WEIR_EXPORT live_context {
 public:
  explicit live_context(context first) noexcept : now_(std::move(first)) {}
  live_context(const live_context&) = delete;
  live_context& operator=(const live_context&) = delete;

  // For sessions from now on.
  void use(context next) noexcept {
    const lock held(mutex_);
    std::swap(now_, next);  // the old one may end here, and that is not done under the lock
  }
  context now() const noexcept {
    const lock held(mutex_);
    return now_;
  }

 private:
  mutable mutex mutex_;
  context now_;
};

}  // namespace weir::tls
