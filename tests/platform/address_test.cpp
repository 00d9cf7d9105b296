// platform/address.hpp - strict text in, canonical text out, system bytes inside.
#include <array>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>

#include <catch_amalgamated.hpp>

#include <weir/platform/abi.hpp>
#include <weir/platform/address.hpp>

using weir::address;
using weir::address_family;
using weir::errc;
using namespace std::string_view_literals;

namespace {

std::string printed(std::string_view text) {
  const weir::result<address> a = address::parse(text);
  if (!a.ok()) return std::string("refused: ") + a.why().where;
  return a.value().to_string();
}

bool refused(std::string_view text) {
  return !address::parse(text).ok();
}

unsigned byte_at(const address& a, std::size_t at) {
  return std::to_integer<unsigned>(a.data()[at]);
}

}  // namespace

TEST_CASE("address: reads what people write", "[platform]") {
  CHECK(printed("127.0.0.1:8080") == "127.0.0.1:8080");
  CHECK(printed("0.0.0.0:0") == "0.0.0.0:0");
  CHECK(printed("255.255.255.255:65535") == "255.255.255.255:65535");
  CHECK(printed("[::1]:0") == "[::1]:0");
  CHECK(printed("[::]:443") == "[::]:443");
  CHECK(printed("[fe80::1%3]:80") == "[fe80::1%3]:80");
  CHECK(printed("unix:/run/weir.sock") == "unix:/run/weir.sock");
  CHECK(printed("unix:relative name") == "unix:relative name");
  CHECK(printed("unix:/run/caf\xc3\xa9") == "unix:/run/caf\xc3\xa9");
}

TEST_CASE("address: prints IPv6 as RFC 5952 says", "[platform]") {
  CHECK(printed("[2001:DB8:0:0:0:0:0:1]:1") == "[2001:db8::1]:1");
  CHECK(printed("[2001:db8:0:1:1:1:1:1]:1") == "[2001:db8:0:1:1:1:1:1]:1");
  CHECK(printed("[2001:0:0:1:0:0:0:1]:1") == "[2001:0:0:1::1]:1");
  CHECK(printed("[2001:db8:0:0:1:0:0:1]:1") == "[2001:db8::1:0:0:1]:1");
  CHECK(printed("[1:0:0:0:0:0:0:0]:1") == "[1::]:1");
  CHECK(printed("[0:0:0:0:0:0:0:1]:1") == "[::1]:1");
  CHECK(printed("[0001:0020:0300:4000::]:1") == "[1:20:300:4000::]:1");
  CHECK(printed("[1:2:3:4:5:6:7::]:1") == "[1:2:3:4:5:6:7:0]:1");
  CHECK(printed("[::ffff:192.0.2.1]:1") == "[::ffff:192.0.2.1]:1");
  CHECK(printed("[::ffff:c000:201]:1") == "[::ffff:192.0.2.1]:1");
  CHECK(printed("[64:ff9b::192.0.2.33]:1") == "[64:ff9b::c000:221]:1");
  CHECK(printed("[1:2:3:4:5:6:7.8.9.10]:1") == "[1:2:3:4:5:6:708:90a]:1");
}

TEST_CASE("address: a port is a number from 0 to 65535 in its one spelling", "[platform]") {
  for (const std::string_view port :
       {"65536", "-1", "+80", " 80", "80 ", "080", "00", "", "8o", "0x50", "99999999999",
        "18446744073709551617", "80/", "80\n"}) {
    INFO(port);
    CHECK(refused("127.0.0.1:" + std::string(port)));
    CHECK(refused("[::1]:" + std::string(port)));
  }
  CHECK(printed("127.0.0.1:65536") ==
        "refused: address: the port must be a number from 0 to 65535");
}

TEST_CASE("address: IPv4 in any spelling but four decimals is refused, whatever inet_aton thinks",
          "[platform]") {
  for (const std::string_view host :
       {"",          "1",         "1.2",        "1.2.3",
        "127.1",     "1.2.3.4.5", "256.0.0.1",  "1.2.3.256",
        "01.2.3.4",  "1.2.3.04",  "0x7f.0.0.1", "2130706433",
        "1.2.3.",    ".1.2.3",    "1..2.3",     "1.2.3.4.",
        "+1.2.3.4",  " 1.2.3.4",  "1.2.3.4 ",   "1.2.3.-4",
        "localhost", "*",         "1,2,3,4",    "99999999999999999999.1.1.1"}) {
    INFO(host);
    CHECK(refused(std::string(host) + ":80"));
  }
}

TEST_CASE("address: IPv6 that breaks its grammar is refused", "[platform]") {
  for (const std::string_view host : {"",
                                      ":",
                                      ":::",
                                      "1",
                                      "1:2",
                                      "1:2:3:4:5:6:7",
                                      "1:2:3:4:5:6:7:8:9",
                                      "1:2:3:4:5:6:7:",
                                      ":1:2:3:4:5:6:7",
                                      "1::2::3",
                                      "::1::",
                                      "1:2:3:4::5:6:7:8",
                                      "12345::",
                                      "g::",
                                      "::1.2.3",
                                      "::1.2.3.4.5",
                                      "::1.2.3.4:5",
                                      "1:2:3:4:5:6:7:1.2.3.4",
                                      "::01.2.3.4",
                                      "::-1",
                                      " ::1",
                                      "::1 ",
                                      "::1%",
                                      "::1%eth0",
                                      "::1%0",
                                      "::1%03",
                                      "::1%-1",
                                      "::1%4294967296",
                                      "::1%1%2",
                                      "127.0.0.1"}) {
    INFO(host);
    CHECK(refused("[" + std::string(host) + "]:80"));
  }
  CHECK(refused("::1:80"));
  CHECK(refused("[::1]"));
  CHECK(refused("[::1]80"));
  CHECK(refused("[::1:80"));
  CHECK(refused("[::1]]:80"));
  CHECK(refused("[[::1]]:80"));
}

TEST_CASE("address: a NUL anywhere is refused, never the end of the text", "[platform]") {
  CHECK(refused("127.0.0.1:80\0"sv));
  CHECK(refused("127.0.0.1\0:80"sv));
  CHECK(refused("\0"sv));
  CHECK(refused("[::1\0]:80"sv));
  CHECK(refused("unix:/run/a\0b"sv));
  CHECK(refused("unix:\0abstract"sv));
  CHECK_FALSE(address::unix_path("/run/a\0b"sv).ok());
}

TEST_CASE("address: text that is too long or too little is refused with a reason", "[platform]") {
  CHECK(refused(""));
  CHECK(refused("127.0.0.1"));
  CHECK(refused(":"));
  CHECK(refused(":80"));
  CHECK(refused(std::string(64, '1') + ":80"));
  CHECK(refused(std::string(64, '1')));
  CHECK(refused("[" + std::string(100'000, ':') + "]:80"));
  CHECK(refused("127.0.0.1:" + std::string(100'000, '0')));
  CHECK(printed("[::1]") == "refused: address: no :port after ]");
  CHECK(printed("example.org:80").starts_with("refused: address: the host is not an IPv4"));
}

TEST_CASE("address: a Unix path one short of SUN_PATH_MAX is kept whole, one more is refused",
          "[platform]") {
  const std::size_t sun_path_max = weir::platform::abi::address.unix_path.bytes;
  const std::string longest = "/" + std::string(sun_path_max - 2, 'a');
  const weir::result<address> kept = address::parse("unix:" + longest);
  REQUIRE(kept.ok());
  CHECK(kept.value().path() == longest);
  CHECK(kept.value().to_string() == "unix:" + longest);
  CHECK(kept.value().size() == weir::platform::abi::address.unix_name.bytes);
  CHECK(byte_at(kept.value(), kept.value().size() - 1) == 0);

  const weir::result<address> over = address::parse("unix:" + longest + "a");
  REQUIRE_FALSE(over.ok());
  CHECK(over.why() == errc::limit);
  CHECK(refused("unix:" + std::string(100'000, 'a')));
}

TEST_CASE("address: a Unix path that is empty or could forge a log line is refused", "[platform]") {
  CHECK(refused("unix:"));
  CHECK(refused("unix:/run/a\nb"));
  CHECK(refused("unix:/run/\x1b[2J"));
  CHECK(refused("unix:/run/\x7f"));
}

TEST_CASE("address: the bytes are the system's sockaddr", "[platform]") {
  const weir::platform::address_layout& layout = weir::platform::abi::address;
  const address four = address::ipv4({192, 0, 2, 7}, 0x1234);
  CHECK(four.size() == 16);
  CHECK(byte_at(four, layout.family.offset) == 2);
  CHECK(byte_at(four, 2) == 0x12);
  CHECK(byte_at(four, 3) == 0x34);
  CHECK(byte_at(four, 4) == 192);
  CHECK(byte_at(four, 7) == 7);
  const address six = address::parse("[fe80::1%3]:80").value();
  CHECK(six.size() == 28);
  CHECK(byte_at(six, layout.family.offset) == static_cast<unsigned>(layout.family_ipv6));
  CHECK(byte_at(six, 8) == 0xfe);
  CHECK(byte_at(six, 23) == 1);
  CHECK(byte_at(six, 24) == 3);
  const address name = address::unix_path("/a").value();
  CHECK(name.size() == 5);
  if (layout.has_length) {
    CHECK(byte_at(four, 0) == 16);
    CHECK(byte_at(six, 0) == 28);
    CHECK(byte_at(name, 0) == 5);
  }
  CHECK(reinterpret_cast<std::uintptr_t>(four.data()) % layout.largest.align == 0);
}

TEST_CASE("address: what the system returns equals what was made, whatever fills its padding",
          "[platform]") {
  for (const std::string_view text : {"192.0.2.1:65535", "[2001:db8::7%9]:1", "unix:/tmp/x"}) {
    INFO(text);
    const address made = address::parse(text).value();
    std::array<std::byte, 128> storage;
    storage.fill(std::byte{0xee});
    std::memcpy(storage.data(), made.data(), made.size());
    if (made.family() == address_family::ipv4) storage[8] = storage[15] = std::byte{0xee};
    if (made.family() == address_family::ipv6) storage[5] = std::byte{0xee};  // flow label
    const weir::result<address> back = address::from_system(std::span(storage).first(made.size()));
    REQUIRE(back.ok());
    CHECK(back.value() == made);
  }
}

TEST_CASE("address: Unix peers without a path print and compare, and are no path", "[platform]") {
  const weir::platform::address_layout& layout = weir::platform::abi::address;
  std::array<std::byte, 112> bytes{};
  weir::platform::write_address_head(layout, layout.family_unix, layout.unix_path.offset, bytes);
  const address unnamed =
      address::from_system(std::span(bytes).first(layout.unix_path.offset)).value();
  CHECK(unnamed.family() == address_family::unix_path);
  CHECK(unnamed.path().empty());
  CHECK(unnamed.to_string() == "unix:");
  CHECK(unnamed.is_loopback());
  if (layout.unix_abstract) {
    std::memcpy(bytes.data() + layout.unix_path.offset, "\0ab\n", 4);
    const address abstract_name =
        address::from_system(std::span(bytes).first(layout.unix_path.offset + 4)).value();
    CHECK(abstract_name.path().empty());
    CHECK(abstract_name.to_string() == "unix:@ab?");
    CHECK_FALSE(abstract_name == unnamed);
  }
  // A path that fills sun_path comes back without a NUL.
  for (std::size_t i = 0; i < layout.unix_path.bytes; ++i) {
    bytes[layout.unix_path.offset + i] = std::byte{'p'};
  }
  const weir::result<address> full =
      address::from_system(std::span(bytes).first(layout.unix_name.bytes));
  REQUIRE(full.ok());
  CHECK(full.value().path() == std::string(layout.unix_path.bytes, 'p'));
}

TEST_CASE("address: bytes that are cut short or of a strange family are refused", "[platform]") {
  const address four = address::loopback_ipv4(80);
  const address six = address::loopback_ipv6(80);
  for (std::size_t n = 0; n < four.size(); ++n) {
    CHECK_FALSE(address::from_system({four.data(), n}).ok());
  }
  for (std::size_t n = 0; n < six.size(); ++n) {
    CHECK_FALSE(address::from_system({six.data(), n}).ok());
  }
  std::array<std::byte, 128> strange;
  strange.fill(std::byte{0x77});
  CHECK(address::from_system(strange).why() == errc::family_unsupported);
}

TEST_CASE("address: loopback, any, mapped, port", "[platform]") {
  CHECK(address::parse("127.9.9.9:1").value().is_loopback());
  CHECK(address::parse("[::1]:1").value().is_loopback());
  CHECK(address::parse("[::ffff:127.0.0.1]:1").value().is_loopback());
  CHECK_FALSE(address::parse("128.0.0.1:1").value().is_loopback());
  CHECK_FALSE(address::parse("[::2]:1").value().is_loopback());
  CHECK_FALSE(address().is_loopback());
  CHECK(address::any_ipv4(1).is_any());
  CHECK(address::any_ipv6(1).is_any());
  CHECK_FALSE(address::loopback_ipv4(1).is_any());
  const address mapped = address::parse("[::ffff:192.0.2.9]:77").value();
  CHECK(mapped.is_ipv4_mapped());
  CHECK(mapped.unmapped() == address::ipv4({192, 0, 2, 9}, 77));
  CHECK(address::loopback_ipv6(5).with_port(6) == address::loopback_ipv6(6));
  CHECK_FALSE(address::loopback_ipv6(5) == address::loopback_ipv6(6));
  CHECK_FALSE(address::any_ipv4(5) == address::any_ipv6(5));
  const address name = address::unix_path("/x").value();
  CHECK(name.with_port(9) == name);
  CHECK(name.port() == 0);
  CHECK(address().family() == address_family::none);
  CHECK(address().size() == 0);
  CHECK(address().to_string() == "none");
}

TEST_CASE("address: text that does not fit its buffer is not cut", "[platform]") {
  const address a = address::parse("[2001:db8::1]:8080").value();
  std::array<char, 18> exact{};
  CHECK(a.to_text(exact) == "[2001:db8::1]:8080");
  CHECK(a.to_text(std::span(exact).first(17)).empty());
  CHECK(a.to_text({}).empty());
}

TEST_CASE("address: whatever is printed is read back as the same address", "[platform]") {
  std::mt19937_64 random(20'240'607);
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t kind = random() % 3;
    address a;
    if (kind == 0) {
      const std::uint64_t r = random();
      a = address::ipv4({static_cast<std::uint8_t>(r), static_cast<std::uint8_t>(r >> 8),
                         static_cast<std::uint8_t>(r >> 16), static_cast<std::uint8_t>(r >> 24)},
                        static_cast<std::uint16_t>(r >> 32));
    } else if (kind == 1) {
      std::array<std::uint8_t, 16> bytes{};
      // Many zeros, so that every shape of "::" comes up.
      for (std::uint8_t& b : bytes) b = random() % 3 == 0 ? static_cast<std::uint8_t>(random()) : 0;
      if (random() % 8 == 0) {
        for (std::size_t k = 0; k < 10; ++k) bytes[k] = 0;
        bytes[10] = bytes[11] = 0xff;
      }
      const std::uint32_t scope = random() % 2 == 0 ? 0 : static_cast<std::uint32_t>(random());
      a = address::ipv6(bytes, static_cast<std::uint16_t>(random()), scope);
    } else {
      std::string path(1 + random() % address::unix_path_bytes_max, 'x');
      for (char& c : path) c = static_cast<char>(0x20 + random() % 95);
      a = address::unix_path(path).value();
    }
    const std::string text = a.to_string();
    CAPTURE(text);
    const weir::result<address> back = address::parse(text);
    REQUIRE(back.ok());
    REQUIRE(back.value() == a);
    REQUIRE(address::from_system({a.data(), a.size()}).value() == a);
  }
}

TEST_CASE("address: damaged text never becomes another spelling of an address", "[platform]") {
  // Whatever parse accepts prints to a text that means the same, so no two readers disagree.
  std::mt19937_64 random(7);
  const std::string seeds[] = {"127.0.0.1:8080", "[fe80::1:2%3]:80", "[::ffff:1.2.3.4]:0",
                               "unix:/run/x"};
  const std::string_view alphabet = "0123456789abcdefABCDEF:.[]%/-+ x\n";
  int accepted = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string text = seeds[random() % 4];
    for (std::uint64_t n = 1 + random() % 3; n > 0; --n) {
      const std::size_t at = random() % text.size();
      const char c = alphabet[random() % alphabet.size()];
      switch (random() % 3) {
        case 0: text[at] = c; break;
        case 1: text.insert(at, 1, c); break;
        default: text.erase(at, 1); break;
      }
      if (text.empty()) text = ":";
    }
    const weir::result<address> a = address::parse(text);
    if (!a.ok()) continue;
    ++accepted;
    CAPTURE(text);
    REQUIRE(address::parse(a.value().to_string()).value() == a.value());
  }
  CHECK(accepted > 100);
}
