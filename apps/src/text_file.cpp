// apps/text_file.cpp - see the header.
#include "text_file.hpp"

#include <weir/platform/file.hpp>

namespace weir::apps {

namespace {

constexpr std::uint64_t text_bytes_max = 1024 * 1024;

}  // namespace

result<std::string> read_text(const std::string& path) {
  const result<file> opened = file::open_read(path);
  if (!opened.ok()) return opened.why();
  if (opened.value().size() > text_bytes_max) return error(errc::limit, "longer than 1 MiB");
  std::string text(static_cast<std::size_t>(opened.value().size()), '\0');
  std::size_t at = 0;
  while (at < text.size()) {
    const result<std::size_t> got = opened.value().read_at(
        at, {reinterpret_cast<std::byte*>(text.data()) + at, text.size() - at});
    if (!got.ok()) return got.why();
    if (got.value() == 0) break;  // it has become shorter
    at += got.value();
  }
  text.resize(at);
  return text;
}

std::string file_problem(error why) {
  switch (why.code) {
    case errc::not_found: return "there is no such file or folder";
    case errc::permission: return "this user may not";
    case errc::exists: return "there is one already";
    case errc::not_regular: return "it is no regular file";
    case errc::limit: return why.where;
    case errc::invalid: return why.where;
    default:
      return std::string(to_string(why.code)) + " (" + why.where + ", code " +
             std::to_string(why.os_code) + ")";
  }
}

}  // namespace weir::apps
