// Accepting: what a system without room does to a listener, and who may have an address.
#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <random>
#include <vector>

#include <weir/net/listener.hpp>
#include <weir/net/socket_stream.hpp>
#include <weir/platform/file.hpp>

#include "runtime/virtual_loop.hpp"
#include "support/raw_client.hpp"
#include "support/raw_sockets.hpp"
#include "support/raw_system.hpp"

using namespace weir;
using namespace weir::runtime;
using namespace weir::test;
using platform::sim_end;
using platform::sim_peer_id;
using platform::sim_step;

namespace {

const address server_at = address::loopback_ipv4(8080);

platform::socket_id open(scheduler& loop, const address& at,
                         const platform::listen_options& options = {},
                         net::port_use use = net::port_use::alone) {
  const result<platform::socket_id> opened = net::listener::open(loop, at, options, use);
  REQUIRE(opened.ok());
  return opened.value();
}

struct accept_log {
  std::vector<time_ns> at_ns;
  error end{};
};

// Accepts until it cannot, and greets.
task<error> greet(net::listener& from, accept_log& log) {
  scope& here = co_await this_scope();
  for (;;) {
    result<net::accepted> next = co_await from.accept();
    if (!next.ok()) {
      log.end = next.why();
      co_return next.why();
    }
    log.at_ns.push_back(here.owner().now_ns());
    const result<platform::socket_id> id =
        net::socket_stream::adopt(here.owner(), next.value().socket);
    if (!id.ok()) co_return id.why();
    net::socket_stream stream(here.owner(), id.value());
    const byte_view hello = as_bytes("hello");
    static_cast<void>(stream.try_write({&hello, 1}));
  }
}

sim_peer_id visit(virtual_loop& v, time_ns after_ns = 0) {
  platform::sim_peer peer;
  peer.at = server_at;
  peer.start_ns = after_ns;
  const result<sim_peer_id> id = v.net.add_peer(peer);
  REQUIRE(id.ok());
  return id.value();
}

constexpr time_ns arrival_ns = 50 * microsecond_ns;

}  // namespace

TEST_CASE("listener: out of descriptors it waits 10 ms, then 20, and goes on") {
  virtual_loop v;
  net::listener from(v.loop, open(v.loop, server_at));
  const time_ns start_ns = v.net.now_ns();
  // Each pause asks twice: the accept, and once more with the reserve given back.
  v.net.fail_accepts(errc::handles_exhausted, 4);
  const sim_peer_id peer = visit(v);
  accept_log log;
  outcome end;
  begin(v.loop, greet(from, log), end);
  run_for(v, second_ns);
  REQUIRE(log.at_ns.size() == 1);
  CHECK(log.at_ns[0] == start_ns + arrival_ns + 30 * millisecond_ns);
  CHECK(v.net.record(peer).received == "hello");
  CHECK(from.counters().pauses == 2);
  CHECK(from.counters().turned_away == 0);
  CHECK(from.counters().accepted == 1);
  v.loop.root().cancel(error(errc::cancelled, "drain"));
  settle(v.loop);
  CHECK(where(log.end) == "drain");
}

TEST_CASE("listener: the reserve descriptor sends one peer away at once, by reset") {
  virtual_loop v;
  net::listener from(v.loop, open(v.loop, server_at));
  v.net.fail_accepts(errc::handles_exhausted, 1);
  const sim_peer_id unlucky = visit(v);
  const sim_peer_id next = visit(v, millisecond_ns);
  accept_log log;
  outcome end;
  begin(v.loop, greet(from, log), end);
  run_for(v, second_ns);
  CHECK(v.net.record(unlucky).end == sim_end::reset);
  CHECK(v.net.record(next).received == "hello");
  CHECK(from.counters().turned_away == 1);
  CHECK(from.counters().accepted == 1);
  CHECK(from.counters().pauses == 1);
  v.loop.root().cancel(error(errc::cancelled, "drain"));
  settle(v.loop);
}

TEST_CASE("listener: a shortage of five seconds costs a few wake-ups, and ends within a second") {
  virtual_loop v;
  net::listener from(v.loop, open(v.loop, server_at));
  v.net.exhaust_handles(5 * second_ns);
  const time_ns start_ns = v.net.now_ns();
  const sim_peer_id peer = visit(v);
  accept_log log;
  outcome end;
  begin(v.loop, greet(from, log), end);
  run_for(v, 10 * second_ns);
  REQUIRE(log.at_ns.size() == 1);
  CHECK(log.at_ns[0] >= start_ns + 5 * second_ns);
  CHECK(log.at_ns[0] <= start_ns + 6 * second_ns);
  CHECK(v.net.record(peer).received == "hello");
  // 10, 20, 40 ... 640 ms, then once a second.
  CHECK(from.counters().pauses == 11);
  CHECK(v.loop.counters().turns < 60);
  v.loop.root().cancel(error(errc::cancelled, "drain"));
  settle(v.loop);
}

TEST_CASE("listener: connections that died in the queue are passed over") {
  virtual_loop v;
  net::listener from(v.loop, open(v.loop, server_at));
  v.net.fail_accepts(errc::aborted, 2);
  for (int i = 0; i < 3; ++i) visit(v);
  accept_log log;
  outcome end;
  begin(v.loop, greet(from, log), end);
  run_for(v, second_ns);
  CHECK(log.at_ns.size() == 1);
  CHECK(from.counters().aborted == 2);
  CHECK(from.counters().pauses == 0);
  v.loop.root().cancel(error(errc::cancelled, "drain"));
  settle(v.loop);
}

TEST_CASE("listener: an error that takes nothing off the queue does not hold the loop") {
  virtual_loop v;
  net::listener from(v.loop, open(v.loop, server_at));
  v.net.fail_accepts(errc::network_down, 1'000);
  visit(v);
  accept_log log;
  outcome end;
  SECTION("accept rests now and then") {
    const time_ns start_ns = v.net.now_ns();
    begin(v.loop, greet(from, log), end);
    run_for(v, second_ns);
    REQUIRE(log.at_ns.size() == 1);
    // 1,000 errors, a rest of 10 ms after each 64.
    CHECK(log.at_ns[0] == start_ns + arrival_ns + 15 * 10 * millisecond_ns);
    v.loop.root().cancel(error(errc::cancelled, "drain"));
    settle(v.loop);
  }
  SECTION("try_accept gives up") {
    run_for(v, millisecond_ns);
    const result<net::accepted> none = from.try_accept();
    CHECK(none.why() == errc::would_block);
    CHECK(from.counters().aborted < 100);
  }
}

TEST_CASE("listener: a cancel during the pause ends it at once, with the reason") {
  virtual_loop v;
  net::listener from(v.loop, open(v.loop, server_at));
  v.net.exhaust_handles(60 * second_ns);
  visit(v);
  accept_log log;
  outcome end;
  begin(v.loop, greet(from, log), end);
  run_for(v, 5 * second_ns);
  const time_ns now_ns = v.net.now_ns();
  v.loop.root().cancel(error(errc::cancelled, "drain"));
  settle(v.loop);
  CHECK(where(log.end) == "drain");
  CHECK(v.net.now_ns() == now_ns);
}

TEST_CASE("listener: for a drain, try_accept empties the queue and then says so") {
  virtual_loop v;
  net::listener from(v.loop, open(v.loop, server_at));
  for (int i = 0; i < 3; ++i) visit(v);
  run_for(v, millisecond_ns);
  for (int i = 0; i < 3; ++i) {
    const result<net::accepted> next = from.try_accept();
    REQUIRE(next.ok());
    v.loop.poller().discard(next.value().socket);
  }
  CHECK(from.try_accept().why() == errc::would_block);
  CHECK(from.counters().accepted == 3);
  from.close();
  from.close();
  CHECK(from.try_accept().why() == errc::bad_handle);
}

// Real sockets. -----------------------------------------------------------------------------------

namespace {

class folder {
 public:
  folder() {
    std::random_device any;
    path_ = std::filesystem::temp_directory_path() / ("weir-net-" + std::to_string(any()));
    std::filesystem::create_directories(path_);
  }
  ~folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string file(const char* name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

address unix_at(const std::string& path) {
  const result<address> at = address::unix_path(path);
  REQUIRE(at.ok());
  return at.value();
}

bool answers(const address& at) {
  return raw_client::connect(at).connected();
}

address bound(const net::listener& l) {
  const result<address> at = l.local_address();
  REQUIRE(at.ok());
  return at.value();
}

}  // namespace

TEST_CASE("unix listener: the path appears, serves, and is removed on close") {
  scheduler loop(native_poller());
  const folder temp;
  const std::string path = temp.file("s");
  {
    net::listener from(loop, open(loop, unix_at(path)));
    CHECK(std::filesystem::is_socket(path));
    CHECK(answers(unix_at(path)));
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("unix listener: a regular file at the path is refused, and not deleted") {
  scheduler loop(native_poller());
  const folder temp;
  const std::string path = temp.file("precious");
  std::ofstream(path) << "do not delete";
  const result<platform::socket_id> refused = net::listener::open(loop, unix_at(path), {});
  CHECK(refused.why() == errc::exists);
  std::ifstream again(path);
  std::string text;
  std::getline(again, text);
  CHECK(text == "do not delete");
  SECTION("nor is one behind a link") {
    const std::string link = temp.file("link");
    std::filesystem::create_symlink(path, link);
    CHECK(net::listener::open(loop, unix_at(link), {}).why() == errc::exists);
    CHECK(std::filesystem::exists(path));
    CHECK(std::filesystem::is_symlink(link));
  }
}

TEST_CASE("unix listener: a stale socket is taken over, one that is served is not") {
  scheduler loop(native_poller());
  const folder temp;
  const std::string path = temp.file("s");
  REQUIRE(make_socket_file(path));
  net::listener from(loop, open(loop, unix_at(path)));
  CHECK(answers(unix_at(path)));
  const result<platform::socket_id> second = net::listener::open(loop, unix_at(path), {});
  CHECK(second.why() == errc::address_in_use);
  CHECK(answers(unix_at(path)));
}

TEST_CASE("unix listener: what replaced the socket file meanwhile is not removed") {
  scheduler loop(native_poller());
  const folder temp;
  const std::string path = temp.file("s");
  {
    net::listener from(loop, open(loop, unix_at(path)));
    std::filesystem::remove(path);
    std::ofstream(path) << "mine now";
  }
  CHECK(std::filesystem::is_regular_file(path));
}

TEST_CASE("dual stack: [::] serves IPv4 exactly when v6_only is false, whatever the system's way") {
  scheduler loop(native_poller());
  for (const bool only : {false, true}) {
    CAPTURE(only);
    platform::listen_options options;
    options.v6_only = only;
    net::listener from(loop, open(loop, address::any_ipv6(0), options));
    const std::uint16_t port = bound(from).port();
    CHECK(answers(address::loopback_ipv6(port)));
    CHECK(answers(address::loopback_ipv4(port)) == !only);
    if (only) {
      // The other family is free for somebody else.
      net::listener v4(loop, open(loop, address::any_ipv4(port)));
      CHECK(answers(address::loopback_ipv4(port)));
    }
  }
}

TEST_CASE("listener: a second plain bind on a port that is served fails") {
  scheduler loop(native_poller());
  net::listener from(loop, open(loop, address::loopback_ipv4(0)));
  CHECK(net::listener::open(loop, bound(from), {}).why() == errc::address_in_use);
}

TEST_CASE("shared port: two of ours share, a foreign plain bind fails, and all are served") {
  scheduler one(native_poller());
  scheduler two(native_poller());
  net::listener a(one, open(one, address::loopback_ipv4(0), {}, net::port_use::shared));
  const address at = bound(a);
  // The first has proved the port free; its fellows join the group.
  const result<platform::socket_id> joined =
      net::listener::open(two, at, {}, net::port_use::joined);
  REQUIRE(joined.ok());
  net::listener b(two, joined.value());
  CHECK(net::listener::open(two, at, {}).why() == errc::address_in_use);
  std::vector<raw_client> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(raw_client::connect(at));
    REQUIRE(clients.back().connected());
  }
  std::size_t served[2] = {0, 0};
  for (int i = 0; i < 2; ++i) {
    net::listener& from = i == 0 ? a : b;
    scheduler& loop = i == 0 ? one : two;
    for (;;) {
      const result<net::accepted> next = from.try_accept();
      if (!next.ok()) break;
      ++served[i];
      loop.poller().discard(next.value().socket);
    }
  }
  CHECK(served[0] + served[1] == 200);
  CHECK(served[0] > 0);
  CHECK(served[1] > 0);
}

TEST_CASE("shared port: the proof refuses a port that another program has, shared or not") {
  scheduler other(native_poller());
  scheduler loop(native_poller());
  for (const bool foreign_shares : {false, true}) {
    CAPTURE(foreign_shares);
    const net::port_use foreign = foreign_shares ? net::port_use::shared : net::port_use::alone;
    net::listener theirs(other, open(other, address::loopback_ipv4(0), {}, foreign));
    const result<platform::socket_id> refused =
        net::listener::open(loop, bound(theirs), {}, net::port_use::shared);
    CHECK(refused.why() == errc::address_in_use);
  }
  CHECK(loop.poller().counters().sockets_open == 0);
}

namespace {

task<error> break_the_queue(net::listener& from, accept_log& log, int& closed) {
  scope& here = co_await this_scope();
  nursery children(here, "server", 1);
  const error started = children.start(greet(from, log), "acceptor");
  const error slept = co_await sleep_for(millisecond_ns);
  if (!started && !slept) closed = close_event_queues();
  const error why = co_await sleep_for(3'600 * second_ns);
  static_cast<void>(co_await children.join());
  co_return why;
}

}  // namespace

TEST_CASE("loop fault: the queue closed under it, run() says so, soon and without spinning") {
  heard said;
  scheduler_options options;
  options.sink = &heard::listen;
  options.sink_context = &said;
  scheduler loop(native_poller(), options);
  net::listener from(loop, open(loop, address::loopback_ipv4(0)));
  accept_log log;
  int closed = 0;
  const std::clock_t before = std::clock();
  const error why = loop.run(break_the_queue(from, log, closed));
  const std::clock_t used = std::clock() - before;
  if (closed == 0) SKIP("no epoll here");
  CHECK(why == errc::bad_handle);
  CHECK(log.end == errc::bad_handle);
  CHECK(loop.counters().turns < 20);
  CHECK(used < CLOCKS_PER_SEC / 5);
  CHECK(said.text.find("acceptor") != std::string::npos);
}

TEST_CASE("descriptors: nothing we open is inherited by a child process") {
  const std::vector<int> before = inheritable_descriptors();
  const folder temp;
  std::ofstream(temp.file("f")) << "text";
  scheduler loop(native_poller());
  offload pool(loop, {});
  net::listener tcp(loop, open(loop, address::loopback_ipv4(0)));
  net::listener local(loop, open(loop, unix_at(temp.file("s"))));
  const result<file> source = file::open_read(temp.file("f"));
  REQUIRE(source.ok());
  CHECK(inheritable_descriptors() == before);
}

TEST_CASE("sockets: ours are not inherited, do not block, and send without delay") {
  scheduler loop(native_poller());
  const std::size_t before = open_sockets().size();
  const folder temp;
  net::listener tcp(loop, open(loop, address::loopback_ipv4(0)));
  net::listener local(loop, open(loop, unix_at(temp.file("s"))));
  std::vector<std::unique_ptr<net::socket_stream>> streams;
  std::vector<int> theirs;
  std::vector<raw_client> clients;
  for (net::listener* from : {&tcp, &local}) {
    clients.push_back(raw_client::connect(bound(*from)));
    theirs.push_back(clients.back().descriptor());
    const result<net::accepted> next = from->try_accept();
    REQUIRE(next.ok());
    const result<platform::socket_id> id = net::socket_stream::adopt(loop, next.value().socket);
    REQUIRE(id.ok());
    streams.push_back(std::make_unique<net::socket_stream>(loop, id.value()));
  }
  const result<platform::socket_id> outgoing = loop.poller().open_stream(bound(tcp));
  REQUIRE(outgoing.ok());
  net::socket_stream client(loop, outgoing.value());
  std::size_t ours = 0;
  for (const socket_facts& facts : open_sockets()) {
    if (std::find(theirs.begin(), theirs.end(), facts.descriptor) != theirs.end()) continue;
    ++ours;
    CHECK_FALSE(facts.inherited);
    CHECK_FALSE(facts.blocks);
    if (facts.is_ip && !facts.listens) CHECK(facts.no_delay);
  }
  CHECK(ours == before + 5);
}
