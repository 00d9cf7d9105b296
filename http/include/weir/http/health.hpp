// http/health.hpp - what an orchestrator or a load balancer asks: alive, started, ready?
//
//   GET /livez     200 while a loop of this process answers at all
//   GET /startupz  200 once every server that tells this object has started, 503 before
//   GET /readyz    200 while requests are wanted; 503 with the reasons while they are not
//
// A drain flips /readyz before it does anything else: whoever balances the load can look away
// during `drain_delay`, while requests are still served. The answers are small JSON with
// `Cache-Control: no-store`; the refusing ones are problem documents with Retry-After:
//
//   {"type":"about:blank","title":"Service Unavailable","status":503,"code":"not_ready",
//    "detail":"...","reasons":[{"code":"draining","detail":"The server is shutting down."}]}
//
// Serve them beside everything else, or on a server of their own that nobody outside reaches: one
// with routes of its own, drained after the others, that is not told to any health object.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <weir/http/handler.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/platform/mutex.hpp>

namespace weir::http {

// The health of one process, or of one part of it. Thread-safe. It outlives the routes it was added
// to, and the servers that tell it (`server_options::tells`).
class WEIR_EXPORT health {
 public:
  health() = default;
  health(const health&) = delete;
  health& operator=(const health&) = delete;
  ~health() = default;

  // A reason of the host's own not to be ready: a cache that is cold, a database that is away.
  // `code` is a stable machine name, `detail` a sentence. The same code again replaces the detail.
  void not_ready(std::string_view code, std::string_view detail);
  // That reason is gone. Does nothing when there was none.
  void ready_again(std::string_view code) noexcept;

  bool is_started() const noexcept;
  bool is_ready() const noexcept;

  // Adds the three routes. Errors as in routes::add().
  error add_to(routes& to) const;

 private:
  friend class server;

  struct reason {
    std::string code;
    std::string detail;
  };

  // From servers.
  void server_made() noexcept;
  void server_started() noexcept;
  void server_drains() noexcept;
  void server_gone(bool had_started, bool had_drained) noexcept;

  bool started_here() const noexcept { return servers_ > 0 && started_ == servers_; }
  std::vector<reason> reasons() const;

  mutable mutex mutex_;
  std::uint32_t servers_ = 0;  // that live
  std::uint32_t started_ = 0;  // of them
  std::uint32_t draining_ = 0;
  std::vector<reason> own_;  // the host's
};

}  // namespace weir::http
