// tls/secret_text.cpp - see the header.
#include "secret_text.hpp"

#include <cstdint>

#include <mbedtls/platform_util.h>

namespace weir::tls {

namespace {

constexpr std::uint64_t bytes_max = 1024 * 1024;

}  // namespace

secret_text::~secret_text() {
  if (bytes_ != nullptr) mbedtls_platform_zeroize(bytes_.get(), count_);
}

result<secret_text> secret_text::read(const std::string& path, readers allowed) {
  const result<file> opened = file::open_read(path);
  if (!opened.ok()) return opened.why();
  if (allowed == readers::owner_alone && opened.value().open_to_others()) {
    return error(errc::invalid,
                 "others may read or write it; it has to be for its owner alone (chmod 600)");
  }
  if (opened.value().size() > bytes_max) return error(errc::limit, "longer than 1 MiB");
  secret_text text(static_cast<std::size_t>(opened.value().size()));
  std::size_t at = 0;
  while (at < text.count_) {
    const result<std::size_t> got = opened.value().read_at(
        at, {reinterpret_cast<std::byte*>(text.bytes_.get()) + at, text.count_ - at});
    if (!got.ok()) return got.why();
    if (got.value() == 0) break;  // it has become shorter
    at += got.value();
  }
  text.count_ = at;
  return text;
}

}  // namespace weir::tls
