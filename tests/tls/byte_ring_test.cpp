#include <string>

#include <catch_amalgamated.hpp>

#include <weir/platform/random.hpp>
#include <weir/tls/byte_ring.hpp>

using namespace weir;
using tls::byte_ring;

TEST_CASE("a ring gives back what was put in, in order, however it is cut") {
  seeded_random dice(7);
  byte_ring ring(nullptr, 97);
  std::string in;
  std::string out;
  for (int i = 0; i < 20'000; ++i) {
    std::string piece(dice.below(60), '\0');
    for (char& c : piece) c = static_cast<char>('a' + dice.below(26));
    piece.resize(ring.put(as_bytes(piece)));
    in += piece;
    std::string room(dice.below(60), '\0');
    room.resize(ring.get({reinterpret_cast<std::byte*>(room.data()), room.size()}));
    out += room;
    if (dice.chance(1, 10)) ring.give_back_if_empty();
    REQUIRE(ring.size() == in.size() - out.size());
  }
  CHECK(in.size() > 100'000);
  CHECK(in.compare(0, out.size(), out) == 0);
}

TEST_CASE("a view into a ring stays good while more is put behind it") {
  byte_ring ring(nullptr, 16);
  CHECK(ring.put(as_bytes("0123456789")) == 10);
  ring.taken(8);
  const byte_view first = ring.pieces()[0];
  const std::byte* const at = first.data();
  CHECK(ring.put(as_bytes("abcdefghijklmnop")) == 14);
  CHECK(ring.room() == 0);
  CHECK(ring.free_piece().empty());
  CHECK(ring.pieces()[0].data() == at);
  CHECK(std::string(as_text(ring.pieces()[0])) + std::string(as_text(ring.pieces()[1])) ==
        "89abcdefghijklmn");
}

TEST_CASE("a ring holds memory of its pool only while it is not empty") {
  runtime::buffer_pool pool(64, 1, 1);
  byte_ring ring(&pool, 1);
  CHECK(ring.capacity() == 64);
  CHECK(pool.in_use() == 0);
  CHECK(ring.put(as_bytes("x")) == 1);
  CHECK(pool.in_use() == 1);
  ring.give_back_if_empty();
  CHECK(pool.in_use() == 1);
  byte_ring other(&pool, 1);
  CHECK(other.put(as_bytes("y")) == 0);
  ring.taken(1);
  ring.give_back_if_empty();
  CHECK(pool.in_use() == 0);
  CHECK(other.put(as_bytes("y")) == 1);
}
