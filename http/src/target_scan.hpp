// http/target_scan.hpp - parse_target() for who has the target's bytes classified already.
#pragma once

#include <span>
#include <string_view>

#include <weir/http/target.hpp>

#include "class_scan.hpp"

namespace weir::http::detail {

// As parse_target(). `scan` walks `target_classes` over a text that holds `raw` and ends with it,
// or goes on with a byte that no target has.
refusal parse_target_in(method verb, std::string_view raw, bool secure, std::span<char> scratch,
                        class_scan& scan, target_parts& out) noexcept;

}  // namespace weir::http::detail
