// apps/redirect_routes.hpp - whoever asks plainly is told where it is served with protection.
#pragma once

#include <string>
#include <string_view>

#include <weir/http/handler.hpp>

namespace weir::apps {

// Where a request-target is found at `authority`: "https://" and that, then path and query as they
// were sent. Never the host that the peer named: a redirect to wherever a peer likes is a tool for
// those who send links to others.
std::string redirect_location(std::string_view authority, std::string_view target);

// Every path and method: 308 (RFC 9110 15.4.9: the method is kept) without reading the body. Not to
// be stored: who turns TLS off again shall not find clients that remember.
error add_redirect_routes(http::routes& to, std::string authority);

}  // namespace weir::apps
