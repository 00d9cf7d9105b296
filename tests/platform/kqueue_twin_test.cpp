// The twin of kqueue is held to kevent(2) as macOS and FreeBSD document it: nothing here is weir's.
#include <sys/event.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch_amalgamated.hpp>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds patience{10'000};  // for what must come
constexpr milliseconds at_once{0};
constexpr milliseconds a_while{20};  // for what must not

class fd {
 public:
  explicit fd(int number) : number_(number) { REQUIRE(number >= 0); }
  fd(fd&& from) noexcept : number_(std::exchange(from.number_, -1)) {}
  ~fd() { close(); }
  void close() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }
  int get() const { return number_; }

 private:
  int number_;
};

struct two {
  fd here;
  fd there;
};

two connected() {
  int pair[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
  return {fd(pair[0]), fd(pair[1])};
}

fd listener() {
  fd one(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(one.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0);
  REQUIRE(::listen(one.get(), 16) == 0);
  return one;
}

fd caller(const fd& to) {
  sockaddr_in at{};
  socklen_t size = sizeof at;
  REQUIRE(::getsockname(to.get(), reinterpret_cast<sockaddr*>(&at), &size) == 0);
  fd one(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(one.get(), reinterpret_cast<const sockaddr*>(&at), size) == 0);
  return one;
}

void put(const fd& to, std::string_view text) {
  REQUIRE(::send(to.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(text.size()));
}

std::string take(const fd& from) {
  std::array<char, 65'536> into{};
  const ssize_t got = ::recv(from.get(), into.data(), into.size(), 0);
  return got > 0 ? std::string(into.data(), static_cast<std::size_t>(got)) : std::string();
}

void fill(const fd& to) {
  const std::string block(65'536, 'x');
  while (::send(to.get(), block.data(), block.size(), MSG_NOSIGNAL) > 0) {
  }
}

void* mark(std::uintptr_t number) {
  return reinterpret_cast<void*>(number);
}

struct kevent change(std::uintptr_t ident, int filter, int flags, void* udata = nullptr,
                     std::uint32_t fflags = 0, std::intptr_t data = 0) {
  struct kevent out{};
  EV_SET(&out, ident, static_cast<std::int16_t>(filter), static_cast<std::uint16_t>(flags), fflags,
         data, udata);
  return out;
}
struct kevent change(const fd& of, int filter, int flags, void* udata = nullptr) {
  return change(static_cast<std::uintptr_t>(of.get()), filter, flags, udata);
}

class queue {
 public:
  queue() : fd_(kqueue()) {}

  // 0, or the errno the one change got.
  int apply(struct kevent one) {
    return kevent(fd_.get(), &one, 1, nullptr, 0, nullptr) == 0 ? 0 : errno;
  }
  void add(const struct kevent& one) { REQUIRE(apply(one) == 0); }
  void trigger(std::uintptr_t ident) { add(change(ident, EVFILT_USER, 0, nullptr, NOTE_TRIGGER)); }

  std::vector<struct kevent> wait(milliseconds most, std::size_t room = 64) {
    const timespec span{most.count() / 1'000, (most.count() % 1'000) * 1'000'000};
    std::vector<struct kevent> out(room);
    const int got = kevent(fd_.get(), nullptr, 0, out.data(), static_cast<int>(room), &span);
    REQUIRE(got >= 0);
    out.resize(static_cast<std::size_t>(got));
    return out;
  }
  struct kevent one() {
    const std::vector<struct kevent> got = wait(patience);
    REQUIRE(got.size() == 1);
    return got.front();
  }
  bool silent() { return wait(a_while).empty(); }
  int number() const { return fd_.get(); }
  void close() { fd_.close(); }

 private:
  fd fd_;
};

bool eof(const struct kevent& event) {
  return (event.flags & EV_EOF) != 0;
}

std::size_t descriptors_open() {
  std::size_t count = 0;
  DIR* const folder = ::opendir("/proc/self/fd");
  REQUIRE(folder != nullptr);
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count;
}

}  // namespace

TEST_CASE("a level-triggered reader is told as long as bytes wait, and how many", "[kqueue]") {
  queue q;
  two s = connected();
  q.add(change(s.here, EVFILT_READ, EV_ADD, mark(7)));
  CHECK(q.silent());
  put(s.there, "abc");
  for (int i = 0; i < 3; ++i) {
    const struct kevent event = q.one();
    CHECK(event.ident == static_cast<std::uintptr_t>(s.here.get()));
    CHECK(event.filter == EVFILT_READ);
    CHECK(event.udata == mark(7));
    CHECK(event.data == 3);
    CHECK_FALSE(eof(event));
  }
  CHECK(take(s.here) == "abc");
  CHECK(q.silent());
}

TEST_CASE("EV_CLEAR tells of each arrival once, read or not", "[kqueue]") {
  queue q;
  two s = connected();
  put(s.there, "ab");
  q.add(change(s.here, EVFILT_READ, EV_ADD | EV_CLEAR));
  CHECK(q.one().data == 2);  // what was there already is an edge
  CHECK(q.silent());
  put(s.there, "c");
  CHECK(q.one().data == 3);
  CHECK(q.silent());
}

TEST_CASE("EV_CLEAR tells a writer again only after it had been blocked", "[kqueue]") {
  queue q;
  two s = connected();
  q.add(change(s.here, EVFILT_WRITE, EV_ADD | EV_CLEAR));
  CHECK(q.one().data > 0);
  CHECK(q.silent());
  fill(s.here);
  CHECK(q.silent());
  while (!take(s.there).empty()) {
  }
  CHECK(q.one().filter == EVFILT_WRITE);
  CHECK(q.silent());
}

TEST_CASE("the two filters of a descriptor are two knotes", "[kqueue]") {
  queue q;
  two s = connected();
  q.add(change(s.here, EVFILT_READ, EV_ADD, mark(1)));
  q.add(change(s.here, EVFILT_WRITE, EV_ADD | EV_CLEAR, mark(2)));
  put(s.there, "x");
  std::map<int, void*> seen;
  for (const struct kevent& event : q.wait(patience)) seen[event.filter] = event.udata;
  CHECK(seen == std::map<int, void*>{{EVFILT_READ, mark(1)}, {EVFILT_WRITE, mark(2)}});
  q.add(change(s.here, EVFILT_WRITE, EV_DELETE));
  CHECK(q.apply(change(s.here, EVFILT_WRITE, EV_DELETE)) == ENOENT);
  CHECK(q.one().udata == mark(1));
}

TEST_CASE("EV_ADD of a knote that is there changes it", "[kqueue]") {
  queue q;
  two s = connected();
  put(s.there, "x");
  q.add(change(s.here, EVFILT_READ, EV_ADD | EV_CLEAR, mark(1)));
  CHECK(q.one().udata == mark(1));
  q.add(change(s.here, EVFILT_READ, EV_ADD | EV_CLEAR, mark(2)));
  CHECK(q.one().udata == mark(2));  // and looks again
  CHECK(q.silent());
}

TEST_CASE("EV_EOF comes with the last bytes, and stays", "[kqueue]") {
  queue q;
  two s = connected();
  q.add(change(s.here, EVFILT_READ, EV_ADD));
  put(s.there, "end");
  SECTION("when the peer shuts its side") {
    REQUIRE(::shutdown(s.there.get(), SHUT_WR) == 0);
  }
  SECTION("when the peer closes") {
    s.there.close();
  }
  const struct kevent event = q.one();
  CHECK(event.data == 3);
  CHECK(eof(event));
  CHECK(take(s.here) == "end");
  CHECK(eof(q.one()));
}

TEST_CASE("a writer whose peer is gone is told so", "[kqueue]") {
  queue q;
  two s = connected();
  q.add(change(s.here, EVFILT_WRITE, EV_ADD | EV_CLEAR));
  CHECK_FALSE(eof(q.one()));
  s.there.close();
  CHECK(eof(q.one()));
}

TEST_CASE("a listener is ready while a connection waits; disabled it says nothing", "[kqueue]") {
  queue q;
  const fd door = listener();
  q.add(change(door, EVFILT_READ, EV_ADD, mark(3)));
  CHECK(q.silent());
  const fd first = caller(door);
  CHECK(q.one().data == 1);
  CHECK(q.one().udata == mark(3));
  q.add(change(door, EVFILT_READ, EV_DISABLE, mark(3)));
  CHECK(q.silent());
  const fd second = caller(door);
  CHECK(q.silent());
  q.add(change(door, EVFILT_READ, EV_ENABLE, mark(4)));
  CHECK(q.one().udata == mark(4));
  for (int i = 0; i < 2; ++i) const fd taken(::accept(door.get(), nullptr, nullptr));
  CHECK(q.silent());
}

TEST_CASE("a disabled knote is silent about a peer that ends, until it is enabled", "[kqueue]") {
  queue q;
  two s = connected();
  q.add(change(s.here, EVFILT_READ, EV_ADD | EV_DISABLE));
  s.there.close();
  CHECK(q.silent());
  CHECK(q.silent());
  q.add(change(s.here, EVFILT_READ, EV_ENABLE));
  CHECK(eof(q.one()));
}

TEST_CASE("EV_ONESHOT is delivered once and is gone", "[kqueue]") {
  queue q;
  two s = connected();
  put(s.there, "x");
  q.add(change(s.here, EVFILT_READ, EV_ADD | EV_ONESHOT));
  CHECK(q.one().data == 1);
  CHECK(q.silent());
  CHECK(q.apply(change(s.here, EVFILT_READ, EV_ENABLE)) == ENOENT);
}

TEST_CASE("EV_DISPATCH is delivered once and waits to be enabled", "[kqueue]") {
  queue q;
  two s = connected();
  put(s.there, "x");
  q.add(change(s.here, EVFILT_READ, EV_ADD | EV_DISPATCH));
  for (int i = 0; i < 3; ++i) {
    CHECK(q.one().data == 1);
    CHECK(q.silent());
    q.add(change(s.here, EVFILT_READ, EV_ENABLE));
  }
}

TEST_CASE("a change that cannot be made is named", "[kqueue]") {
  queue q;
  two s = connected();
  CHECK(q.apply(change(s.here, EVFILT_READ, EV_DELETE)) == ENOENT);
  CHECK(q.apply(change(s.here, EVFILT_READ, EV_ENABLE)) == ENOENT);
  CHECK(q.apply(change(s.here, -99, EV_ADD)) == EINVAL);
  CHECK(q.apply(change(9'999, EVFILT_READ, EV_ADD)) == EBADF);
  CHECK(q.apply(change(5, EVFILT_USER, 0, nullptr, NOTE_TRIGGER)) == ENOENT);
  CHECK(q.apply(change(5, EVFILT_TIMER, EV_DELETE)) == ENOENT);
}

TEST_CASE("EV_RECEIPT answers each change in turn, and no event comes in that call", "[kqueue]") {
  queue q;
  two s = connected();
  put(s.there, "x");
  std::array<struct kevent, 3> list{change(s.here, EVFILT_READ, EV_ADD | EV_RECEIPT),
                                    change(s.there, EVFILT_READ, EV_DELETE | EV_RECEIPT),
                                    change(s.here, EVFILT_WRITE, EV_ADD | EV_RECEIPT)};
  // One array for both lists, and no timeout: with receipts there is nothing to wait for.
  REQUIRE(kevent(q.number(), list.data(), 3, list.data(), 3, nullptr) == 3);
  for (const struct kevent& receipt : list) CHECK((receipt.flags & EV_ERROR) != 0);
  CHECK(list[0].data == 0);
  CHECK(list[1].data == ENOENT);
  CHECK(list[1].ident == static_cast<std::uintptr_t>(s.there.get()));
  CHECK(list[2].data == 0);
  CHECK(q.wait(patience).size() == 2);
}

TEST_CASE("without EV_RECEIPT an error takes a place in the list, if there is one", "[kqueue]") {
  queue q;
  two s = connected();
  const std::array<struct kevent, 2> list{change(s.here, EVFILT_READ, EV_DELETE),
                                          change(s.here, EVFILT_WRITE, EV_ADD)};
  std::array<struct kevent, 2> out{};
  REQUIRE(kevent(q.number(), list.data(), 2, out.data(), 2, nullptr) == 1);
  CHECK((out[0].flags & EV_ERROR) != 0);
  CHECK(out[0].data == ENOENT);
  CHECK(q.one().filter == EVFILT_WRITE);  // the second change was made
  CHECK(kevent(q.number(), list.data(), 1, nullptr, 0, nullptr) == -1);
  CHECK(errno == ENOENT);
}

TEST_CASE("closing a descriptor removes its knotes, and its successor has none", "[kqueue]") {
  queue q;
  two s = connected();
  put(s.there, "x");
  q.add(change(s.here, EVFILT_READ, EV_ADD, mark(1)));
  q.add(change(s.here, EVFILT_WRITE, EV_ADD, mark(1)));
  const int number = s.here.get();
  s.here.close();
  CHECK(q.silent());
  two next = connected();
  if (next.here.get() != number) REQUIRE(::dup2(next.here.get(), number) == number);
  put(next.there, "y");
  CHECK(q.silent());
  const auto ident = static_cast<std::uintptr_t>(number);
  CHECK(q.apply(change(ident, EVFILT_WRITE, EV_ENABLE)) == ENOENT);
  q.add(change(ident, EVFILT_READ, EV_ADD, mark(2)));
  CHECK(q.one().udata == mark(2));
  if (next.here.get() != number) ::close(number);
}

TEST_CASE("a short event list loses nothing", "[kqueue]") {
  const auto room = GENERATE(std::size_t{1}, std::size_t{3}, std::size_t{64}, std::size_t{1'024});
  queue q;
  std::vector<two> all;
  std::set<std::pair<std::uintptr_t, int>> expected;
  for (int i = 0; i < 200; ++i) {
    all.push_back(connected());
    const two& s = all.back();
    for (const int filter : {EVFILT_READ, EVFILT_WRITE}) {
      q.add(change(s.here, filter, EV_ADD | EV_CLEAR));
      expected.emplace(static_cast<std::uintptr_t>(s.here.get()), filter);
    }
    put(s.there, "x");
  }
  q.add(change(1, EVFILT_USER, EV_ADD | EV_CLEAR));
  q.trigger(1);
  expected.emplace(1, EVFILT_USER);
  std::set<std::pair<std::uintptr_t, int>> seen;
  std::size_t events = 0;
  while (events < expected.size()) {
    const std::vector<struct kevent> got = q.wait(patience, room);
    REQUIRE_FALSE(got.empty());
    for (const struct kevent& event : got) seen.emplace(event.ident, event.filter);
    events += got.size();
  }
  CHECK(seen == expected);
  CHECK(q.wait(a_while, room).empty());
}

TEST_CASE("a short event list does not let the readers starve a writer", "[kqueue]") {
  queue q;
  two loud = connected();
  two quiet = connected();
  put(loud.there, "x");
  q.add(change(loud.here, EVFILT_READ, EV_ADD));
  q.add(change(quiet.here, EVFILT_WRITE, EV_ADD));
  q.add(change(1, EVFILT_USER, EV_ADD));
  q.trigger(1);
  std::set<int> seen;
  for (int i = 0; i < 6; ++i) seen.insert(q.wait(patience, 1).at(0).filter);
  CHECK(seen == std::set<int>{EVFILT_READ, EVFILT_WRITE, EVFILT_USER});
}

TEST_CASE("user events: triggers add up to one, EV_CLEAR takes it, else it stays", "[kqueue]") {
  queue q;
  q.add(change(1, EVFILT_USER, EV_ADD | EV_CLEAR, mark(9)));
  CHECK(q.silent());
  for (int i = 0; i < 3; ++i) q.trigger(1);
  const struct kevent event = q.one();
  CHECK(event.ident == 1);
  CHECK(event.filter == EVFILT_USER);
  CHECK(q.silent());
  q.add(change(2, EVFILT_USER, EV_ADD));
  q.trigger(2);
  CHECK(q.one().ident == 2);
  CHECK(q.one().ident == 2);
  q.add(change(2, EVFILT_USER, EV_DELETE));
  CHECK(q.silent());
}

TEST_CASE("a user event may have the number of a descriptor", "[kqueue]") {
  queue q;
  two s = connected();
  const auto ident = static_cast<std::uintptr_t>(s.here.get());
  q.add(change(s.here, EVFILT_READ, EV_ADD | EV_CLEAR, mark(1)));
  q.add(change(ident, EVFILT_USER, EV_ADD | EV_CLEAR, mark(2)));
  put(s.there, "x");
  CHECK(q.one().udata == mark(1));
  q.trigger(ident);
  CHECK(q.one().filter == EVFILT_USER);
}

TEST_CASE("timers: the units, and how often they went off", "[kqueue]") {
  struct row {
    std::uint32_t unit;
    std::intptr_t data;
  };
  const row r = GENERATE(row{0, 10}, row{NOTE_USECONDS, 10'000}, row{NOTE_NSECONDS, 10'000'000});
  queue q;
  const auto begin = steady_clock::now();
  q.add(change(4, EVFILT_TIMER, EV_ADD | EV_ONESHOT, mark(5), r.unit, r.data));
  const struct kevent event = q.one();
  CHECK(steady_clock::now() - begin >= milliseconds(10));
  CHECK(event.filter == EVFILT_TIMER);
  CHECK(event.ident == 4);
  CHECK(event.udata == mark(5));
  CHECK(event.data == 1);
  CHECK(q.apply(change(4, EVFILT_TIMER, EV_DELETE)) == ENOENT);
}

TEST_CASE("timers repeat, add up while nobody asks, and stop when deleted", "[kqueue]") {
  queue q;
  q.add(change(4, EVFILT_TIMER, EV_ADD, nullptr, 0, 2));
  q.add(change(5, EVFILT_TIMER, EV_ADD, nullptr, NOTE_SECONDS, 3'600));
  CHECK(q.one().ident == 4);
  q.add(change(4, EVFILT_TIMER, EV_DISABLE));
  CHECK(q.silent());  // ten times its span
  q.add(change(4, EVFILT_TIMER, EV_ENABLE));
  const struct kevent event = q.one();
  CHECK(event.ident == 4);
  CHECK(event.data > 1);
  q.add(change(4, EVFILT_TIMER, EV_DELETE));
  CHECK(q.silent());
}

TEST_CASE("a wait ends in time, not before", "[kqueue]") {
  queue q;
  two s = connected();
  CHECK(q.wait(at_once).empty());
  q.add(change(s.here, EVFILT_READ, EV_ADD | EV_DISABLE));
  s.there.close();  // a sign inside that is no event: the wait goes on
  const auto begin = steady_clock::now();
  CHECK(q.wait(milliseconds(30)).empty());
  CHECK(steady_clock::now() - begin >= milliseconds(30));
}

TEST_CASE("another thread's change and trigger wake a wait that is under way", "[kqueue]") {
  queue q;
  two s = connected();
  put(s.there, "x");
  q.add(change(1, EVFILT_USER, EV_ADD | EV_CLEAR));
  std::thread other([&] { static_cast<void>(q.apply(change(s.here, EVFILT_READ, EV_ADD))); });
  CHECK(q.one().filter == EVFILT_READ);
  other.join();
  q.add(change(s.here, EVFILT_READ, EV_DELETE));
  other = std::thread(
      [&] { static_cast<void>(q.apply(change(1, EVFILT_USER, 0, nullptr, NOTE_TRIGGER))); });
  CHECK(q.one().filter == EVFILT_USER);
  other.join();
}

TEST_CASE("what a thread wrote before its trigger is seen after the event", "[kqueue]") {
  queue q;
  constexpr int threads = 4;
  std::array<int, threads> written{};  // plain: ordered by the queue alone
  for (std::uintptr_t i = 0; i < threads; ++i) q.add(change(i, EVFILT_USER, EV_ADD | EV_CLEAR));
  std::vector<std::thread> all;
  for (std::size_t i = 0; i < threads; ++i) {
    all.emplace_back([&q, &written, i] {
      written[i] = static_cast<int>(i) + 1;
      static_cast<void>(q.apply(change(i, EVFILT_USER, 0, nullptr, NOTE_TRIGGER)));
    });
  }
  std::size_t seen = 0;
  while (seen < threads) {
    for (const struct kevent& event : q.wait(patience)) {
      CHECK(written[event.ident] == static_cast<int>(event.ident) + 1);
      ++seen;
    }
  }
  for (std::thread& one : all) one.join();
}

TEST_CASE("a closed queue is EBADF, and what it held is freed", "[kqueue]") {
  {
    const queue settled;
  }  // what earlier tests left
  {
    const queue settled;
  }
  const std::size_t before = descriptors_open();
  for (int i = 0; i < 50; ++i) {
    queue q;
    q.add(change(1, EVFILT_USER, EV_ADD));
    q.add(change(1, EVFILT_TIMER, EV_ADD, nullptr, 0, 1'000));
    const int number = q.number();
    q.close();
    struct kevent none{};
    const timespec now{};
    CHECK(kevent(number, nullptr, 0, &none, 1, &now) == -1);
    CHECK(errno == EBADF);
  }
  CHECK(descriptors_open() <= before + 4);
}
