// TLS over simulated connections: two whole streams, in virtual time and in any weather.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <catch_amalgamated.hpp>

#include <weir/net/connect.hpp>
#include <weir/net/linger.hpp>
#include <weir/net/listener.hpp>
#include <weir/net/socket_stream.hpp>
#include <weir/runtime/nursery.hpp>
#include <weir/tls/stream.hpp>

#include "engine_pair.hpp"
#include "runtime/virtual_loop.hpp"

using namespace weir;
using namespace weir::runtime;
using namespace weir::test;
using platform::sim_step;

namespace {

const address server_at = address::loopback_ipv4(8443);
constexpr time_ns handshake_span_ns = 10 * second_ns;
constexpr time_ns close_span_ns = 2 * second_ns;

// One end: a connection, and TLS over it.
struct end_point {
  end_point(scheduler& loop, platform::socket_id id, std::unique_ptr<engine> over,
            const tls::stream_options& options)
      : socket(loop, id), stream(loop, socket, std::move(over), options) {}
  net::socket_stream socket;
  tls::stream stream;
};

// What one end does once it is open; it may leave the end as it is.
using part = std::function<task<error>(end_point&)>;

struct world {
  explicit world(tls::version v = tls::version::tls_1_3, const platform::sim_options& network = {})
      : of(speaking(v)),
        loop(scheduler_options(), network),
        pool(65'536, 256, 8),
        records(engine::records_bytes(), 256, 8) {}

  std::pair<tls::context, tls::context> of;
  virtual_loop loop;
  buffer_pool pool;
  buffer_pool records;
  tls::stream_options server_options;
  tls::stream_options client_options;
  tls::engine_counters server_counters;
  time_ns handshake_due_ns = handshake_span_ns;
  bool abandon = false;  // the server says no close_notify
};

task<error> write_text(byte_stream& to, std::string_view text) {
  while (!text.empty()) {
    const result<std::size_t> taken = co_await write_some(to, as_bytes(text));
    if (!taken.ok()) co_return taken.why();
    if (taken.value() == 0) co_return error(errc::other, "a write of nothing");
    text.remove_prefix(taken.value());
  }
  co_return error{};
}

// Reads until `enough` bytes are there, or the stream ends.
task<error> read_text(byte_stream& from, std::string& out, std::size_t enough) {
  scope& here = co_await this_scope();
  while (out.size() < enough) {
    const byte_span room = here.owner().lend_receive_buffer();
    const result<std::size_t> got = from.try_read(room);
    if (got.ok()) {
      out += as_text(byte_view(room).first(got.value()));
      continue;
    }
    if (got.why().code != errc::would_block) co_return got.why();
    const error why = co_await readable(from);
    if (why) co_return why;
  }
  co_return error{};
}

task<error> play(world& w, platform::socket_id id, bool server, const part& does) {
  scheduler& loop = w.loop.loop;
  tls::engine_options options;
  options.buffers = &w.pool;
  options.records = &w.records;
  result<std::unique_ptr<engine>> made = server ? engine::for_server(w.of.first, options)
                                                : engine::for_client(w.of.second, host, options);
  if (!made.ok()) co_return made.why();
  end_point end(loop, id, std::move(made).value(), server ? w.server_options : w.client_options);
  const time_ns due_ns = due_after(loop.now_ns(), w.handshake_due_ns);
  const error shaken = co_await end.stream.handshake(due_ns);
  error why = shaken;
  if (!why) {
    const error done = co_await does(end);
    why = done;
  }
  if (server && w.abandon) {
    const error ended = co_await end.stream.abandon();
    static_cast<void>(ended);
    co_return why;
  }
  const time_ns close_ns = due_after(loop.now_ns(), close_span_ns);
  const error closed = co_await end.stream.finish(close_ns);
  if (server) w.server_counters = end.stream.session().counters();
  if (!why) why = closed;
  if (!closed) {
    // A client that never reads has tickets unread: closing now would reset what it sent.
    const result<net::linger_end> lingered = co_await net::linger_close(loop, end.socket, {});
    static_cast<void>(lingered);
  }
  co_return why;
}

task<error> serve_one(world& w, net::listener& from, const part& does) {
  const result<net::accepted> next = co_await from.accept();
  if (!next.ok()) co_return next.why();
  const result<platform::socket_id> id =
      net::socket_stream::adopt(w.loop.loop, next.value().socket);
  if (!id.ok()) co_return id.why();
  const error why = co_await play(w, id.value(), true, does);
  co_return why;
}

task<error> serve_all(world& w, net::listener& from, const part& does, std::vector<outcome>& ends) {
  for (outcome& each : ends) {
    const result<net::accepted> next = co_await from.accept();
    if (!next.ok()) co_return next.why();
    const result<platform::socket_id> id =
        net::socket_stream::adopt(w.loop.loop, next.value().socket);
    if (!id.ok()) co_return id.why();
    begin(w.loop.loop, play(w, id.value(), true, does), each, "server");
  }
  co_return error{};
}

task<error> visit(world& w, const part& does) {
  const result<platform::socket_id> id = co_await net::connect(w.loop.loop, {&server_at, 1}, {});
  if (!id.ok()) co_return id.why();
  const error why = co_await play(w, id.value(), false, does);
  co_return why;
}

struct ends {
  outcome server;
  outcome client;
};

// Both ends, until both are done.
ends run(world& w, const part& server, const part& client, time_ns span_ns = 60 * second_ns) {
  const result<platform::socket_id> opened = net::listener::open(w.loop.loop, server_at, {});
  REQUIRE(opened.ok());
  net::listener door(w.loop.loop, opened.value());
  ends out;
  begin(w.loop.loop, serve_one(w, door, server), out.server, "server");
  begin(w.loop.loop, visit(w, client), out.client, "client");
  const time_ns due_ns = w.loop.net.now_ns() + span_ns;
  while (!(out.server.done && out.client.done) && w.loop.net.now_ns() < due_ns) {
    REQUIRE_FALSE(w.loop.loop.poll_once(due_ns));
  }
  REQUIRE(out.server.done);
  REQUIRE(out.client.done);
  settle(w.loop.loop);
  CHECK(w.pool.in_use() == 0);
  CHECK(w.records.in_use() == 0);
  CHECK(w.loop.net.violations().empty());
  return out;
}

task<error> echo(end_point& at) {
  for (;;) {
    std::string text;
    const error read = co_await read_text(at.stream, text, 1);
    if (read == errc::eof) co_return error{};
    if (read) co_return read;
    const error wrote = co_await write_text(at.stream, text);
    if (wrote) co_return wrote;
  }
}

task<error> nothing(end_point&) {
  co_return error{};
}

// Does not read.
task<error> deaf(end_point&) {
  scope& here = co_await this_scope();
  const error slept = co_await sleep_until(due_after(here.owner().now_ns(), 30 * second_ns));
  co_return slept;
}

struct asking {
  std::string text;
  std::string got;
  error end{};
};

task<error> ask(end_point& at, asking& with) {
  // In two halves: so much at once would fill both directions of an echo.
  std::size_t sent = 0;
  while (sent < with.text.size()) {
    const std::size_t count = std::min<std::size_t>(with.text.size() - sent, 20'000);
    const error wrote =
        co_await write_text(at.stream, std::string_view(with.text).substr(sent, count));
    if (wrote) co_return wrote;
    sent += count;
    const error read = co_await read_text(at.stream, with.got, sent);
    if (read) co_return read;
  }
  const error shut = at.stream.shut_write();
  if (shut) co_return shut;
  const error end = co_await read_text(at.stream, with.got, ~std::size_t{0});
  with.end = end;
  co_return error{};
}

}  // namespace

TEST_CASE("stream: an echo comes back whole, in any weather, over both versions") {
  const tls::version v = GENERATE(tls::version::tls_1_2, tls::version::tls_1_3);
  const bool kernel = GENERATE(false, true);
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    INFO("seed " << seed);
    platform::sim_options weather;
    weather.seed = seed;
    weather.kernel_owns_buffers = kernel;
    weather.shuffle = true;
    weather.short_receive_permille = 300;
    weather.short_send_permille = 300;
    weather.would_block_permille = 200;
    weather.early_readable_permille = 200;
    weather.pipe_bytes = seed % 2 == 0 ? 3'000 : 128 * 1024;
    weather.latency_max_ns = 5 * millisecond_ns;
    world w(v, weather);
    asking with{pattern(100'000), {}, {}};
    const ends out = run(w, echo, [&](end_point& at) { return ask(at, with); });
    CHECK_FALSE(out.server.why);
    CHECK_FALSE(out.client.why);
    CHECK(with.got == with.text);
    CHECK(with.end == errc::eof);
    CHECK(w.server_counters.futile_retries == 0);
    CHECK(w.server_counters.cross_wants == 0);
  }
}

TEST_CASE("stream: a server that vanishes without close_notify is told from one that ends") {
  world w;
  w.abandon = true;
  std::string got;
  const part reads = [&](end_point& at) { return read_text(at.stream, got, ~std::size_t{0}); };
  const ends out =
      run(w, [](end_point& at) { return write_text(at.stream, "half an ans"); }, reads);
  CHECK(got == "half an ans");
  CHECK(out.client.why == errc::truncated);
}

TEST_CASE("stream: a client that has ended its side is still answered") {
  const tls::version v = GENERATE(tls::version::tls_1_2, tls::version::tls_1_3);
  world w(v);
  std::string asked;
  std::string got;
  error end;
  struct late {
    static task<error> answer(end_point& at, std::string& into) {
      const error read = co_await read_text(at.stream, into, ~std::size_t{0});
      if (read.code != errc::eof) co_return read;
      scope& here = co_await this_scope();
      const error slept = co_await sleep_until(due_after(here.owner().now_ns(), second_ns));
      if (slept) co_return slept;
      const std::string text = pattern(50'000);
      const error wrote = co_await write_text(at.stream, text);
      co_return wrote;
    }
    static task<error> ask(end_point& at, std::string& into, error& end) {
      const error wrote = co_await write_text(at.stream, "question");
      if (wrote) co_return wrote;
      const error shut = at.stream.shut_write();
      if (shut) co_return shut;
      const error read = co_await read_text(at.stream, into, ~std::size_t{0});
      end = read;
      co_return error{};
    }
  };
  const ends out = run(
      w, [&](end_point& at) { return late::answer(at, asked); },
      [&](end_point& at) { return late::ask(at, got, end); });
  CHECK_FALSE(out.server.why);
  CHECK_FALSE(out.client.why);
  CHECK(asked == "question");
  CHECK(got == pattern(50'000));
  CHECK(end == errc::eof);
}

TEST_CASE("stream: what was taken goes on leaving while its owner waits for something else") {
  platform::sim_options network;
  network.pipe_bytes = 2'000;
  world w(tls::version::tls_1_3, network);
  struct parts {
    static task<error> fill_and_sleep(end_point& at, std::size_t& taken) {
      const std::string text = pattern(30'000);
      const byte_view view = as_bytes(text);
      const result<std::size_t> got = at.stream.try_write({&view, 1});
      if (!got.ok()) co_return got.why();
      taken = got.value();
      scope& here = co_await this_scope();
      const error slept = co_await sleep_until(due_after(here.owner().now_ns(), 5 * second_ns));
      co_return slept;
    }
    static task<error> read(end_point& at, std::string& got, time_ns& at_ns) {
      const error why = co_await read_text(at.stream, got, 30'000);
      scope& here = co_await this_scope();
      at_ns = here.owner().now_ns();
      co_return why;
    }
  };
  std::size_t taken = 0;
  std::string got;
  time_ns at_ns = 0;
  const time_ns start_ns = w.loop.net.now_ns();
  const ends out = run(
      w, [&](end_point& at) { return parts::fill_and_sleep(at, taken); },
      [&](end_point& at) { return parts::read(at, got, at_ns); });
  CHECK_FALSE(out.client.why);
  CHECK(taken == 30'000);
  CHECK(got == pattern(30'000));
  CHECK(at_ns < start_ns + second_ns);
}

TEST_CASE("stream: the handshake has one deadline, however it is dripped") {
  world w;
  std::string hello;
  {
    const std::unique_ptr<engine> client = take(engine::for_client(w.of.second, host));
    static_cast<void>(client->advance());
    hello = std::string(as_text(client->egress()[0]));
  }
  const result<platform::socket_id> opened = net::listener::open(w.loop.loop, server_at, {});
  REQUIRE(opened.ok());
  net::listener door(w.loop.loop, opened.value());
  platform::sim_peer peer;
  peer.at = server_at;
  SECTION("silent") {}
  SECTION("a byte each second") {
    peer.steps = {sim_step::drip(hello, 1, second_ns)};
  }
  SECTION("stalled after its first flight") {
    peer.steps = {sim_step::send(hello), sim_step::await_end()};
  }
  SECTION("never reading") {
    peer.steps = {sim_step::stop_reading(), sim_step::send(hello), sim_step::await_end()};
  }
  REQUIRE(w.loop.net.add_peer(peer).ok());
  outcome end;
  begin(w.loop.loop, serve_one(w, door, nothing), end, "server");
  const time_ns start_ns = w.loop.net.now_ns();
  run_for(w.loop, 11 * second_ns);
  REQUIRE(end.done);
  CHECK(end.why == errc::timed_out);
  CHECK(std::string(where(end.why)) == "handshake_deadline");
  CHECK(end.at_ns >= start_ns + handshake_span_ns);
  CHECK(end.at_ns < start_ns + handshake_span_ns + 10 * millisecond_ns);
}

TEST_CASE("W10: 64 peers that never read do not keep a server from ending") {
  platform::sim_options network;
  network.pipe_bytes = 4'000;
  world w(tls::version::tls_1_3, network);
  const result<platform::socket_id> opened = net::listener::open(w.loop.loop, server_at, {});
  REQUIRE(opened.ok());
  net::listener door(w.loop.loop, opened.value());
  struct parts {
    static task<error> flood(end_point& at) {
      const std::string text = pattern(100'000);
      const byte_view view = as_bytes(text);
      const result<std::size_t> got = at.stream.try_write({&view, 1});
      co_return got.why();
    }
  };
  const part flood = parts::flood;
  const part quiet = deaf;
  constexpr std::size_t peers = 64;
  std::vector<outcome> servers(peers);
  std::vector<outcome> clients(peers);
  outcome accepting;
  begin(w.loop.loop, serve_all(w, door, flood, servers), accepting, "accepting");
  for (outcome& each : clients) begin(w.loop.loop, visit(w, quiet), each, "client");
  const time_ns start_ns = w.loop.net.now_ns();
  run_for(w.loop, 5 * second_ns);
  for (const outcome& each : servers) {
    REQUIRE(each.done);
    INFO(to_string(each.why.code) << " " << each.why.where);
    CHECK(each.why == errc::timed_out);
    CHECK(each.at_ns < start_ns + close_span_ns + 200 * millisecond_ns);
  }
  run_for(w.loop, 40 * second_ns);
  for (const outcome& each : clients) CHECK(each.done);
  CHECK(w.pool.in_use() == 0);
  CHECK(w.records.in_use() == 0);
}

TEST_CASE("no spin: 64 streams blocked in both directions ask the library nothing meanwhile") {
  platform::sim_options network;
  network.pipe_bytes = 4'000;
  network.kernel_owns_buffers = GENERATE(false, true);
  const tls::version v = GENERATE(tls::version::tls_1_2, tls::version::tls_1_3);
  world w(v, network);
  const result<platform::socket_id> opened = net::listener::open(w.loop.loop, server_at, {});
  REQUIRE(opened.ok());
  net::listener door(w.loop.loop, opened.value());
  struct parts {
    static task<error> both(end_point& at, std::vector<const engine*>& open) {
      open.push_back(&at.stream.session());
      std::string none;
      scope& here = co_await this_scope();
      nursery reading(here, "reading", 1);
      const error refused = reading.start(read_text(at.stream, none, 1), "reader");
      const std::string text = pattern(1'000'000);
      const error wrote = co_await write_text(at.stream, text);
      const error read = co_await reading.join();
      if (refused) co_return refused;
      co_return wrote ? wrote : read;
    }
  };
  constexpr std::size_t peers = 64;
  std::vector<const engine*> open;
  std::vector<outcome> servers(peers);
  std::vector<outcome> clients(peers);
  outcome accepting;
  const part both = [&open](end_point& at) { return parts::both(at, open); };
  const part quiet = deaf;
  begin(w.loop.loop, serve_all(w, door, both, servers), accepting, "accepting");
  for (outcome& each : clients) begin(w.loop.loop, visit(w, quiet), each, "client");
  run_for(w.loop, 5 * second_ns);
  REQUIRE(open.size() == peers);
  const auto answers = [&open] {
    std::uint64_t sum = 0;
    for (const engine* each : open) sum += each->counters().want_read + each->counters().want_write;
    return sum;
  };
  const std::uint64_t asked = answers();
  const runtime::scheduler_counters before = w.loop.loop.counters();
  CHECK_FALSE(w.loop.loop.poll_once(w.loop.net.now_ns() + 2 * second_ns));
  CHECK(w.loop.loop.counters().turns == before.turns + 1);
  CHECK(w.loop.loop.counters().resumptions == before.resumptions);
  CHECK(answers() == asked);
  for (const outcome& each : servers) CHECK_FALSE(each.done);
  run_for(w.loop, 60 * second_ns);
  for (const outcome& each : servers) CHECK(each.done);
  for (const outcome& each : clients) CHECK(each.done);
  CHECK(w.pool.in_use() == 0);
  CHECK(w.records.in_use() == 0);
}

TEST_CASE("stream: a peer that sends crumbs is bounded by records a second; a full one is not") {
  world w;
  w.server_options.bounds.tls_records_per_second_max = 1'000;
  struct parts {
    static task<error> crumbs(end_point& at, std::size_t piece, std::size_t all) {
      const std::string text = pattern(piece);
      for (std::size_t sent = 0; sent < all; sent += piece) {
        const error wrote = co_await write_text(at.stream, text);
        if (wrote) co_return wrote;
      }
      co_return error{};
    }
    static task<error> read(end_point& at, std::string& into, error& end) {
      const error why = co_await read_text(at.stream, into, ~std::size_t{0});
      end = why;
      co_return error{};
    }
  };
  std::string got;
  error end;
  const part reads = [&](end_point& at) { return parts::read(at, got, end); };
  SECTION("crumbs") {
    run(w, reads, [](end_point& at) { return parts::crumbs(at, 1, 5'000); });
    CHECK(end == errc::limit);
    CHECK(std::string(where(end)) == "tls_records_per_second_max");
    CHECK(got.size() <= 1'200);
  }
  SECTION("full records") {
    run(w, reads, [](end_point& at) { return parts::crumbs(at, 16'000, 32'000'000); });
    CHECK(end == errc::eof);
    CHECK(got.size() == 32'000'000);
  }
}

TEST_CASE(
    "stream: handshakes step on the offload class, and a worker that is stuck is left behind") {
  const tls::version v = GENERATE(tls::version::tls_1_2, tls::version::tls_1_3);
  world w(v);
  offload_options options;
  options.name = "handshakes";
  SECTION("in time") {
    options.virtual_job_ns = 3 * millisecond_ns;
    offload pool(w.loop.loop, options);
    w.server_options.handshakes = &pool;
    asking with{pattern(30'000), {}, {}};
    const ends out = run(w, echo, [&](end_point& at) { return ask(at, with); });
    CHECK_FALSE(out.server.why);
    CHECK_FALSE(out.client.why);
    CHECK(with.got == with.text);
    // The first finds that the client has said nothing yet; what follows its last word is light.
    CHECK(pool.counters().jobs == (v == tls::version::tls_1_3 ? 2 : 3));
  }
  SECTION("never") {
    options.virtual_job_ns = never_ns;
    offload pool(w.loop.loop, options);
    w.server_options.handshakes = &pool;
    const ends out = run(w, nothing, nothing);
    CHECK(out.server.why == errc::timed_out);
    CHECK(out.client.why);
    CHECK(pool.stop(second_ns) <= 1);
  }
}

TEST_CASE("stream: a write and a wait that are cancelled answer with the reason, once") {
  platform::sim_options network;
  network.pipe_bytes = 2'000;
  world w(tls::version::tls_1_3, network);
  struct parts {
    static task<error> both(end_point& at, error& read, error& wrote) {
      scope& here = co_await this_scope();
      const time_ns soon_ns = due_after(here.owner().now_ns(), second_ns);
      std::string none;
      const error first = co_await within(soon_ns, "reading", read_text(at.stream, none, 1));
      read = first;
      const time_ns later_ns = due_after(here.owner().now_ns(), second_ns);
      const std::string text = pattern(1'000'000);
      const error second = co_await within(later_ns, "writing", write_text(at.stream, text));
      wrote = second;
      co_return error{};
    }
  };
  error read;
  error wrote;
  run(w, [&](end_point& at) { return parts::both(at, read, wrote); }, deaf);
  CHECK(read == errc::timed_out);
  CHECK(std::string(where(read)) == "reading");
  CHECK(wrote == errc::timed_out);
  CHECK(std::string(where(wrote)) == "writing");
}
