#include <array>
#include <memory>
#include <string>
#include <vector>

#include <catch_amalgamated.hpp>

#include "ticket_sealer.hpp"

using namespace weir;
using tls::digest;
using tls::ticket_keys;
using tls::ticket_sealer;

namespace {

constexpr std::uint32_t lifetime = 3'600;
constexpr std::int64_t start = 1'700'000'000;

digest filled(int with) {
  digest made{};
  made.fill(static_cast<std::byte>(with));
  return made;
}

const digest ours = filled(1);
const digest host = filled(7);

std::string line_of(char digit) {
  return std::string(64, digit) + "\n";
}

ticket_keys keys_of(const std::string& text) {
  result<ticket_keys> got = ticket_keys::from_text(text);
  INFO(got.why().where);
  REQUIRE(got.ok());
  return std::move(got).value();
}

std::unique_ptr<ticket_sealer> sealer(const ticket_keys& keys, const digest& configuration = ours) {
  auto made = std::make_unique<ticket_sealer>();
  REQUIRE_FALSE(made->set_up(keys, configuration, lifetime, start));
  return made;
}

std::vector<std::byte> seal(ticket_sealer& with, std::string_view state, std::int64_t now = start) {
  std::vector<std::byte> room(state.size() + ticket_sealer::overhead_bytes);
  const byte_view bytes = as_bytes(state);
  std::copy(bytes.begin(), bytes.end(), room.begin() + ticket_sealer::head_bytes);
  const result<std::size_t> size = with.seal(room, state.size(), host, now);
  REQUIRE(size.ok());
  REQUIRE(size.value() == room.size());
  return room;
}

// What was sealed, or "! " and why not. A copy is opened: opening spoils.
std::string open(ticket_sealer& with, std::vector<std::byte> ticket, std::int64_t now = start,
                 const digest& asked = host) {
  const result<ticket_sealer::opened> got = with.open(ticket, asked, now);
  if (!got.ok()) return std::string("! ") + to_string(got.why().code);
  return std::string(as_text(got.value().state));
}

}  // namespace

TEST_CASE("a ticket gives back what was sealed, to the one who sealed it") {
  const auto one = sealer(ticket_keys());
  const auto other = sealer(ticket_keys());
  const std::vector<std::byte> ticket = seal(*one, "state");
  CHECK(open(*one, ticket) == "state");
  CHECK(open(*other, ticket) == "! not_found");
  CHECK(as_text(ticket).find("state") == std::string_view::npos);
  CHECK(seal(*one, "state") != ticket);
}

TEST_CASE("servers that share keys open one another's tickets, if they are configured alike") {
  const ticket_keys keys = keys_of(line_of('a'));
  const auto one = sealer(keys);
  const auto same = sealer(keys_of("# a comment\n\r\n" + std::string(64, 'A')));
  const auto unlike = sealer(keys, filled(2));
  const std::vector<std::byte> ticket = seal(*one, "state");
  CHECK(open(*same, ticket) == "state");
  CHECK(open(*unlike, ticket) == "! not_found");
}

TEST_CASE("a ticket is good for the host alone under which it was given") {
  const auto one = sealer(ticket_keys());
  const std::vector<std::byte> ticket = seal(*one, "state");
  CHECK(open(*one, ticket, start, filled(8)) == "! not_found");
  CHECK(open(*one, ticket, start, digest{}) == "! not_found");
  CHECK(open(*one, ticket, start, host) == "state");
}

TEST_CASE("a ticket of which one bit was changed anywhere, or a part is missing, is none") {
  const auto one = sealer(ticket_keys());
  const std::vector<std::byte> ticket = seal(*one, "s");
  for (std::size_t i = 0; i < ticket.size(); ++i) {
    std::vector<std::byte> altered = ticket;
    altered[i] ^= std::byte{1};
    CHECK(open(*one, altered) == "! not_found");
    CHECK(open(*one, std::vector<std::byte>(ticket.begin(), ticket.begin() + std::ptrdiff_t(i))) ==
          "! not_found");
  }
}

TEST_CASE("a ticket lives for its lifetime, whatever key it was sealed with meanwhile") {
  const auto shared = sealer(keys_of(line_of('a')));
  const auto own = sealer(ticket_keys());
  for (ticket_sealer* each : {shared.get(), own.get()}) {
    const std::vector<std::byte> ticket = seal(*each, "first");
    // The clock of another machine may be a little late.
    CHECK(open(*each, ticket, start - 5) == "first");
    // Its key is replaced each half lifetime, when there is traffic.
    for (std::int64_t at = start; at <= start + lifetime; at += lifetime / 8) {
      CHECK(open(*each, ticket, at) == "first");
      static_cast<void>(seal(*each, "another", at));
    }
    CHECK(open(*each, ticket, start + lifetime + 1) == "! timed_out");
    CHECK(open(*each, ticket, start - 60) != "first");  // from the future
  }
}

TEST_CASE("a key of one's own is gone once its tickets have expired") {
  const auto own = sealer(ticket_keys());
  const std::vector<std::byte> ticket = seal(*own, "state");
  for (int halves = 1; halves <= 3; ++halves) {
    static_cast<void>(seal(*own, "another", start + halves * std::int64_t{lifetime} / 2));
  }
  // By its age it would be good: it is the key that is missing.
  CHECK(open(*own, ticket, start + lifetime) == "! not_found");
}

TEST_CASE("the first shared key seals, those behind it only open") {
  const auto before = sealer(keys_of(line_of('a')));
  const auto announced = sealer(keys_of(line_of('a') + line_of('b')));
  const auto changed = sealer(keys_of(line_of('b') + line_of('a')));
  const auto after = sealer(keys_of(line_of('c') + line_of('b')));
  const std::vector<std::byte> old = seal(*before, "old");
  const std::vector<std::byte> fresh = seal(*changed, "fresh");
  for (ticket_sealer* each : {before.get(), announced.get(), changed.get()}) {
    CHECK(open(*each, old) == "old");
  }
  CHECK(open(*after, old) == "! not_found");
  CHECK(open(*before, fresh) == "! not_found");
  CHECK(open(*announced, fresh) == "fresh");
  CHECK(open(*after, fresh) == "fresh");
}

TEST_CASE("a file of ticket keys that is not one to three keys is refused by what is wrong") {
  const auto why = [](const std::string& text) { return ticket_keys::from_text(text).why().code; };
  CHECK(why("") == errc::invalid);
  CHECK(why("# nothing\n\n") == errc::invalid);
  CHECK(why(line_of('a') + line_of('A')) == errc::invalid);
  CHECK(why(line_of('a') + line_of('b') + line_of('c') + line_of('d')) == errc::limit);
  CHECK(why(line_of('g')) == errc::malformed);
  CHECK(why(" " + line_of('a')) == errc::malformed);
  CHECK(why(std::string(63, 'a')) == errc::malformed);
  CHECK(why(std::string(65, 'a')) == errc::malformed);
  CHECK(why(line_of('a') + std::string(64, '\0')) == errc::malformed);
  CHECK(why(line_of('a') + line_of('b') + std::string(64, 'c')) == errc::none);
}
