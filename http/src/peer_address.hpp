// http/peer_address.hpp - the address of a peer in the room an IP address needs.
//
// A connection keeps one for as long as it lives, and nearly all of `address` is the path of a
// Unix-domain socket. A peer that bound one is rare: its address stands on the heap, and is told
// without its path when there is no memory.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include <weir/platform/abi.hpp>
#include <weir/platform/address.hpp>

namespace weir::http {

class peer_address {
 public:
  explicit peer_address(const address& of) noexcept {
    if (of.size() > bytes_.size()) {
      long_.reset(new (std::nothrow) address(of));
      if (long_ != nullptr) return;
    }
    size_ = static_cast<std::uint32_t>(std::min(of.size(), family_bytes(of)));
    std::copy_n(of.data(), size_, bytes_.begin());
  }

  address get() const noexcept {
    if (long_ != nullptr) return *long_;
    const result<address> read = address::from_system({bytes_.data(), size_});
    return read.ok() ? read.value() : address();
  }

 private:
  static constexpr std::size_t bytes_max =
      std::max<std::size_t>(platform::abi::address.ipv4.bytes, platform::abi::address.ipv6.bytes);
  // Of a Unix-domain address that does not fit, the family alone: a peer without a name.
  static std::size_t family_bytes(const address& of) noexcept {
    return of.size() <= bytes_max ? of.size() : platform::abi::address.unix_path.offset;
  }

  std::unique_ptr<address> long_;
  std::array<std::byte, bytes_max> bytes_{};
  std::uint32_t size_ = 0;
};

}  // namespace weir::http
