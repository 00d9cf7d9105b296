// Pooled buffers, and the buffers that are lent for one turn.
#include <cstring>
#include <vector>

#include <weir/runtime/buffer_pool.hpp>

#include "lent_buffer.hpp"
#include "virtual_loop.hpp"

using namespace weir;
using namespace weir::runtime;
using namespace weir::test;

TEST_CASE("buffer pool: the cap refuses with an empty buffer, and counts") {
  buffer_pool pool(64, 3, 2);
  std::vector<pooled_buffer> held;
  for (int i = 0; i < 3; ++i) held.push_back(pool.take());
  for (const pooled_buffer& one : held) {
    REQUIRE(one);
    CHECK(one.bytes().size() == 64);
    std::memset(one.bytes().data(), 0x5a, one.bytes().size());
  }
  CHECK_FALSE(pool.take());
  CHECK(pool.refused() == 1);
  CHECK(pool.in_use() == 3);
  const std::byte* const again = held[1].bytes().data();
  held[1].give_back();
  held[1].give_back();
  CHECK_FALSE(held[1]);
  CHECK(held[1].bytes().empty());
  CHECK(pool.in_use() == 2);
  const pooled_buffer next = pool.take();
  CHECK(next.bytes().data() == again);
}

TEST_CASE("buffer pool: a buffer is owned once, wherever it is moved") {
  buffer_pool pool(64, 2, 1);
  pooled_buffer a = pool.take();
  pooled_buffer b = std::move(a);
  CHECK_FALSE(a);  // NOLINT: what a moved-from buffer is, is part of its contract
  CHECK(b);
  a = pool.take();
  CHECK(pool.in_use() == 2);
  b = std::move(a);
  CHECK(pool.in_use() == 1);
  pooled_buffer& self = b;
  b = std::move(self);
  CHECK(b);
  b.give_back();
  CHECK(pool.in_use() == 0);
}

#if defined(WEIR_ASAN)
namespace {

task<error> borrow(byte_span& receive, byte_span& send, bool& usable) {
  const error first = co_await sleep_for(0);
  if (first) co_return first;
  scope& here = co_await this_scope();
  receive = here.owner().lend_receive_buffer();
  send = here.owner().lend_send_buffer();
  std::memset(receive.data(), 1, receive.size());
  std::memset(send.data(), 2, send.size());
  usable = __asan_region_is_poisoned(receive.data(), receive.size()) == nullptr;
  const error next = co_await sleep_for(millisecond_ns);
  co_return next;
}

}  // namespace

TEST_CASE("lent buffers: poisoned after the turn, whole while they are lent") {
  virtual_loop v;
  byte_span receive;
  byte_span send;
  bool usable = false;
  outcome end;
  begin(v.loop, borrow(receive, send, usable), end);
  settle(v.loop);
  REQUIRE_FALSE(receive.empty());
  CHECK(usable);
  for (const byte_span lent : {receive, send}) {
    CHECK(__asan_address_is_poisoned(lent.data()) == 1);
    CHECK(__asan_address_is_poisoned(lent.data() + lent.size() - 1) == 1);
  }
  const byte_span again = v.loop.lend_receive_buffer();
  CHECK(again.data() == receive.data());
  CHECK(__asan_address_is_poisoned(again.data()) == 0);
  CHECK(__asan_address_is_poisoned(send.data()) == 1);
  run_for(v, millisecond_ns);
}
#endif
