// Listeners on what POSIX has besides TCP: Unix sockets and their files, ports that are shared,
// descriptors that a child would inherit.
#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <random>
#include <vector>

#include <weir/platform/file.hpp>

#include "net/listeners.hpp"
#include "support/raw_sockets.hpp"
#include "support/raw_system.hpp"

using namespace weir;
using namespace weir::runtime;
using namespace weir::test;

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
#if defined(__linux__)
  REQUIRE(closed > 0);  // the kqueue twin's queue is an epoll too
#else
  if (closed == 0) SKIP("event queues cannot be told from other descriptors here");
#endif
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
