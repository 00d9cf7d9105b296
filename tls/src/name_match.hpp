// tls/name_match.hpp - the names of certificates and the names of hosts.
#pragma once

#include <string_view>

namespace weir::tls {

// Whether a certificate for `pattern` ("*.example.com") is one for `host`. RFC 6125 6.4.3.
bool name_matches(std::string_view pattern, std::string_view host) noexcept;

}  // namespace weir::tls
