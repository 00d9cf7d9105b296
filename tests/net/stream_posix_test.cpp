// A socket as a byte_stream under urgent data, which only POSIX lets a test send as it wants.
#include <string>

#include <weir/platform/clock.hpp>

#include "net/listeners.hpp"
#include "support/raw_sockets.hpp"

using namespace weir;
using namespace weir::runtime;
using namespace weir::test;

namespace {

// Reads once for each time it is told that there is something: a short read is taken for all.
task<error> read_when_told(scheduler& loop, byte_stream& stream, std::string& out) {
  for (;;) {
    const error why = co_await readable(stream);
    if (why) co_return why;
    const byte_span lent = loop.lend_receive_buffer();
    const result<std::size_t> got = stream.try_read(lent);
    if (got.ok()) {
      out += as_text(byte_view(lent.data(), got.value()));
    } else if (got.why() == errc::eof) {
      co_return error{};
    } else if (got.why().code != errc::would_block) {
      co_return got.why();
    }
  }
}

}  // namespace

TEST_CASE("stream: urgent bytes do not hide what comes behind them") {
  // A receive stops short at the mark of urgent data although there is more: an edge-triggered
  // loop that takes short for empty waits for ever.
  scheduler loop(native_poller());
  net::listener from(loop, open(loop, address::loopback_ipv4(0)));
  raw_client client = raw_client::connect(bound(from));
  REQUIRE(client.connected());
  const result<net::accepted> next = from.try_accept();
  REQUIRE(next.ok());
  const result<platform::socket_id> id = net::socket_stream::adopt(loop, next.value().socket);
  REQUIRE(id.ok());
  net::socket_stream stream(loop, id.value());
  std::string got;
  outcome end;
  begin(loop, read_when_told(loop, stream, got), end);
  REQUIRE_FALSE(loop.poll_once(0));
  REQUIRE(client.send("one") == raw_outcome::done);
  REQUIRE(send_urgent(client.descriptor(), "!"));
  REQUIRE(client.send("two") == raw_outcome::done);
  const time_ns due_ns = system_clock().now_ns() + 10 * second_ns;
  while (got.find("two") == std::string::npos && system_clock().now_ns() < due_ns) {
    REQUIRE_FALSE(loop.poll_once(due_ns));
  }
  CHECK(got == "onetwo");
  client.half_close();
  while (!end.done && system_clock().now_ns() < due_ns) REQUIRE_FALSE(loop.poll_once(due_ns));
  CHECK(end.done);
}
