// apps/demo_routes.cpp - see the header: each route is a small function, and a row at the end.
#include "demo_routes.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <system_error>
#include <thread>

#include <weir/http/problem.hpp>
#include <weir/runtime/scheduler.hpp>
#include <weir/runtime/waits.hpp>

namespace weir::apps {

using http::exchange;
using http::request;
using http::response;
using runtime::task;

namespace {

// A number in a path: digits and nothing else.
std::optional<std::uint64_t> number(std::string_view text) noexcept {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const std::from_chars_result read = std::from_chars(text.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return value;
}

response plaintext(const request&) {
  return response::view("Hello, World!");
}

response healthz(const request&) {
  return response::view("ok\n").header("Cache-Control", "no-store");
}

response echo(const request& asked) {
  return response::text(std::string(asked.param("text")));
}

response user_agent(const request& asked) {
  return response::text(std::string(asked.find("User-Agent").value_or("")));
}

response submit(const request& asked) {
  response answer;
  answer.set_body(std::string(asked.body), http::application_octet_stream);
  const std::optional<std::string_view> type = asked.find("Content-Type");
  if (type && !type->empty()) answer.header("Content-Type", *type);
  return answer;
}

response count(const request& asked) {
  return response::text(std::to_string(asked.body.size()) + "\n");
}

response status(const request& asked) {
  const std::optional<std::uint64_t> code = number(asked.param("code"));
  if (!code || *code < 200 || *code > 599) {
    return http::problem_response(400, "bad_status", "A status is a number from 200 to 599.");
  }
  response answer(static_cast<http::status_code>(*code));
  // What RFC 9110 wants to stand beside these.
  if (*code == 401) answer.header("WWW-Authenticate", "Basic realm=\"weir\"");
  if (*code == 405) answer.header("Allow", "GET, HEAD");
  if (*code == 407) answer.header("Proxy-Authenticate", "Basic realm=\"weir\"");
  if (*code == 416) answer.header("Content-Range", "bytes */0");
  if (*code == 503) answer.header("Retry-After", "1");
  if (http::is_bodiless(answer.status())) return answer;
  std::string text = std::to_string(*code);
  const std::string_view phrase = http::reason_phrase(answer.status());
  if (!phrase.empty()) text.append(" ").append(phrase);
  answer.set_body(text.append("\n"), http::text_plain);
  return answer;
}

task<error> stream(exchange& on) {
  response head;
  head.set_stream(std::nullopt, http::text_plain);
  const error begun = co_await on.begin(std::move(head));
  if (begun) co_return begun;
  constexpr int lines = 10;
  for (int i = 1; i <= lines; ++i) {
    const std::string line = "line " + std::to_string(i) + " of " + std::to_string(lines) + "\n";
    const error written = co_await on.write(line);
    if (written) co_return written;
  }
  const error finished = co_await on.finish();
  co_return finished;
}

task<error> delay(exchange& on) {
  const std::optional<std::uint64_t> wait_ms = number(on.head().param("ms"));
  if (!wait_ms || *wait_ms > delay_ms_max) {
    const error refused = co_await on.send(http::problem_response(
        400, "bad_delay", "A delay is a number of milliseconds from 0 to 60000."));
    co_return refused;
  }
  const time_ns wait_ns = static_cast<time_ns>(*wait_ms) * millisecond_ns;
  const error slept = co_await runtime::sleep_until(due_after(on.loop().now_ns(), wait_ns));
  if (slept) co_return slept;
  const error sent =
      co_await on.send(response::text("waited " + std::to_string(*wait_ms) + " ms\n"));
  co_return sent;
}

// Holds a worker for so long, as a slow query would, and looks now and then whether to go on.
response block(const request& asked, const http::stop_token& stop) {
  const std::optional<std::uint64_t> wait_ms = number(asked.param("ms"));
  if (!wait_ms || *wait_ms > delay_ms_max) {
    return http::problem_response(400, "bad_delay",
                                  "A delay is a number of milliseconds from 0 to 60000.");
  }
  std::uint64_t left_ms = *wait_ms;
  while (left_ms > 0 && !stop.stop_requested()) {
    const std::uint64_t step_ms = std::min<std::uint64_t>(left_ms, 10);
    std::this_thread::sleep_for(std::chrono::milliseconds(step_ms));
    left_ms -= step_ms;
  }
  return response::text("blocked for " + std::to_string(*wait_ms - left_ms) + " ms\n");
}

constexpr auto byte_pattern = [] {
  std::array<char, bytes_period * 256> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i % bytes_period);
  return bytes;
}();

task<error> bytes(exchange& on) {
  const std::optional<std::uint64_t> count = number(on.head().param("n"));
  if (!count || *count > bytes_max) {
    const error refused = co_await on.send(http::problem_response(
        400, "bad_count", "A count of bytes is a number from 0 to 1099511627776."));
    co_return refused;
  }
  response head;
  head.set_stream(count, http::application_octet_stream);
  const error begun = co_await on.begin(std::move(head));
  if (begun) co_return begun;
  // Whole periods each time, so every piece begins with byte 0 of the pattern.
  std::uint64_t left = on.head().verb == http::method::head ? 0 : *count;
  while (left > 0) {
    const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(left, byte_pattern.size()));
    const error written = co_await on.write(std::string_view(byte_pattern.data(), piece));
    if (written) co_return written;
    left -= piece;
  }
  const error finished = co_await on.finish();
  co_return finished;
}

constexpr demo_route demo_table[] = {
    {http::method::get, "/plaintext", "Hello, World!", "/plaintext", &plaintext, nullptr},
    {http::method::get, "/stream", "ten lines, chunked", "/stream", nullptr, &stream},
    {http::method::post, "/submit", "the body, echoed with its type", "", &submit, nullptr},
    {http::method::post, "/count", "how many bytes the body has", "", &count, nullptr},
    {http::method::get, "/echo/{text}", "that text", "/echo/hello", &echo, nullptr},
    {http::method::get, "/user-agent", "your User-Agent", "/user-agent", &user_agent, nullptr},
    {http::method::get, "/status/{code}", "that status, 200 to 599", "/status/404", &status,
     nullptr},
    {http::method::get, "/delay/{ms}", "an answer after so many milliseconds, 60000 at most",
     "/delay/500", nullptr, &delay},
    {http::method::get, "/block/{ms}", "the same by a thread of the pool, which is held so long",
     "/block/500", nullptr, nullptr, &block},
    {http::method::get, "/bytes/{n}", "so many bytes, streamed, 2^40 at most", "/bytes/1024",
     nullptr, &bytes},
    {http::method::get, "/healthz", "whether the server is up", "/healthz", &healthz, nullptr},
};

}  // namespace

std::span<const demo_route> demo_routes() noexcept {
  return demo_table;
}

error add_demo_routes(http::routes& to) {
  for (const demo_route& each : demo_table) {
    error why;
    if (each.plain != nullptr) {
      why = to.add(each.verb, each.pattern, http::plain_handler(each.plain));
    } else if (each.async != nullptr) {
      why = to.add(each.verb, each.pattern, http::coroutine_handler(each.async));
    } else {
      why = to.add_blocking(each.verb, each.pattern, http::blocking_handler(each.blocking));
    }
    if (why) return why;
  }
  return {};
}

}  // namespace weir::apps
