// apps/file_routes.cpp - see the header.
#include "file_routes.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <weir/http/date.hpp>
#include <weir/http/problem.hpp>
#include <weir/runtime/scheduler.hpp>

#include "media_type.hpp"

namespace weir::apps {

namespace {

result<file> open_visible(const directory_root& folder, std::string_view path) noexcept {
  if (is_hidden(path)) return error(errc::not_found, "hidden");
  return folder.open_beneath(path);
}

http::response why_not(error why) {
  switch (why.code) {
    case errc::handles_exhausted:
    case errc::memory_exhausted: return http::problem_response(http::problems::overloaded);
    default: return http::problem_response(http::problems::not_found);
  }
}

void add_fields(http::response& head, const file& source, std::int64_t now) {
  // Never later than Date (RFC 9110 8.8.2.1), whatever the clock of the folder says.
  std::array<char, http::date_bytes> modified;
  http::format_date(std::min(source.modified_unix_seconds(), now), modified);
  head.header("Last-Modified", std::string_view(modified.data(), modified.size()));
  head.header("X-Content-Type-Options", "nosniff");
}

runtime::task<error> send_file(http::exchange& on, const directory_root& folder) {
  const std::string_view path = on.head().param("path");
  const result<file> opened = open_visible(folder, path);
  if (!opened.ok()) {
    const error refused = co_await on.send(why_not(opened.why()));
    co_return refused;
  }
  const file& source = opened.value();
  http::response head;
  add_fields(head, source, on.loop().poller().unix_seconds());
  const error sent = co_await on.send_file(std::move(head), source, media_type(path));
  co_return sent;
}

}  // namespace

bool is_hidden(std::string_view path) noexcept {
  constexpr std::string_view well_known = ".well-known/";
  if (path.starts_with(well_known)) path.remove_prefix(well_known.size());
  return path.starts_with('.') || path.find("/.") != std::string_view::npos;
}

error add_file_routes(http::routes& to, const directory_root& folder) {
  return to.get_async("/files/{path...}",
                      [&folder](http::exchange& on) { return send_file(on, folder); });
}

}  // namespace weir::apps
