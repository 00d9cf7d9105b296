// apps/redirect_routes.cpp - see the header.
#include "redirect_routes.hpp"

#include <memory>
#include <utility>

namespace weir::apps {

namespace {

runtime::task<error> send_redirect(http::exchange& on, const std::string& authority) {
  http::response answer;
  answer.set_status(308);
  answer.header("Location", redirect_location(authority, on.head().target));
  answer.header("Cache-Control", "no-store");
  answer.set_body_view("This is served by https.\n");
  const error sent = co_await on.send(std::move(answer));
  co_return sent;
}

}  // namespace

std::string redirect_location(std::string_view authority, std::string_view target) {
  std::string to("https://");
  to += authority;
  if (!target.starts_with('/')) {
    // In absolute-form, with a host that is left behind.
    const std::size_t host = target.find("://");
    const std::size_t rest =
        host == std::string_view::npos ? host : target.find_first_of("/?", host + 3);
    target = rest == std::string_view::npos ? std::string_view{} : target.substr(rest);
    if (!target.starts_with('/')) to += '/';
  }
  to += target;
  return to;
}

error add_redirect_routes(http::routes& to, std::string authority) {
  const auto shared = std::make_shared<const std::string>(std::move(authority));
  for (const http::method verb :
       {http::method::get, http::method::post, http::method::put, http::method::delete_,
        http::method::patch, http::method::options}) {
    const http::coroutine_handler run = [shared](http::exchange& on) {
      return send_redirect(on, *shared);
    };
    if (error why = to.add(verb, "/{path...}", run)) return why;
  }
  return {};
}

}  // namespace weir::apps
