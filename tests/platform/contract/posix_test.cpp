// P21 to P23 where the system has to be asked: signals, descriptors, inheritance. Not on Windows.
#include <algorithm>

#include "host.hpp"
#include "support/raw_sockets.hpp"
#include "support/raw_system.hpp"

namespace weir::platform::contract {

namespace {

// Sockets that were not there before.
std::vector<test::socket_facts> fresh(const std::vector<test::socket_facts>& before) {
  std::vector<test::socket_facts> all = test::open_sockets();
  std::erase_if(all, [&before](const test::socket_facts& now) {
    return std::any_of(before.begin(), before.end(), [&now](const test::socket_facts& was) {
      return was.descriptor == now.descriptor;
    });
  });
  return all;
}

}  // namespace

CONTRACT("P21 no call raises SIGPIPE where it would kill, or changes a disposition") {
  const test::deadly_sigpipe deadly;
  const std::string before = test::signal_state();
  {
    const std::unique_ptr<poller> other = b.open();
    const socket_id at = b.listener();
    for (const bool hard : {false, true}) {
      const bench::pair two = b.connected(at);
      hard ? b->reset(two.server) : b->close(two.server);
      const std::string bytes = pattern(2'000);
      const byte_view parts[] = {as_bytes(bytes), as_bytes("x")};
      // Far past the first error: each of these would be a SIGPIPE of its own.
      for (int i = 0; i < 10; ++i) {
        static_cast<void>(b->try_send(two.client, parts));
        b.settle(millisecond_ns);
        bench::op o;
        const started s = b->send(two.client, as_bytes(bytes), &o);
        const completion end = b.ended(s, o);
        CHECK((end.why || end.value >= 1));
        static_cast<void>(b->shut_send(two.client));
      }
      b->close(two.client);
    }
    b->wake();
    b.settle();
  }
  CHECK(test::signal_state() == before);
}

CONTRACT("P22 with no descriptor left accept says handles_exhausted, and works again after") {
  if (b.skip_unless(b.on().real_time(), "running out of descriptors: it has none")) return;
  const socket_id at = b.listener();
  const socket_id one = b.connect(b.where(at));
  const socket_id two = b.connect(b.where(at));
  const test::descriptor_limits limits = test::read_descriptor_limits();
  const int next = test::open_descriptor();
  REQUIRE(next >= 0);
  test::close_descriptor(next);
  // Nothing at or above the limit can be opened; what is open below it stays so.
  REQUIRE(test::set_soft_descriptor_limit(static_cast<std::uint64_t>(next)));
  std::vector<errc> said;
  for (int i = 0; i < 3; ++i) {
    bench::op o;
    said.push_back(b.ended(b->accept(at, nullptr, &o), o).why.code);
  }
  const errc tried = b->try_accept(at, nullptr).why().code;
  const errc opened = b->open_stream(b.on().loopback()).why().code;
  REQUIRE(test::set_soft_descriptor_limit(limits.soft));
  CHECK(said == std::vector<errc>(3, errc::handles_exhausted));
  CHECK(tried == errc::handles_exhausted);
  CHECK(opened == errc::handles_exhausted);
  // Nobody was lost meanwhile.
  for (const socket_id client : {one, two}) {
    static_cast<void>(client);
    const result<socket_id> server = b->adopt(b.accept(at));
    REQUIRE(server.ok());
    b.send_all(server.value(), "x");
  }
  CHECK(b.receive(one, 1) == "x");
  CHECK(b.receive(two, 1) == "x");
}

CONTRACT("P23 no socket is inherited by a child, none blocks, and streams send without delay") {
  if (b.skip_unless(b.on().real_time(), "what a child inherits: it has no descriptors")) return;
  const std::vector<test::socket_facts> before = test::open_sockets();
  const socket_id at = b.listener();
  const bench::pair two = b.connected(at);
  const socket_id third = b.connect(b.where(at));
  const native_socket accepted = b.accept(at);
  const std::vector<test::socket_facts> now = fresh(before);
  CHECK(now.size() == 5);
  int listeners = 0;
  for (const test::socket_facts& facts : now) {
    INFO("descriptor " << facts.descriptor);
    CHECK_FALSE(facts.inherited);
    CHECK_FALSE(facts.blocks);
    listeners += facts.listens;
    if (facts.is_ip && !facts.listens) CHECK(facts.no_delay);
  }
  CHECK(listeners == 1);
  b->discard(accepted);
  for (const socket_id id : {two.client, two.server, third, at}) b->close(id);
  CHECK(fresh(before).empty());
}

CONTRACT("P23 Unix sockets are not inherited either") {
  const std::optional<address> path = b.on().unix_path();
  if (b.skip_unless(path.has_value() && b.on().real_time(), "Unix sockets of the system")) return;
  const std::vector<test::socket_facts> before = test::open_sockets();
  const result<socket_id> at = b->listen(*path, {});
  REQUIRE(at.ok());
  const bench::pair two = b.connected(at.value());
  b.send_all(two.client, "x");
  CHECK(b.receive(two.server, 1) == "x");
  const std::vector<test::socket_facts> now = fresh(before);
  CHECK(now.size() == 3);
  for (const test::socket_facts& facts : now) CHECK_FALSE(facts.inherited);
}

}  // namespace weir::platform::contract
