// platform/abi.hpp - the four tables against the figures of the specification, on one machine.
#include <array>
#include <cstddef>

#include <catch_amalgamated.hpp>

#include <weir/platform/abi.hpp>
#include <weir/platform/abi_darwin.hpp>
#include <weir/platform/abi_freebsd.hpp>
#include <weir/platform/abi_linux.hpp>
#include <weir/platform/abi_windows.hpp>
#include <weir/platform/address.hpp>

namespace {

using weir::platform::address_layout;
namespace p = weir::platform;

std::array<unsigned, 2> head(const address_layout& layout, int family, std::size_t size) {
  std::array<std::byte, 112> bytes{};
  p::write_address_head(layout, family, size, bytes);
  CHECK(p::read_address_family(layout, bytes) == family);
  return {std::to_integer<unsigned>(bytes[0]), std::to_integer<unsigned>(bytes[1])};
}

using pair = std::array<unsigned, 2>;

}  // namespace

TEST_CASE("abi: the first two bytes of an address are family, or length and family on BSD",
          "[platform]") {
  const address_layout& linux_ = p::abi_linux::address;
  CHECK(head(linux_, linux_.family_ipv4, linux_.ipv4.bytes) == pair{2, 0});
  CHECK(head(linux_, linux_.family_ipv6, linux_.ipv6.bytes) == pair{10, 0});
  CHECK(head(linux_, linux_.family_unix, 20) == pair{1, 0});

  const address_layout& darwin = p::abi_darwin::address;
  CHECK(head(darwin, darwin.family_ipv4, darwin.ipv4.bytes) == pair{16, 2});
  CHECK(head(darwin, darwin.family_ipv6, darwin.ipv6.bytes) == pair{28, 30});
  CHECK(head(darwin, darwin.family_unix, 20) == pair{20, 1});

  const address_layout& freebsd = p::abi_freebsd::address;
  CHECK(head(freebsd, freebsd.family_ipv4, freebsd.ipv4.bytes) == pair{16, 2});
  CHECK(head(freebsd, freebsd.family_ipv6, freebsd.ipv6.bytes) == pair{28, 28});
  CHECK(head(freebsd, freebsd.family_unix, 20) == pair{20, 1});

  const address_layout& windows = p::abi_windows::address;
  CHECK(head(windows, windows.family_ipv4, windows.ipv4.bytes) == pair{2, 0});
  CHECK(head(windows, windows.family_ipv6, windows.ipv6.bytes) == pair{23, 0});
  CHECK(head(windows, windows.family_unix, 20) == pair{1, 0});
}

TEST_CASE("abi: a family is not read from bytes that are too few to hold one", "[platform]") {
  for (const address_layout* layout : {&p::abi_linux::address, &p::abi_darwin::address,
                                       &p::abi_freebsd::address, &p::abi_windows::address}) {
    const std::array<std::byte, 1> one{std::byte{2}};
    CHECK(p::read_address_family(*layout, one) == layout->family_unspecified);
  }
}

TEST_CASE("abi: storage for a mutex and a condition is what each system's page says",
          "[platform]") {
  CHECK(p::abi_darwin::mutex_storage.bytes == 64);
  CHECK(p::abi_darwin::condition_storage.bytes == 48);
  CHECK(p::abi_freebsd::mutex_storage.bytes == 8);
  CHECK(p::abi_freebsd::condition_storage.bytes == 8);
  CHECK(p::abi_windows::mutex_storage.bytes == 8);
  CHECK(p::abi_windows::condition_storage.bytes == 8);
  CHECK(p::abi_linux::condition_storage.bytes == 48);
}
