// fuzz/engine_fuzz.cpp - any order of calls to two engines, and a wire between them that is not to
// be trusted.
//
// The input is a list of acts (see `act`), each a byte and its argument. Properties: what one side
// reads is what the other wrote, from its start, and its end is one that the other said, whatever
// is done to the wire; where nothing was done to it all of it comes; the first failure is the last,
// and nothing is said behind it; what an engine waits for is a function of its state; no call is
// repeated in vain; memory is bounded.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "tls_sides.hpp"

namespace tls = weir::tls;
using weir::errc;

namespace {

// The first byte of the input.
enum flag : unsigned char {
  older = 1,        // the client speaks TLS 1.2
  small_rings = 2,  // as small as they may be
  shaken = 4,       // the handshake is over when the acts begin
  restless = 8,     // memory that is not needed is kept between the acts
};

enum class act : std::uint8_t {
  leave_client,  // so many bytes of ciphertext: see amount()
  leave_server,
  reach_server,
  reach_client,
  write_client,  // so many bytes of text
  write_server,
  read_client,
  read_server,
  close,   // of the side in the lowest bit, here and below
  alter,   // a bit of the wire
  drop,    // its first bytes
  repeat,  // its first bytes
  insert,  // what follows in the input
  end,     // of the transport below
  advance,
  settle,  // everything that can happen happens
};
constexpr std::size_t acts = 16;
constexpr std::size_t acts_max = 600;
constexpr std::size_t wire_bytes_max = 256 * 1024;
constexpr std::size_t turns_max = 20'000;

// 0 to 127 as they are, then up to 64 KiB.
std::size_t amount(unsigned argument) {
  return argument < 128 ? argument : (argument - 127) * 512;
}

// The text of a side is the same from every place on.
char text_at(std::size_t place) {
  return static_cast<char>('a' + place % 23 + place / 251 % 3);
}

// One side, what it said, and how far that is.
struct end_point {
  explicit end_point(weir::fuzz::side of) : one(std::move(of)) {}

  weir::fuzz::side one;
  std::string wire;  // from here, not yet there
  std::size_t written = 0;
  std::size_t read = 0;  // of what the other one wrote
  weir::error failed{};
  std::size_t silent_from = 0;  // how much waited to leave when it failed
  bool harmed = false;          // its wire
  bool ended = false;           // the transport, as it was told
  bool closed = false;
};

class pair_of_ends {
 public:
  explicit pair_of_ends(unsigned flags)
      : client_(weir::fuzz::side::client((flags & older) != 0, options(flags))),
        server_(weir::fuzz::side::server(options(flags))),
        ring_bytes_(options(flags).ring_bytes),
        restless_((flags & restless) != 0) {
    if ((flags & shaken) != 0) settle();
  }

  void perform(act what, unsigned argument, std::string_view& rest) {
    end_point& one = (argument & 1) != 0 ? server_ : client_;
    const unsigned more = argument >> 1;
    switch (what) {
      case act::leave_client: leave(client_, amount(argument)); break;
      case act::leave_server: leave(server_, amount(argument)); break;
      case act::reach_server: reach(client_, server_, amount(argument)); break;
      case act::reach_client: reach(server_, client_, amount(argument)); break;
      case act::write_client: write(client_, amount(argument)); break;
      case act::write_server: write(server_, amount(argument)); break;
      case act::read_client: read(client_, server_, amount(argument)); break;
      case act::read_server: read(server_, client_, amount(argument)); break;
      case act::close:
        one.closed = true;
        static_cast<void>(one.one.call([](tls::engine& e) { return e.close(); }));
        break;
      case act::alter:
        if (one.wire.empty()) break;
        one.harmed = true;
        one.wire[(more >> 3) * 7 % one.wire.size()] ^= static_cast<char>(1u << (more & 7));
        break;
      case act::drop:
        if (one.wire.empty()) break;
        one.harmed = true;
        one.wire.erase(0, 1 + more);
        break;
      case act::repeat:
        if (one.wire.empty() || one.wire.size() > wire_bytes_max) break;
        one.harmed = true;
        one.wire.insert(0, std::string(one.wire, 0, 1 + more));
        break;
      case act::insert: {
        const std::string_view bytes = rest.substr(0, more);
        rest.remove_prefix(bytes.size());
        if (bytes.empty() || one.wire.size() > wire_bytes_max) break;
        one.harmed = true;
        one.wire.insert(0, bytes);
        break;
      }
      case act::end:
        if (one.ended) break;
        one.ended = true;
        one.one.call([&](tls::engine& e) {
          e.transport_ended({(more & 1) != 0 ? errc::reset : errc::eof, "peer"});
          return 0;
        });
        break;
      case act::advance: advance(one); break;
      case act::settle: settle(); break;
    }
    check(client_, server_);
    check(server_, client_);
    if (restless_) return;
    for (end_point* const of : {&client_, &server_}) {
      of->one.call([](tls::engine& e) { e.give_back(); });
    }
  }

  void finish() {
    settle();
    check(client_, server_);
    check(server_, client_);
    const bool quiet = !client_.harmed && !server_.harmed && !client_.ended && !server_.ended;
    if (!quiet) return;
    WEIR_ASSERT(!client_.failed && !server_.failed);
    // A close during the handshake says nothing, and then nobody writes.
    WEIR_ASSERT(client_.read == server_.written);
    WEIR_ASSERT(server_.read == client_.written);
  }

 private:
  tls::engine_options options(unsigned flags) {
    tls::engine_options made;
    made.records = &records_;
    if ((flags & small_rings) != 0) made.ring_bytes = tls::engine::ring_bytes_min;
    return made;
  }

  static bool leave(end_point& of, std::size_t most) {
    bool moved = false;
    return of.one.call([&](tls::engine& e) {
      while (most > 0 && e.egress_bytes() > 0 && of.wire.size() < wire_bytes_max) {
        const weir::byte_view piece = e.egress()[0];
        const std::size_t count = std::min(most, piece.size());
        of.wire += weir::as_text(piece.first(count));
        e.sent(count);
        most -= count;
        moved = true;
      }
      return moved;
    });
  }

  static bool reach(end_point& from, end_point& to, std::size_t most) {
    if (to.ended || to.one.engine().why_failed()) return false;
    return to.one.call([&](tls::engine& e) {
      bool moved = false;
      while (most > 0 && !from.wire.empty()) {
        const weir::byte_span room = e.ingress_room();
        const std::size_t count = std::min({most, from.wire.size(), room.size()});
        if (count == 0) break;
        std::memcpy(room.data(), from.wire.data(), count);
        from.wire.erase(0, count);
        e.received(count);
        most -= count;
        moved = true;
      }
      return moved;
    });
  }

  static bool write(end_point& of, std::size_t bytes) {
    std::string text(bytes, '\0');
    for (std::size_t i = 0; i < bytes; ++i) text[i] = text_at(of.written + i);
    const weir::result<std::size_t> taken =
        of.one.call([&](tls::engine& e) { return e.write(weir::as_bytes(text)); });
    if (!taken.ok()) return false;
    WEIR_ASSERT(taken.value() <= bytes);
    of.written += taken.value();
    return taken.value() > 0;
  }

  static bool read(end_point& of, const end_point& from, std::size_t bytes) {
    std::string room(bytes + 1, '\0');
    const weir::result<std::size_t> got = of.one.call([&](tls::engine& e) {
      return e.read({reinterpret_cast<std::byte*>(room.data()), room.size()});
    });
    if (!got.ok()) return false;
    WEIR_ASSERT(got.value() > 0 && got.value() <= room.size());
    WEIR_ASSERT(of.read + got.value() <= from.written);
    for (std::size_t i = 0; i < got.value(); ++i) WEIR_ASSERT(room[i] == text_at(of.read + i));
    of.read += got.value();
    return true;
  }

  static void advance(end_point& of) {
    static_cast<void>(of.one.call([](tls::engine& e) { return e.advance(); }));
  }

  void settle() {
    bool moved = true;
    for (std::size_t turns = 0; moved; ++turns) {
      WEIR_ASSERT(turns < turns_max);
      moved = false;
      for (end_point* const of : {&client_, &server_}) {
        end_point& other = of == &client_ ? server_ : client_;
        const auto before = of->one.engine().at();
        advance(*of);
        moved |= before != of->one.engine().at();
        moved |= leave(*of, wire_bytes_max);
        moved |= reach(other, *of, wire_bytes_max);
        moved |= read(*of, other, 20'000);
        moved |= leave(*of, wire_bytes_max);  // an alert, say
      }
    }
    WEIR_ASSERT(client_.wire.size() >= wire_bytes_max || !client_.one.engine().wants_send());
    WEIR_ASSERT(server_.wire.size() >= wire_bytes_max || !server_.one.engine().wants_send());
  }

  void check(end_point& of, const end_point& from) const {
    const tls::engine& e = of.one.engine();
    WEIR_ASSERT(e.egress_bytes() <= ring_bytes_);
    WEIR_ASSERT(e.counters().futile_retries == 0);
    WEIR_ASSERT(of.read <= from.written);
    WEIR_ASSERT(!e.peer_closed() || from.closed);  // nobody else can say so
    const auto wants = [&e] {
      return std::array{e.wants_receive(true), e.wants_receive(false), e.wants_send(), e.readable(),
                        e.writable()};
    };
    WEIR_ASSERT(wants() == wants());
    if (!of.failed) {
      of.failed = e.why_failed();
      of.silent_from = e.egress_bytes();
      if (!of.failed) return;
    }
    WEIR_ASSERT(e.at() == tls::engine::phase::failed);
    WEIR_ASSERT(e.why_failed().code == of.failed.code);
    WEIR_ASSERT(e.why_failed().os_code == of.failed.os_code);
    WEIR_ASSERT(e.egress_bytes() <= of.silent_from);
    of.silent_from = e.egress_bytes();
    WEIR_ASSERT(!e.wants_receive(true) && !e.writable());
  }

  weir::runtime::buffer_pool records_{tls::engine::records_bytes(), 2, 2};
  end_point client_;
  end_point server_;
  std::size_t ring_bytes_;
  bool restless_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  weir::fuzz::begin();
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  pair_of_ends both(data[0]);
  for (std::size_t n = 0; n < acts_max && rest.size() >= 2; ++n) {
    const auto what = static_cast<act>(static_cast<unsigned char>(rest[0]) % acts);
    const unsigned argument = static_cast<unsigned char>(rest[1]);
    rest.remove_prefix(2);
    both.perform(what, argument, rest);
  }
  both.finish();
  return 0;
}
