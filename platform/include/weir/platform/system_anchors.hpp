// platform/system_anchors.hpp - the certificates of the authorities that this system believes.
#pragma once

#include <weir/platform/bytes.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>

namespace weir::platform {

// Linux, FreeBSD and macOS: the first there is of the files in which they keep them, as PEM text,
// in one call. On macOS those that came with it, not what somebody added to a keychain. Windows:
// the ROOT store of this user and machine, one certificate a call, in DER.
enum class anchor_form : bool { der, pem };

// Calls `take` with what there is; the bytes are the caller's for the call only. errc::not_found:
// there is nothing where such systems have it. Waits for the disk. Any thread.
WEIR_EXPORT error read_system_anchors(void (*take)(void* context, byte_view bytes,
                                                   anchor_form form) noexcept,
                                      void* context) noexcept;

}  // namespace weir::platform
