// The simulator itself: time, determinism, scripted peers, and the memory a kernel owns.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <catch_amalgamated.hpp>

#include <weir/platform/sim.hpp>

#include "support/echo_loop.hpp"

using namespace weir;
using namespace weir::platform;

namespace {

byte_span span_of(std::string& text) {
  return {reinterpret_cast<std::byte*>(text.data()), text.size()};
}

std::unique_ptr<poller> open(sim_network& net, const poller_options& options = {}) {
  result<std::unique_ptr<poller>> opened = net.open_poller(options);
  REQUIRE(opened.ok());
  return std::move(opened).value();
}

const address server_at = address::loopback_ipv4(8080);

// Runs an echo server over `net` for `span_ns`; peers were added before.
void serve(sim_network& net, time_ns span_ns, time_ns idle_ns = 60 * second_ns,
           bool owned = false) {
  const std::unique_ptr<poller> p = open(net);
  test::echo_loop server(*p, idle_ns, owned);
  REQUIRE(server.listen(server_at).ok());
  const error why = server.run(net.now_ns() + span_ns);
  CHECK((!why || why == errc::deadlock));
  static_cast<void>(p->close_all(second_ns));
}

sim_peer_id add(sim_network& net, sim_peer peer) {
  const result<sim_peer_id> id = net.add_peer(std::move(peer));
  REQUIRE(id.ok());
  return id.value();
}

sim_options busy(std::uint64_t seed) {
  return {.seed = seed,
          .latency_min_ns = microsecond_ns,
          .latency_max_ns = 3 * millisecond_ns,
          .pipe_bytes = 3'000,
          .shuffle = true,
          .short_receive_permille = 200,
          .short_send_permille = 200,
          .would_block_permille = 100,
          .early_readable_permille = 100,
          .trace_lines_max = 1'000'000};
}

std::vector<std::string> transcript(std::uint64_t seed, std::uint64_t& digest) {
  sim_network net(busy(seed));
  for (int i = 0; i < 6; ++i) {
    add(net, {.at = server_at,
              .steps = {sim_step::split(std::string(5'000, char('a' + i)), 700, millisecond_ns),
                        sim_step::half_close()}});
  }
  serve(net, 30 * second_ns);
  digest = net.digest();
  return net.trace();
}

}  // namespace

TEST_CASE("the same seed gives the same transcript, another seed another") {
  std::uint64_t one = 0;
  std::uint64_t same = 0;
  std::uint64_t other = 0;
  const std::vector<std::string> a = transcript(7, one);
  const std::vector<std::string> b = transcript(7, same);
  const std::vector<std::string> c = transcript(8, other);
  CHECK(a.size() > 100);
  CHECK(a == b);
  CHECK(one == same);
  CHECK(a != c);
  CHECK(one != other);
}

TEST_CASE("planting a bug that never strikes changes nothing else") {
  std::uint64_t digest[2] = {0, 0};
  for (int i = 0; i < 2; ++i) {
    sim_options o = busy(11);
    if (i == 1) {
      o.planted = sim_bug::lost_wake;
      o.planted_permille = 0;
    }
    sim_network net(o);
    add(net, {.at = server_at, .steps = {sim_step::send("hello"), sim_step::half_close()}});
    serve(net, second_ns);
    digest[i] = net.digest();
  }
  CHECK(digest[0] == digest[1]);
}

TEST_CASE("an hour passes in no time, to the nanosecond") {
  sim_network net({.start_ns = 5 * second_ns, .unix_seconds = 1'000'000'000});
  const std::unique_ptr<poller> p = open(net);
  std::array<completion, 4> out{};
  CHECK(p->now_ns() == 5 * second_ns);
  const time_ns due_ns = p->now_ns() + 3'600 * second_ns;
  REQUIRE(p->wait(out, due_ns).value() == 0);
  CHECK(p->now_ns() == due_ns);
  CHECK(p->unix_seconds() == 1'000'003'600);
  // The past does not move it.
  REQUIRE(p->wait(out, 0).value() == 0);
  CHECK(p->now_ns() == due_ns);
}

TEST_CASE("waiting without end for what cannot come is a deadlock, at once") {
  sim_network net;
  const std::unique_ptr<poller> p = open(net);
  std::array<completion, 4> out{};
  CHECK(p->wait(out, never_ns).why() == errc::deadlock);
  const result<socket_id> listener = p->listen(server_at, {});
  REQUIRE(listener.ok());
  int context = 0;
  REQUIRE(p->accept(listener.value(), nullptr, &context).pending());
  CHECK(p->wait(out, never_ns).why() == errc::deadlock);
  p->wake();
  CHECK(p->wait(out, never_ns).value() == 0);
  // A peer that will come one day is no deadlock.
  add(net, {.at = server_at, .start_ns = 86'400 * second_ns});
  REQUIRE(p->wait(out, never_ns).value() == 1);
  CHECK(out[0].context == &context);
  p->discard(static_cast<native_socket>(out[0].value));
}

TEST_CASE("a peer that has stopped reading does not keep time running for ever") {
  sim_network net({.pipe_bytes = 100});
  const sim_peer_id slow =
      add(net, {.at = server_at,
                .steps = {sim_step::stop_reading(), sim_step::send(std::string(1'000, 'x')),
                          sim_step::await_end()}});
  const std::unique_ptr<poller> p = open(net);
  test::echo_loop server(*p, never_ns, false);
  REQUIRE(server.listen(server_at).ok());
  CHECK(server.run(never_ns) == errc::deadlock);
  CHECK(net.record(slow).received_bytes == 0);
  CHECK(net.record(slow).end == sim_end::open);
}

TEST_CASE("a peer that drips a byte a second is seen to do so") {
  sim_network net({.latency_min_ns = 0, .latency_max_ns = 0});
  const sim_peer_id id =
      add(net, {.at = server_at,
                .steps = {sim_step::drip("0123456789", 1, second_ns), sim_step::half_close()}});
  serve(net, 60 * second_ns);
  const sim_record& r = net.record(id);
  CHECK(r.received == "0123456789");
  REQUIRE(r.chunks.size() == 10);
  for (std::size_t i = 1; i < 10; ++i) {
    CHECK(r.chunks[i].bytes == 1);
    CHECK(r.chunks[i].at_ns - r.chunks[i - 1].at_ns == second_ns);
  }
  CHECK(r.end == sim_end::eof);
  CHECK(r.steps_done);
}

TEST_CASE("a split keeps every byte and its order, whatever the seed") {
  std::string text;
  for (int i = 0; i < 3'000; ++i) text += std::to_string(i) + ",";
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    for (const bool kernel : {false, true}) {
      sim_options o = busy(seed);
      o.kernel_owns_buffers = kernel;
      sim_network net(o);
      const sim_peer_id id = add(
          net, {.at = server_at,
                .steps = {sim_step::split(text, 900, 2 * millisecond_ns), sim_step::half_close()}});
      serve(net, 60 * second_ns, 60 * second_ns, seed % 2 == 0);
      INFO("seed " << seed << " kernel " << kernel);
      CHECK((net.record(id).received == text));  // too long to print
      CHECK(net.record(id).end == sim_end::eof);
      CHECK(net.record(id).sent_bytes == text.size());
      CHECK(net.violations().empty());
      CHECK(net.endpoints_open() == 0);
    }
  }
}

TEST_CASE("await_bytes makes a conversation, one question after the other") {
  sim_network net;
  const sim_peer_id id = add(
      net, {.at = server_at,
            .steps = {sim_step::send("one"), sim_step::await_bytes(3), sim_step::send("two"),
                      sim_step::await_bytes(6), sim_step::pause(second_ns), sim_step::close()}});
  serve(net, 10 * second_ns);
  const sim_record& r = net.record(id);
  CHECK(r.received == "onetwo");
  CHECK(r.chunks.size() == 2);
  CHECK(r.end == sim_end::closed);
  CHECK(r.ended_ns - r.connected_ns >= second_ns);
}

TEST_CASE("a scripted server answers connects, one connection for each peer that listens") {
  sim_network net;
  const sim_peer_id first = add(
      net,
      {.at = server_at, .listens = true, .steps = {sim_step::send("first"), sim_step::close()}});
  const sim_peer_id second = add(
      net,
      {.at = server_at, .listens = true, .steps = {sim_step::await_bytes(2), sim_step::reset()}});
  const std::unique_ptr<poller> p = open(net);
  std::array<completion, 4> out{};
  int context = 0;
  std::array<socket_id, 3> ids;
  std::array<errc, 3> ends{};
  for (std::size_t i = 0; i < 3; ++i) {
    const result<socket_id> id = p->open_stream(server_at);
    REQUIRE(id.ok());
    ids[i] = id.value();
    REQUIRE(p->connect(ids[i], server_at, &context).pending());
    REQUIRE(p->wait(out, never_ns).value() == 1);
    ends[i] = out[0].why.code;
  }
  CHECK(ends == std::array<errc, 3>{errc::none, errc::none, errc::refused});
  const byte_view hi = as_bytes("hi");
  REQUIRE(p->try_send(ids[1], {&hi, 1}).ok());
  REQUIRE(p->wait(out, p->now_ns() + second_ns).value() == 0);
  std::string into(16, '\0');
  CHECK(p->try_receive(ids[0], span_of(into)).value() == 5);
  CHECK(p->try_receive(ids[0], span_of(into)).why() == errc::eof);
  CHECK(p->try_receive(ids[1], span_of(into)).why() == errc::reset);
  CHECK(net.record(first).end == sim_end::closed);
  CHECK(net.record(second).received == "hi");
}

TEST_CASE("connects fail as an address is told to, when it is told to") {
  sim_network net({.connect_timeout_ns = 20 * second_ns});
  const address far = address::ipv4({192, 0, 2, 1}, 80);
  net.fail_connect(far, errc::unreachable, 3 * second_ns);
  const std::unique_ptr<poller> p = open(net);
  std::array<completion, 4> out{};
  int context = 0;
  const socket_id one = p->open_stream(far).value();
  const time_ns before = p->now_ns();
  REQUIRE(p->connect(one, far, &context).pending());
  REQUIRE(p->wait(out, never_ns).value() == 1);
  CHECK(out[0].why.code == errc::unreachable);
  CHECK(p->now_ns() == before + 3 * second_ns);

  // A full queue does not answer; the system asks again and gives up in the end.
  REQUIRE(p->listen(server_at, {.backlog = 1}).ok());
  const sim_peer_id fits = add(net, {.at = server_at});
  const sim_peer_id waits = add(net, {.at = server_at, .start_ns = second_ns});
  REQUIRE(p->wait(out, p->now_ns() + 60 * second_ns).value() == 0);
  CHECK(net.record(fits).end == sim_end::open);
  CHECK(net.record(waits).end == sim_end::unconnected);
  CHECK(net.record(waits).why.code == errc::timed_out);
  const sim_peer_id nobody = add(net, {.at = address::loopback_ipv4(81)});
  REQUIRE(p->wait(out, p->now_ns() + second_ns).value() == 0);
  CHECK(net.record(nobody).why.code == errc::refused);
}

TEST_CASE("a reset throws away what was not read, or keeps it as Linux does") {
  for (const bool discards : {true, false}) {
    sim_network net({.reset_discards = discards});
    const sim_peer_id id =
        add(net, {.at = server_at, .steps = {sim_step::send("hundred"), sim_step::reset()}});
    const std::unique_ptr<poller> p = open(net);
    const socket_id listener = p->listen(server_at, {}).value();
    std::array<completion, 4> out{};
    REQUIRE(p->wait(out, p->now_ns() + second_ns).value() == 0);
    const socket_id s = p->adopt(p->try_accept(listener, nullptr).value()).value();
    std::string into(64, '\0');
    if (!discards) CHECK(p->try_receive(s, span_of(into)).value() == 7);
    CHECK(p->try_receive(s, span_of(into)).why() == errc::reset);
    CHECK(p->try_receive(s, span_of(into)).why() == errc::reset);
    const byte_view x = as_bytes("x");
    CHECK(p->try_send(s, {&x, 1}).why() == errc::reset);
    CHECK(p->try_send(s, {&x, 1}).why() == errc::broken_pipe);
    CHECK(net.record(id).end == sim_end::closed);
  }
}

TEST_CASE("closing with unread input resets the peer, and may cost it our last answer") {
  for (const bool discards : {true, false}) {
    sim_network net({.reset_discards = discards});
    // It reads after a while, as a peer that is still sending would.
    const sim_peer_id id =
        add(net, {.at = server_at,
                  .steps = {sim_step::stop_reading(), sim_step::send("unread"),
                            sim_step::pause(second_ns), sim_step::read_fully()}});
    const std::unique_ptr<poller> p = open(net);
    const socket_id listener = p->listen(server_at, {}).value();
    std::array<completion, 4> out{};
    REQUIRE(p->wait(out, p->now_ns() + second_ns / 2).value() == 0);
    const socket_id s = p->adopt(p->try_accept(listener, nullptr).value()).value();
    const byte_view answer = as_bytes("413");
    REQUIRE(p->try_send(s, {&answer, 1}).value() == 3);
    p->close(s);
    REQUIRE(p->wait(out, p->now_ns() + 2 * second_ns).value() == 0);
    CHECK(net.record(id).end == sim_end::reset);
    CHECK(net.record(id).received == (discards ? "" : "413"));
  }
}

TEST_CASE("bytes for a closed socket are answered with a reset") {
  sim_network net;
  const sim_peer_id id =
      add(net, {
                   .at = server_at,
                   .steps = {sim_step::await_end(), sim_step::send("more"),
                             sim_step::pause(second_ns), sim_step::send("again")},
               });
  const std::unique_ptr<poller> p = open(net);
  const socket_id listener = p->listen(server_at, {}).value();
  std::array<completion, 4> out{};
  REQUIRE(p->wait(out, p->now_ns() + millisecond_ns).value() == 0);
  p->close(p->adopt(p->try_accept(listener, nullptr).value()).value());
  REQUIRE(p->wait(out, p->now_ns() + 5 * second_ns).value() == 0);
  // It saw the end in order first; what it sent then came back as a reset, so "again" was not
  // taken any more.
  CHECK(net.record(id).end == sim_end::eof);
  CHECK(net.record(id).sent_bytes == 4);
  CHECK(p->counters().stale_events > 0);
}

TEST_CASE("kernel mode: the memory of a pending receive is rubbish until its completion") {
  sim_network net({.kernel_owns_buffers = true});
  add(net,
      {.at = server_at,
       .steps = {sim_step::send("early"), sim_step::pause(second_ns), sim_step::send("late")}});
  const std::unique_ptr<poller> p = open(net);
  const socket_id listener = p->listen(server_at, {}).value();
  std::array<completion, 4> out{};
  REQUIRE(p->wait(out, p->now_ns() + millisecond_ns).value() == 0);
  const socket_id s = p->adopt(p->try_accept(listener, nullptr).value()).value();
  std::string into(256, '.');
  int context = 0;
  // There are bytes; all the same nothing finishes at the start.
  REQUIRE(p->receive(s, span_of(into), &context).pending());
  CHECK(into.find("early") == std::string::npos);
  CHECK(std::count(into.begin(), into.end(), '.') == 0);
  REQUIRE(p->wait(out, p->now_ns()).value() == 1);
  REQUIRE(out[0].value == 5);
  CHECK(into.substr(0, 5) == "early");

  REQUIRE(p->receive(s, span_of(into), &context).pending());
  const std::string rubbish = into;
  REQUIRE(p->wait(out, p->now_ns() + millisecond_ns).value() == 0);
  CHECK(into.find("late") == std::string::npos);
  REQUIRE(p->wait(out, p->now_ns() + millisecond_ns).value() == 0);
  CHECK(into != rubbish);  // whoever peeks sees something else at every turn
  REQUIRE(p->wait(out, never_ns).value() == 1);
  CHECK(into.substr(0, 4) == "late");
  CHECK(net.violations().empty());
}

TEST_CASE("kernel mode: touching memory the kernel owns is written down") {
  sim_network net({.kernel_owns_buffers = true});
  add(net, {.at = server_at, .steps = {sim_step::pause(second_ns), sim_step::send("bytes")}});
  std::string into(256, '.');
  std::string outgoing(100, 'o');
  const std::unique_ptr<poller> p = open(net);
  const socket_id listener = p->listen(server_at, {}).value();
  std::array<completion, 4> out{};
  REQUIRE(p->wait(out, p->now_ns() + millisecond_ns).value() == 0);
  const socket_id s = p->adopt(p->try_accept(listener, nullptr).value()).value();
  int reading = 0;
  int writing = 0;

  SECTION("the head of a receive") {
    REQUIRE(p->receive(s, span_of(into), &reading).pending());
    into[3] = 'x';
    REQUIRE(p->wait(out, never_ns).value() == 1);
    REQUIRE(net.violations().size() == 1);
    CHECK(net.violations()[0].substr(0, 8) == "receive:");
  }
  SECTION("the tail of a receive") {
    REQUIRE(p->receive(s, span_of(into), &reading).pending());
    into[255] = 'x';
    REQUIRE(p->wait(out, never_ns).value() == 1);
    CHECK(net.violations().size() == 1);
  }
  SECTION("a receive that was cancelled and whose completion has not come") {
    const started op = p->receive(s, span_of(into), &reading);
    REQUIRE(op.pending());
    p->cancel(op.id);
    into[0] = 'x';
    REQUIRE(p->wait(out, never_ns).value() == 1);
    CHECK(net.violations().size() == 1);
  }
  SECTION("a receive on a socket that was closed") {
    REQUIRE(p->receive(s, span_of(into), &reading).pending());
    p->close(s);
    into[0] = 'x';
    REQUIRE(p->wait(out, never_ns).value() == 1);
    CHECK(net.violations().size() == 1);
  }
  SECTION("a send") {
    REQUIRE(p->send(s, as_bytes(outgoing), &writing).pending());
    outgoing[50] = 'x';
    REQUIRE(p->wait(out, never_ns).value() == 1);
    REQUIRE(net.violations().size() == 1);
    CHECK(net.violations()[0].substr(0, 5) == "send:");
  }
  SECTION("nothing") {
    REQUIRE(p->receive(s, span_of(into), &reading).pending());
    REQUIRE(p->send(s, as_bytes(outgoing), &writing).pending());
    REQUIRE(p->wait(out, never_ns).value() == 1);
    REQUIRE(p->wait(out, never_ns).value() == 1);
    CHECK(net.violations().empty());
  }
}

TEST_CASE("P22 accepts fail as they are told to, and the listener stays open") {
  for (const bool kernel : {false, true}) {
    sim_network net({.kernel_owns_buffers = kernel});
    const std::unique_ptr<poller> p = open(net);
    const socket_id listener = p->listen(server_at, {}).value();
    const sim_peer_id first = add(net, {.at = server_at});
    const sim_peer_id second = add(net, {.at = server_at, .start_ns = millisecond_ns});
    net.fail_accepts(errc::handles_exhausted, 2);
    net.fail_accepts(errc::aborted, 1);
    std::array<completion, 4> out{};
    std::vector<errc> ends;
    std::vector<native_socket> got;
    int context = 0;
    while (got.empty()) {
      REQUIRE(ends.size() < 10);
      started s = p->accept(listener, nullptr, &context);
      if (s.pending()) {
        REQUIRE(p->wait(out, never_ns).value() == 1);
        s = {.value = out[0].value, .why = out[0].why};
      }
      ends.push_back(s.why.code);
      if (!s.why) got.push_back(static_cast<native_socket>(s.value));
    }
    CHECK(ends == std::vector<errc>{errc::handles_exhausted, errc::handles_exhausted, errc::aborted,
                                    errc::none});
    net.advance(millisecond_ns);
    CHECK(net.record(first).end == sim_end::reset);
    CHECK(net.record(second).end == sim_end::open);
    // A shortage that lasts: errors until it is over, the same connection after it.
    net.exhaust_handles(10 * millisecond_ns);
    add(net, {.at = server_at});
    net.advance(millisecond_ns);
    CHECK(p->try_accept(listener, nullptr).why() == errc::handles_exhausted);
    net.advance(10 * millisecond_ns);
    const result<native_socket> third = p->try_accept(listener, nullptr);
    REQUIRE(third.ok());
    p->discard(third.value());
    p->discard(got[0]);
  }
}

TEST_CASE("P24 a completion that never comes leaks its slot, counted and never reused") {
  for (const bool kernel : {false, true}) {
    sim_network net({.kernel_owns_buffers = kernel, .lost_cancels_permille = 1000});
    std::string into(64, '\0');
    const std::unique_ptr<poller> p = open(net, {.operations_max = 2});
    const socket_id listener = p->listen(server_at, {}).value();
    add(net, {.at = server_at});
    std::array<completion, 4> out{};
    REQUIRE(p->wait(out, p->now_ns() + millisecond_ns).value() == 0);
    const socket_id s = p->adopt(p->try_accept(listener, nullptr).value()).value();
    int context = 0;
    REQUIRE(p->receive(s, span_of(into), &context).pending());
    const time_ns before = p->now_ns();
    CHECK(p->close_all(3 * second_ns) == 1);
    CHECK(p->now_ns() - before <= 3 * second_ns);
    CHECK(p->counters().slots_leaked == 1);
    CHECK(p->counters().sockets_open == 0);
    CHECK(p->close_all(second_ns) == 0);
    // One of two slots is gone for good.
    const socket_id again = p->listen(server_at, {}).value();
    CHECK(p->accept(again, nullptr, &context).pending());
    const socket_id other = p->listen(address::loopback_ipv4(81), {}).value();
    CHECK(p->accept(other, nullptr, &context).why == errc::limit);
  }
}

TEST_CASE("the network's own tables are bounded, and say which bound was reached") {
  sim_network net({.endpoints_max = 4, .peers_max = 2});
  add(net, {.at = server_at});
  add(net, {.at = server_at});
  const result<sim_peer_id> third = net.add_peer({.at = server_at});
  CHECK(third.why() == errc::limit);
  CHECK(std::string_view(third.why().where) == "peers_max");
  const std::unique_ptr<poller> p = open(net);
  for (int i = 0; i < 4; ++i) CHECK(p->open_stream(server_at).ok());
  const result<socket_id> fifth = p->open_stream(server_at);
  CHECK(fifth.why() == errc::limit);
  CHECK(std::string_view(fifth.why().where) == "endpoints_max");
}

TEST_CASE("a simulation that never ends is stopped by its bound") {
  sim_network net({.events_max = 1'000});
  add(net, {.at = server_at, .steps = {sim_step::drip(std::string(100'000, 'x'), 1, 1)}});
  const std::unique_ptr<poller> p = open(net);
  test::echo_loop server(*p, never_ns, false);
  REQUIRE(server.listen(server_at).ok());
  const error why = server.run(never_ns);
  CHECK(why == errc::limit);
  CHECK(std::string_view(why.where) == "events_max");
}

TEST_CASE("Unix paths: a file in the way is left alone, and close gives the name back") {
  sim_network net;
  const std::unique_ptr<poller> p = open(net);
  const address name = address::unix_path("/run/weir").value();
  net.put_file(name);
  CHECK(p->listen(name, {}).why() == errc::exists);
  const address other = address::unix_path("/run/other").value();
  const socket_id listener = p->listen(other, {}).value();
  CHECK(p->listen(other, {}).why() == errc::address_in_use);
  p->close(listener);
  CHECK(p->listen(other, {}).ok());
}

TEST_CASE("a dual-stack listener reports an IPv4 peer as mapped, a v6-only one refuses it") {
  for (const bool only : {false, true}) {
    sim_network net;
    const std::unique_ptr<poller> p = open(net);
    const socket_id listener = p->listen(address::any_ipv6(8080), {.v6_only = only}).value();
    const sim_peer_id id = add(net, {.at = server_at, .from = address::ipv4({10, 1, 2, 3}, 4'000)});
    std::array<completion, 4> out{};
    REQUIRE(p->wait(out, p->now_ns() + second_ns).value() == 0);
    address peer;
    const result<native_socket> got = p->try_accept(listener, &peer);
    CHECK(got.ok() != only);
    if (only) {
      CHECK(net.record(id).why.code == errc::refused);
    } else {
      CHECK(peer.is_ipv4_mapped());
      CHECK(peer.unmapped() == address::ipv4({10, 1, 2, 3}, 4'000));
      p->discard(got.value());
    }
  }
}
