// http/service.hpp - what the connections of one server share. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include <weir/http/date.hpp>
#include <weir/http/head_parser.hpp>
#include <weir/http/server.hpp>
#include <weir/runtime/buffer_pool.hpp>
#include <weir/runtime/hold_watch.hpp>
#include <weir/runtime/offload.hpp>
#include <weir/runtime/scheduler.hpp>

#include "conversation_pool.hpp"

namespace weir::http {

enum class service_phase : std::uint8_t { serving, lame_duck, draining };

struct service;

// What a route is bounded by, and who tells when it holds the loop.
struct served_route : runtime::hold_watch {
  inline served_route(service& in, const limits& own, std::string_view of) noexcept;
  static inline void on_hold(runtime::hold_watch& self, time_ns held_ns) noexcept;
  service& common;
  limits bounds;
  std::string_view pattern;
};

struct service {
  service(runtime::scheduler& on, const routes& handlers, const server_options& with,
          admission& shared)
      : loop(on),
        table(handlers.table()),
        options(with),
        rules(options.bounds, false),
        heads(options.bounds),
        admitted(shared),
        small_buffers(small_bytes, with.bounds.connections_max, 1'024),
        large_buffers(on.lend_receive_buffer().size(), with.bounds.connections_max, 64),
        blocking(on, workers(with)) {}

  // A server may be made with limits that listen() refuses.
  static runtime::offload_options workers(const server_options& with) noexcept {
    runtime::offload_options out;
    out.name = "blocking handler";
    out.workers_max =
        std::clamp(with.bounds.blocking_workers_max, 1u, limits::blocking_workers_hard_max);
    out.queue_max = with.bounds.blocking_queue_max;
    out.queue_wait_max_ns = with.bounds.blocking_queue_deadline;
    out.virtual_job_ns = with.virtual_blocking_ns;
    return out;
  }

  // The routes are complete: what each of them bounds otherwise.
  void take_route_limits() {
    for (std::size_t i = 0; i < table.size(); ++i) {
      const limits own = table.payload(i).own.over(bounds);
      // A head does not say yet which route it is for.
      rules.body_bytes_max = std::max(rules.body_bytes_max, own.body_bytes_max);
      served.emplace_back(*this, own, table.payload(i).pattern);
    }
  }

  static constexpr std::size_t small_bytes = 4'096;

  runtime::scheduler& loop;
  const router<route>& table;
  const server_options options;
  const limits& bounds = options.bounds;
  std::vector<served_route> served;  // as the routes are counted; complete once the server starts
  head_rules rules;
  head_storage heads;
  date_cache dates;
  admission& admitted;
  server_counters counters;
  service_phase phase = service_phase::serving;
  // What outlives a turn: nearly always a piece of one head, rarely as much as one receive.
  runtime::buffer_pool small_buffers;
  runtime::buffer_pool large_buffers;
  runtime::offload blocking;
  conversation_pool conversations{*this};
};

inline served_route::served_route(service& in, const limits& own, std::string_view of) noexcept
    : hold_watch(in.loop.poller(), own.loop_hold_max, &on_hold),
      common(in),
      bounds(own),
      pattern(of) {}

inline void served_route::on_hold(runtime::hold_watch& self, time_ns held_ns) noexcept {
  const served_route& route = static_cast<served_route&>(self);
  ++route.common.counters.held_loop_hold_max;
  const server_options& told = route.common.options;
  if (told.observe_hold == nullptr) return;
  told.observe_hold(told.observe_context, {route.pattern, held_ns});
}

}  // namespace weir::http
