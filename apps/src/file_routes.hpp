// apps/file_routes.hpp - GET /files/{path...}: the files of one folder, by the system's own copy.
//
// Served: regular files under the folder, whatever links inside it lead to inside it. Not served,
// with the same 404 as what is not there: folders (there are no listings), everything outside, and
// hidden files: a path with a part that begins with a dot, because a folder that is served tends to
// hold a .git or .env that nobody meant. `.well-known` at the front is the exception (RFC 8615).
#pragma once

#include <string_view>

#include <weir/http/handler.hpp>
#include <weir/platform/file.hpp>

namespace weir::apps {

// Whether a path is refused because part of it begins with a dot.
bool is_hidden(std::string_view path) noexcept;

// `folder` outlives the routes and the servers that use them.
error add_file_routes(http::routes& to, const directory_root& folder);

}  // namespace weir::apps
