// tls/certificate.hpp - who we are (a certificate chain and its key), and whom we believe.
//
// Both are values over shared, immutable memory: copy them freely, use them from any thread. The
// memory ends with the last context and the last session that hold them, so a replaced certificate
// lives exactly as long as somebody still speaks under it. No key material ever reaches a log: an
// error names what is wrong, never what was read.
#pragma once

#include <memory>
#include <string_view>

#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>

namespace weir::tls {

struct identity_data;  // src/
struct anchor_data;

// A certificate chain, the leaf first, and the private key of the leaf.
class WEIR_EXPORT identity {
 public:
  // PEM text. Everything is checked here and nothing later: errc::malformed names the part that
  // cannot be read ("certificate chain", "private key"), errc::invalid says that the two do not
  // belong together, that the key is weak (less than RSA 2048 or P-256), or that the chain is
  // longer than the one record it is sent in (16 KiB, or what weir was built with:
  // WEIR_TLS_RECORD_BYTES). A chain with one certificate that cannot be read is refused whole.
  static result<identity> from_pem(std::string_view chain, std::string_view key) noexcept;

  const identity_data& data() const noexcept { return *data_; }

 private:
  explicit identity(std::shared_ptr<const identity_data> data) noexcept : data_(std::move(data)) {}
  std::shared_ptr<const identity_data> data_;
};

// The authorities a peer's certificate has to lead to. Empty (the default): nobody is believed.
class WEIR_EXPORT trust_anchors {
 public:
  trust_anchors() noexcept = default;
  // PEM text of one or more certificates; one that cannot be read refuses all: errc::malformed.
  static result<trust_anchors> from_pem(std::string_view text) noexcept;
  // Those that this system believes: a file of certificates on Linux, FreeBSD and macOS (where that
  // is what came with the system, not what was added to a keychain), the ROOT store on Windows.
  // Those among them that cannot be read here are left out: they vouch for nobody then. Waits for
  // the disk. errc::not_found: there is none; install the system's package of them.
  static result<trust_anchors> of_system() noexcept;

  bool empty() const noexcept { return data_ == nullptr; }
  const anchor_data* data() const noexcept { return data_.get(); }

 private:
  explicit trust_anchors(std::shared_ptr<const anchor_data> data) noexcept
      : data_(std::move(data)) {}
  std::shared_ptr<const anchor_data> data_;
};

}  // namespace weir::tls
