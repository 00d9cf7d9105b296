// platform/windows/system_anchors.cpp - the store in which Windows keeps the authorities it
// believes.
#include <weir/platform/system_anchors.hpp>

#include <windows/headers.hpp>

#include <wincrypt.h>

#include <windows/last_error.hpp>

namespace weir::platform {

error read_system_anchors(void (*take)(void* context, byte_view bytes, anchor_form form) noexcept,
                          void* context) noexcept {
  const HCERTSTORE store = CertOpenSystemStoreW(0, L"ROOT");
  if (store == nullptr) return last_error("CertOpenSystemStore");
  bool any = false;
  // Each call frees the one before.
  for (const CERT_CONTEXT* each = CertEnumCertificatesInStore(store, nullptr); each != nullptr;
       each = CertEnumCertificatesInStore(store, each)) {
    if ((each->dwCertEncodingType & X509_ASN_ENCODING) == 0) continue;
    any = true;
    take(context, {reinterpret_cast<const std::byte*>(each->pbCertEncoded), each->cbCertEncoded},
         anchor_form::der);
  }
  CertCloseStore(store, 0);
  if (!any) return {errc::not_found, "authorities of the system"};
  return {};
}

}  // namespace weir::platform
