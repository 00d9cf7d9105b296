// http/limits.cpp - what a set of limits must satisfy.
#include <weir/http/limits.hpp>
#include <weir/http/route_limits.hpp>

namespace weir::http {
namespace {

// Offsets in a head are kept in 32 bits, and a parser's storage is made for the largest head.
constexpr std::uint64_t head_bytes_hard_max = 16 * 1024 * 1024;
constexpr std::uint32_t accept_backlog_hard_max = 65'535;

}  // namespace

error limits::validate() const noexcept {
  for (const limit_field& field : limit_fields) {
    bool bad = false;
    if (field.duration != nullptr) {
      const time_ns value = this->*field.duration;
      bad = value < 0 || (value == 0 && !field.zero_ok) ||
            (value == time_ns{unbounded} && !field.unbounded_ok);
    } else if (field.bytes != nullptr) {
      const std::uint64_t value = this->*field.bytes;
      bad = value == 0 || (value == std::uint64_t{unbounded} && !field.unbounded_ok);
    } else {
      const std::uint32_t value = this->*field.count;
      bad = value == 0 || (value == std::uint32_t{unbounded} && !field.unbounded_ok);
    }
    // Names in the table are literals, so data() ends in a zero.
    if (bad) return error(errc::invalid, field.name.data());
  }
  if (head_bytes_max > head_bytes_hard_max) return error(errc::invalid, "head_bytes_max");
  if (target_bytes_max > head_bytes_max) return error(errc::invalid, "target_bytes_max");
  // A field line takes four bytes at least.
  if (header_fields_max > head_bytes_hard_max / 4) return error(errc::invalid, "header_fields_max");
  if (trailer_bytes_max > head_bytes_hard_max) return error(errc::invalid, "trailer_bytes_max");
  if (trailer_fields_max > head_bytes_hard_max / 4) {
    return error(errc::invalid, "trailer_fields_max");
  }
  if (blocking_workers_max > blocking_workers_hard_max) {
    return error(errc::invalid, "blocking_workers_max");
  }
  if (accept_backlog > accept_backlog_hard_max) return error(errc::invalid, "accept_backlog");
  return {};
}

limits route_limits::over(const limits& server) const noexcept {
  limits out = server;
  const auto take = [](auto& field, const auto& own) {
    if (own.has_value()) field = *own;
  };
  take(out.body_bytes_max, body_bytes_max);
  take(out.chunk_line_bytes_max, chunk_line_bytes_max);
  take(out.chunk_extension_bytes_max, chunk_extension_bytes_max);
  take(out.trailer_bytes_max, trailer_bytes_max);
  take(out.trailer_fields_max, trailer_fields_max);
  take(out.body_rate_min, body_rate_min);
  take(out.write_rate_min, write_rate_min);
  take(out.body_deadline, body_deadline);
  take(out.handler_deadline, handler_deadline);
  take(out.loop_hold_max, loop_hold_max);
  take(out.write_deadline, write_deadline);
  take(out.upgraded_idle_deadline, upgraded_idle_deadline);
  take(out.rate_grace, rate_grace);
  return out;
}

}  // namespace weir::http
