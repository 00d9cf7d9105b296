// platform/epoll/open_poller.cpp - the backend of Linux.
#include <memory>
#include <new>

#include <weir/platform/poller.hpp>

#include "epoll/epoll_queue.hpp"
#include "readiness_poller.hpp"

namespace weir::platform {

result<std::unique_ptr<poller>> open_poller(const poller_options& options) noexcept {
  std::unique_ptr<readiness_poller<epoll_queue>> made(new (std::nothrow)
                                                          readiness_poller<epoll_queue>(options));
  if (made == nullptr) return error(errc::memory_exhausted, "open_poller");
  if (error why = made->open()) return why;
  return std::unique_ptr<poller>(std::move(made));
}

}  // namespace weir::platform
