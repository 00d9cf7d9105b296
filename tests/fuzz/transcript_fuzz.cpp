// fuzz/transcript_fuzz.cpp - any bytes as what a TLS peer sends, to a server's engine or a
// client's.
//
// The first byte says which (see `flag`), the rest is the wire. Seeds are what real peers sent, and
// their handshakes still work here: numbers and time are the same in every run. Properties: every
// split is answered with the same bytes and read as the same text; the first failure is the last,
// and nothing is said behind it; no call is repeated in vain; what is read was sent.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "cuts.hpp"
#include "tls_sides.hpp"

namespace tls = weir::tls;
using weir::errc;

namespace {

enum flag : unsigned char {
  to_client = 1,     // else to a server
  older_client = 2,  // which speaks TLS 1.2
};
constexpr std::string_view greeting = "HTTP/1.1 200 OK\r\n\r\n";

struct outcome {
  std::string said;
  std::string read;
  weir::error why{};
  tls::engine::phase at{};
  bool peer_closed = false;
  bool truncated = false;

  friend bool operator==(const outcome& a, const outcome& b) {
    return a.said == b.said && a.read == b.read && a.why.code == b.why.code &&
           a.why.os_code == b.why.os_code && a.at == b.at && a.peer_closed == b.peer_closed &&
           a.truncated == b.truncated;
  }
};

void drain(tls::engine& e, std::string& into) {
  while (e.egress_bytes() > 0) {
    const weir::byte_view piece = e.egress()[0];
    into += weir::as_text(piece);
    e.sent(piece.size());
  }
}

// All that can happen without more from the wire.
void settle(tls::engine& e, outcome& out, bool& greeted) {
  std::array<std::byte, 5'000> room;
  // Every turn but the last one reads something or leaves a phase.
  for (std::size_t turns = 0;; ++turns) {
    WEIR_ASSERT(turns < 10'000);
    const auto before = std::tuple(e.at(), out.read.size(), out.said.size());
    static_cast<void>(e.advance());
    drain(e, out.said);
    if (!e.handshaking() && !greeted) {
      greeted = true;
      static_cast<void>(e.write(weir::as_bytes(greeting)));
    }
    if (!e.handshaking()) {
      const weir::result<std::size_t> got = e.read(room);
      if (got.ok()) out.read += weir::as_text(weir::byte_view(room).first(got.value()));
      if (e.peer_closed()) static_cast<void>(e.close());
    }
    drain(e, out.said);
    if (before == std::tuple(e.at(), out.read.size(), out.said.size())) break;
  }
  WEIR_ASSERT(!e.wants_send());
}

void check_latched(tls::engine& e, outcome& out) {
  const weir::error why = e.why_failed();
  std::array<std::byte, 16> room{};
  const weir::byte_span in = e.ingress_room();
  if (!in.empty()) e.received(1);
  for (const weir::error again :
       {e.advance(), e.read(room).why(), e.write(room).why(), e.close()}) {
    // An answer that came before the failure is still there to be read.
    WEIR_ASSERT(again.code == why.code);
    WEIR_ASSERT(again.os_code == why.os_code);
  }
  const std::size_t said = out.said.size();
  drain(e, out.said);
  WEIR_ASSERT(out.said.size() == said);
  WEIR_ASSERT(!e.wants_receive(true));
}

outcome play(unsigned flags, std::string_view wire, const std::vector<std::size_t>& cuts) {
  weir::fuzz::side one = (flags & to_client) != 0
                             ? weir::fuzz::side::client((flags & older_client) != 0)
                             : weir::fuzz::side::server();
  return one.call([&](tls::engine& e) {
    outcome out;
    bool greeted = false;
    settle(e, out, greeted);
    std::size_t from = 0;
    const auto feed = [&](std::size_t end) {
      while (from < end) {
        const weir::byte_span room = e.ingress_room();
        const std::size_t count = std::min(room.size(), end - from);
        if (count == 0) break;  // nobody looks at it any more
        std::memcpy(room.data(), wire.data() + from, count);
        from += count;
        e.received(count);
        settle(e, out, greeted);
      }
      from = end;
    };
    for (const std::size_t cut : cuts) feed(cut);
    feed(wire.size());
    e.transport_ended({errc::eof, "peer"});
    settle(e, out, greeted);
    out.why = e.why_failed();
    out.at = e.at();
    out.peer_closed = e.peer_closed();
    out.truncated = e.truncated();
    WEIR_ASSERT(out.read.size() <= wire.size());
    WEIR_ASSERT(e.counters().futile_retries == 0);
    // It ended one way or another.
    WEIR_ASSERT(out.why || out.peer_closed || out.truncated);
    if (out.why) check_latched(e, out);
    return out;
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  weir::fuzz::begin();
  const std::string_view wire(reinterpret_cast<const char*>(data) + 1, size - 1);
  weir::fuzz::dice random(wire);
  const outcome whole = play(data[0], wire, {});
  for (const std::size_t count : {1u, 12u}) {
    WEIR_ASSERT(play(data[0], wire, weir::fuzz::random_cuts(random, wire.size(), count)) == whole);
  }
  return 0;
}
