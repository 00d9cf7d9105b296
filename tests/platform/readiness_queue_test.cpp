// What readiness_queue.hpp promises the reactor, held to each queue by itself: from above, a queue
// that says too much only costs time, and nobody would see it.
#include <array>
#include <catch_amalgamated.hpp>
#include <string_view>
#include <vector>

#include <weir/platform/address.hpp>

#include "epoll/epoll_queue.hpp"
#include "kqueue/kqueue_queue.hpp"
#include "posix/socket_calls.hpp"
#include "readiness_queue.hpp"

namespace weir::platform {
namespace {

constexpr time_ns patience_ns = 10 * second_ns;      // for what must come
constexpr time_ns a_while_ns = 20 * millisecond_ns;  // for what must not

int taken(result<int> fd) {
  REQUIRE(fd.ok());
  return fd.value();
}

struct sockets {
  sockets() : door(taken(posix::listen(address::loopback_ipv4(0), {}))) {}
  ~sockets() {
    for (const int fd : all) posix::close(fd);
    posix::close(door);
  }
  // A connection that waits in the listener's queue.
  int call() {
    const address at = posix::local_address(door).value();
    const int fd = taken(posix::open_stream(at));
    all.push_back(fd);
    const error why = posix::connect(fd, at);
    REQUIRE((!why || why.code == errc::in_progress));
    return fd;
  }
  int take() {
    const int fd = taken(posix::accept(door, nullptr));
    all.push_back(fd);
    return fd;
  }
  void send(int fd, std::string_view text) {
    const byte_view part = as_bytes(text);
    REQUIRE(posix::send(fd, {&part, 1}).ok());
  }

  int door;
  std::vector<int> all;
};

template <class Queue>
struct watched {
  watched() { REQUIRE_FALSE(queue.open()); }
  std::vector<ready_event> wait(time_ns span_ns, std::size_t room = 64) {
    std::vector<ready_event> out(room);
    woken = false;
    const result<std::size_t> got = queue.wait(out, span_ns, woken);
    REQUIRE(got.ok());
    out.resize(got.value());
    return out;
  }
  ready_event one() {
    const std::vector<ready_event> got = wait(patience_ns);
    REQUIRE(got.size() == 1);
    return got.front();
  }
  bool silent() { return wait(a_while_ns).empty() && !woken; }

  Queue queue;
  bool woken = false;
};

}  // namespace

TEMPLATE_TEST_CASE("a stream's edges come once, with the token of who watches", "[queue]",
                   epoll_queue, kqueue_queue) {
  sockets s;
  watched<TestType> w;
  const int client = s.call();
  const int server = s.take();
  s.send(client, "early");
  REQUIRE_FALSE(w.queue.watch_stream(server, 7, false));
  const ready_event first = w.one();  // what was there already counts as an edge
  CHECK(first.token == 7);
  CHECK(first.readable);
  CHECK_FALSE(first.writable);
  CHECK_FALSE(first.hangup);
  CHECK(w.silent());
  s.send(client, "more");
  CHECK(w.one().readable);
  CHECK(w.silent());
  REQUIRE_FALSE(posix::shut_send(client));
  CHECK(w.one().hangup);
}

TEMPLATE_TEST_CASE("our own end of sending is not the peer's", "[queue]", epoll_queue,
                   kqueue_queue) {
  sockets s;
  watched<TestType> w;
  s.call();
  const int server = s.take();
  REQUIRE_FALSE(w.queue.watch_stream(server, 7, true));
  REQUIRE_FALSE(posix::shut_send(server));
  for (const ready_event& event : w.wait(a_while_ns)) CHECK_FALSE(event.hangup);
}

TEMPLATE_TEST_CASE("writing is told when it was asked for, at once or later", "[queue]",
                   epoll_queue, kqueue_queue) {
  sockets s;
  watched<TestType> w;
  s.call();
  const int server = s.take();
  SECTION("at once") {
    REQUIRE_FALSE(w.queue.watch_stream(server, 7, true));
  }
  SECTION("later") {
    REQUIRE_FALSE(w.queue.watch_stream(server, 7, false));
    CHECK(w.silent());
    REQUIRE_FALSE(w.queue.add_writes(server, 7));
  }
  const ready_event event = w.one();
  CHECK(event.writable);
  CHECK_FALSE(event.readable);
  CHECK(event.token == 7);
  CHECK(w.silent());
}

TEMPLATE_TEST_CASE("a listener is told again until it is paused, and again when resumed", "[queue]",
                   epoll_queue, kqueue_queue) {
  sockets s;
  watched<TestType> w;
  REQUIRE_FALSE(w.queue.watch_listener(s.door, 3));
  CHECK(w.silent());
  s.call();
  for (int i = 0; i < 3; ++i) CHECK(w.one().token == 3);
  REQUIRE_FALSE(w.queue.pause_listener(s.door, 3));
  CHECK(w.silent());
  s.call();
  CHECK(w.silent());
  REQUIRE_FALSE(w.queue.resume_listener(s.door, 3));
  CHECK(w.one().readable);
}

TEMPLATE_TEST_CASE("what cannot be watched is an error, not a silence", "[queue]", epoll_queue,
                   kqueue_queue) {
  watched<TestType> w;
  constexpr int nobody = 99'999;
  CHECK(w.queue.watch_stream(nobody, 1, false).code == errc::bad_handle);
  CHECK(w.queue.watch_stream(nobody, 1, true).code == errc::bad_handle);
  CHECK(w.queue.add_writes(nobody, 1).code == errc::bad_handle);
  CHECK(w.queue.watch_listener(nobody, 1).code == errc::bad_handle);
  CHECK(w.queue.resume_listener(nobody, 1).code == errc::bad_handle);
}

TEMPLATE_TEST_CASE("a short list loses no edge of many streams", "[queue]", epoll_queue,
                   kqueue_queue) {
  sockets s;
  watched<TestType> w;
  constexpr std::uint64_t streams = 40;
  for (std::uint64_t i = 0; i < streams; ++i) {
    s.send(s.call(), "x");
    REQUIRE_FALSE(w.queue.watch_stream(s.take(), i, true));
  }
  std::array<int, streams> readable{};
  std::array<int, streams> writable{};
  for (;;) {
    const std::vector<ready_event> got = w.wait(a_while_ns, 3);
    if (got.empty()) break;
    for (const ready_event& event : got) {
      readable[event.token] += event.readable;
      writable[event.token] += event.writable;
    }
  }
  for (std::size_t i = 0; i < streams; ++i) {
    INFO("stream " << i);
    CHECK(readable[i] >= 1);
    CHECK(writable[i] >= 1);
  }
}

TEMPLATE_TEST_CASE("wakes end one wait, however many there were", "[queue]", epoll_queue,
                   kqueue_queue) {
  watched<TestType> w;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 5; ++i) w.queue.wake();
    CHECK(w.wait(patience_ns).empty());
    CHECK(w.woken);
    CHECK(w.silent());
  }
}

}  // namespace weir::platform
