// platform/epoll/open_poller.cpp - the backend of Linux.
#include "epoll/epoll_queue.hpp"
#include "readiness_poller.hpp"

namespace weir::platform {

result<std::unique_ptr<poller>> open_poller(const poller_options& options) noexcept {
  return open_readiness_poller<epoll_queue>(options);
}

}  // namespace weir::platform
