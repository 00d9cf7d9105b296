// platform/resolver.hpp - numbers without a question, and hosts that are refused before one.
#include <array>
#include <span>
#include <string>
#include <string_view>

#include <catch_amalgamated.hpp>

#include <weir/platform/resolver.hpp>

using weir::address;
using weir::errc;
using weir::platform::resolve_blocking;
using namespace std::string_view_literals;

TEST_CASE("resolver: a numeric host is its own answer", "[platform]") {
  std::array<address, 4> out;
  REQUIRE(resolve_blocking("192.0.2.1", 80, out).value() == 1);
  CHECK(out[0] == address::parse("192.0.2.1:80").value());
  REQUIRE(resolve_blocking("fe80::1%3", 443, out).value() == 1);
  CHECK(out[0] == address::parse("[fe80::1%3]:443").value());
}

TEST_CASE("resolver: localhost is this machine, each address once, with the port asked for",
          "[platform]") {
  std::array<address, 8> out;
  const weir::result<std::size_t> count = resolve_blocking("localhost", 8'080, out);
  REQUIRE(count.ok());
  REQUIRE(count.value() >= 1);
  for (std::size_t i = 0; i < count.value(); ++i) {
    CHECK(out[i].is_loopback());
    CHECK(out[i].port() == 8'080);
    for (std::size_t k = 0; k < i; ++k) CHECK_FALSE(out[i] == out[k]);
  }
  CHECK(resolve_blocking("localhost", 1, std::span(out).first(1)).value() == 1);
}

TEST_CASE("resolver: numbers in the spellings of inet_aton are not let through to it",
          "[platform]") {
  // getaddrinfo reads all of these as 127.0.0.1, past any check made on the text.
  std::array<address, 4> out;
  for (const std::string_view host :
       {"127.1", "127.0.1", "2130706433", "0x7f.0.0.1", "0x7f000001", "0177.0.0.1", "127.0.0.1.",
        "127.0.0.0x1", "0X7F.1", "1.2.3.4.5", "0x"}) {
    INFO(host);
    const weir::result<std::size_t> count = resolve_blocking(host, 80, out);
    REQUIRE_FALSE(count.ok());
    CHECK(count.why() == errc::malformed);
    CHECK(std::string_view(count.why().where).starts_with("host:"));
  }
}

TEST_CASE("resolver: what is no host name is refused without asking anybody", "[platform]") {
  std::array<address, 4> out;
  const std::string hosts[] = {"",
                               ".",
                               "..",
                               "a..b",
                               ".a",
                               "a b",
                               "a/b",
                               "a:b",
                               "[::1]",
                               "::1%eth0",
                               "a%b",
                               "user@host",
                               "caf\xc3\xa9.example",
                               "localhost\n",
                               std::string("localhost\0", 10),
                               std::string("\0", 1),
                               std::string(64, 'a') + ".example",
                               std::string(254, 'a'),
                               std::string(100'000, 'a')};
  for (const std::string& host : hosts) {
    INFO(host.substr(0, 80));
    const weir::result<std::size_t> count = resolve_blocking(host, 80, out);
    REQUIRE_FALSE(count.ok());
    CHECK(count.why() == errc::malformed);
  }
  std::string longest;
  while (longest.size() < 253) longest += "a.";
  CHECK(resolve_blocking(longest + "aa", 80, out).why() == errc::malformed);
}

TEST_CASE("resolver: no room for an answer is an error, not a silent nothing", "[platform]") {
  CHECK(resolve_blocking("127.0.0.1", 80, {}).why() == errc::invalid);
}
