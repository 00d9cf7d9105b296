// apps/demo_routes.hpp - what `weir serve` answers besides files.
#pragma once

#include <span>
#include <string_view>

#include <weir/http/handler.hpp>

namespace weir::apps {

// One route: exactly one of `plain`, `async` and `blocking` is set. `example` is a path to try it
// with; "" where a link in a page would not do. Static storage.
struct demo_route {
  http::method verb = http::method::get;
  std::string_view pattern;
  std::string_view help;
  std::string_view example;
  http::response (*plain)(const http::request&) = nullptr;
  runtime::task<error> (*async)(http::exchange&) = nullptr;
  http::response (*blocking)(const http::request&, const http::stop_token&) = nullptr;
};

std::span<const demo_route> demo_routes() noexcept;

// Adds all of them. They keep no state: the routes may outlive everything.
error add_demo_routes(http::routes& to);

// Bounds of what a request may ask for; past them the answer is 400.
inline constexpr std::uint64_t delay_ms_max = 60'000;
inline constexpr std::uint64_t bytes_max = std::uint64_t{1} << 40;

// What GET /bytes/{n} sends: byte i is i modulo 251, a prime, so that a piece that is repeated,
// left out or moved shows wherever buffers are cut.
inline constexpr std::size_t bytes_period = 251;

}  // namespace weir::apps
