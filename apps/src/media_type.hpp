// apps/media_type.hpp - what a file is, by the end of its name.
#pragma once

#include <string_view>

namespace weir::apps {

// A Content-Type in static storage; application/octet-stream for what the table does not know.
// The case of the extension does not matter.
std::string_view media_type(std::string_view file_name) noexcept;

}  // namespace weir::apps
