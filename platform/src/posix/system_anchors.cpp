// platform/posix/system_anchors.cpp - the file in which a system keeps the authorities it believes.
#include <weir/platform/system_anchors.hpp>

#include <cstddef>
#include <memory>
#include <new>

#include <weir/platform/file.hpp>

namespace weir::platform {
namespace {

constexpr const char* bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Arch, Alpine
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Fedora, RHEL
    "/etc/pki/tls/certs/ca-bundle.crt",                   // the same, earlier
    "/etc/ssl/ca-bundle.pem",                             // openSUSE
    "/etc/ssl/cert.pem",                                  // macOS, FreeBSD, OpenBSD
    "/usr/local/share/certs/ca-root-nss.crt",             // FreeBSD, by its package
};
// They are some 250 KiB.
constexpr std::uint64_t bundle_bytes_max = 16 * 1024 * 1024;

}  // namespace

error read_system_anchors(void (*take)(void* context, byte_view bytes, anchor_form form) noexcept,
                          void* context) noexcept {
  for (const char* const path : bundles) {
    const result<file> opened = file::open_read(path);
    if (!opened.ok()) continue;
    if (opened.value().size() > bundle_bytes_max) return {errc::limit, "authorities of the system"};
    const auto count = static_cast<std::size_t>(opened.value().size());
    const std::unique_ptr<std::byte[]> bytes(new (std::nothrow) std::byte[count]);
    if (bytes == nullptr) return {errc::memory_exhausted, "authorities of the system"};
    std::size_t at = 0;
    while (at < count) {
      const result<std::size_t> got = opened.value().read_at(at, {bytes.get() + at, count - at});
      if (!got.ok()) return got.why();
      if (got.value() == 0) break;
      at += got.value();
    }
    take(context, {bytes.get(), at}, anchor_form::pem);
    return {};
  }
  return {errc::not_found, "authorities of the system"};
}

}  // namespace weir::platform
