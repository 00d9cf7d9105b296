// http/blocking.hpp - handlers that block: what they are given, and how they are told to stop.
//
// A blocking handler is a plain function that may take its time: it queries a database, reads a
// disk, computes. It runs on a bounded pool of threads beside the loop (`blocking_workers_max`),
// gets the whole body, and returns the whole answer:
//
//   routes.get_blocking("/report/{id}", [&store](const request& asked, const stop_token& stop) {
//     return response::text(store.report(asked.param("id"), stop));
//   });
//
//   waiting --worker free--> running --returns--> its answer is sent     throws: 500
//      |                        `--handler_deadline--> 504; the worker is abandoned
//      `--queue full, blocking_queue_deadline--> 503 with Retry-After; the handler never runs
//
// A thread cannot be stopped from outside: one that is abandoned runs on and holds its place in the
// pool until its handler returns; what it returns then is dropped and counted. So look at the token
// between two steps of the work.
//
// Lifetime: the request, its body included, is a copy that lives until the handler returns, and so
// does the handler itself. What it captures by reference has to outlive that too: after a drain
// which reported abandoned workers that may be after the server and the routes.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include <weir/http/request.hpp>
#include <weir/http/response.hpp>

namespace weir::http {

// Whether anybody still wants the answer. Copies are the same token; any thread may look, as long
// as it likes.
class stop_token {
 public:
  // For tests of handlers; the server makes its own. Whoever shares `asked` sets it.
  explicit stop_token(std::shared_ptr<const std::atomic<bool>> asked) noexcept
      : asked_(std::move(asked)) {}

  // True from when the handler's deadline has passed, the peer has closed its side or broken off,
  // or the server ends. An answer is still sent where it can be: a peer may close its side and
  // read on.
  bool stop_requested() const noexcept { return asked_->load(std::memory_order_acquire); }

 private:
  std::shared_ptr<const std::atomic<bool>> asked_;
};

// Called from several threads at one time, as `const` functions are.
using blocking_handler = std::function<response(const request&, const stop_token&)>;

}  // namespace weir::http
