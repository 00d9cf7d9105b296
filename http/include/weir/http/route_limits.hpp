// http/route_limits.hpp - what a route may bound otherwise than its server.
//
//   routes.post("/upload", keep_upload, {.body_bytes_max = 64 << 20, .body_deadline = 5 * minute});
//
// Only what begins after a route is known can be its own: a body, a handler, an answer. Bounds of
// heads, connections and the process are the server's (limits.hpp), and have no field here.
// Fields mean what they mean in `limits`; what is not set is the server's. A maintainer must keep:
// one list of them, in over().
#pragma once

#include <cstdint>
#include <optional>

#include <weir/http/limits.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/platform/time.hpp>

namespace weir::http {

struct route_limits {
  // Past it: 413 with the head where the length is declared, before a byte of the body is read.
  std::optional<std::uint64_t> body_bytes_max{};
  std::optional<std::uint64_t> chunk_line_bytes_max{};
  std::optional<std::uint64_t> chunk_extension_bytes_max{};
  std::optional<std::uint64_t> trailer_bytes_max{};
  std::optional<std::uint32_t> trailer_fields_max{};
  std::optional<std::uint64_t> body_rate_min{};   // bytes a second, after `rate_grace`
  std::optional<std::uint64_t> write_rate_min{};  // bytes a second, after `rate_grace`
  // Spans in nanoseconds.
  std::optional<time_ns> body_deadline{};
  std::optional<time_ns> handler_deadline{};
  std::optional<time_ns> loop_hold_max{};
  std::optional<time_ns> write_deadline{};
  std::optional<time_ns> upgraded_idle_deadline{};
  std::optional<time_ns> rate_grace{};

  // The bounds of `server` with those of the route in their place.
  WEIR_EXPORT limits over(const limits& server) const noexcept;
  // As limits::validate(), whatever the server's own are.
  error validate() const noexcept { return over(limits()).validate(); }
};

}  // namespace weir::http
