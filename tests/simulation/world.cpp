// simulation/world.cpp - see the header.
#include "simulation/world.hpp"

#include <memory>

#include <weir/runtime/scheduler.hpp>
#include <weir/runtime/task_tree.hpp>

#include "http/behaviour/routes.hpp"
#include "support/contract_auditor.hpp"

namespace weir::simulation {

using platform::sim_end;
using platform::sim_network;
using platform::sim_peer_id;

namespace {

// Longer than every deadline of one connection in a row.
constexpr time_ns patience_ns = 400 * second_ns;
constexpr std::uint64_t turns_max = 3'000'000;

struct told {
  bool stopped = false;
  http::drain_report report;
  static void stopped_with(void* context, const http::drain_report& report) noexcept {
    told& t = *static_cast<told*>(context);
    t.stopped = true;
    t.report = report;
  }
};

bool over(const platform::sim_record& r) {
  if (r.end == sim_end::unconnected) return static_cast<bool>(r.why);
  return r.end != sim_end::open;
}

}  // namespace

outcome run(const scenario& what, std::size_t trace_lines_max) {
  outcome out;
  out.what = what;
  platform::sim_options options = what.network;
  options.trace_lines_max = trace_lines_max;
  sim_network net(options);
  auto audited = std::make_unique<test::contract_auditor>(
      std::move(net.open_poller()).value(), [&net] { return net.stalled_operations(); });
  const std::shared_ptr<const std::vector<std::string>> violations = audited->shared_violations();
  auto loop = std::make_unique<runtime::scheduler>(std::move(audited));
  const std::size_t frames_before = loop->frames().bytes_in_use();

  http::behaviour::route_state state;
  state.gate_open = true;
  const http::routes routes = http::behaviour::make_routes(state);
  http::server_options with;
  with.bounds = what.bounds;
  told end;
  std::unique_ptr<protection> sessions;
  if (what.secure) {
    sessions = make_protection(what.sessions);
    with.security = &sessions->serve(*loop);
  }
  auto server = std::make_unique<http::server>(*loop, routes, with);
  const address wanted = address::loopback_ipv4(8'080);
  const result<address> at = what.secure ? server->listen_secure(wanted) : server->listen(wanted);
  if (!at.ok() || server->start(&told::stopped_with, &end)) {
    out.poller_failed = true;
    return out;
  }

  std::vector<sim_peer_id> peers;
  std::vector<std::shared_ptr<client_wire>> wires;  // null: the script is what stands on the wire
  for (const client& c : what.clients) {
    platform::sim_peer peer = c.peer;
    peer.at = at.value();
    wires.emplace_back();
    if (what.secure && c.wire.has_session()) {
      wires.back() = std::make_shared<client_wire>(c.wire, sessions->connect(c.wire.older));
    }
    peer.layer = wires.back();
    peers.push_back(net.add_peer(std::move(peer)).value());
  }

  std::uint64_t turns = 0;
  // Turns until it is so; false when it never is.
  const auto until = [&](time_ns due_ns, const auto& so) {
    while (!so()) {
      if (net.now_ns() >= due_ns || ++turns > turns_max) return false;
      const time_ns slice_ns = due_after(net.now_ns(), 200 * millisecond_ns);
      if (loop->poll_once(slice_ns < due_ns ? slice_ns : due_ns)) {
        out.poller_failed = true;
        return false;
      }
    }
    return true;
  };
  const auto clients_ended = [&] {
    for (const sim_peer_id p : peers) {
      if (!over(net.record(p))) return false;
    }
    return true;
  };

  const time_ns start_ns = net.now_ns();
  if (what.drain_after_ns != never_ns) {
    until(start_ns + what.drain_after_ns, [] { return false; });
  } else {
    out.clients_ended = until(start_ns + patience_ns, clients_ended);
  }
  const time_ns asked_ns = net.now_ns();
  server->drain();
  out.stopped = until(asked_ns + patience_ns, [&] { return end.stopped; });
  out.drain_took_ns = net.now_ns() - asked_ns;
  if (what.drain_after_ns != never_ns) {
    out.clients_ended = until(net.now_ns() + patience_ns, clients_ended);
  }
  // Cancelled operations are answered a little later.
  until(net.now_ns() + 10 * second_ns,
        [&] { return loop->poller().counters().operations_open == 0; });

  for (std::size_t i = 0; i < peers.size(); ++i) {
    witness w;
    w.record = net.record(peers[i]);
    if (wires[i] != nullptr) w.whole_bytes = wires[i]->whole_bytes();
    if (what.secure && wires[i] == nullptr) {  // it asked nothing that has an answer
      out.seen.push_back(std::move(w));
      continue;
    }
    std::vector<std::string> methods;
    std::size_t begins = 0;
    for (const exchange& e : what.clients[i].exchanges) {
      // Of a request whose method did not arrive nobody knows that it was to be HEAD.
      const bool told = wires[i] == nullptr || begins + e.bytes.find(' ') < w.whole_bytes;
      methods.push_back(told ? e.method : "GET");
      begins += e.bytes.size();
    }
    // A refusal is one answer more.
    if (what.clients[i].refusal != 0 || what.drain_after_ns != never_ns) methods.push_back("GET");
    const test::answer_reader reader =
        test::read_answers(w.record.received, w.record.end == sim_end::eof, methods);
    w.answers = reader.answers();
    w.complete = reader.complete();
    w.broken = reader.broken();
    out.seen.push_back(std::move(w));
  }
  out.report = end.report;
  out.counters = server->counters();
  out.connections_left = server->connections();
  const platform::poller_counters& left = loop->poller().counters();
  out.sockets_left = left.sockets_open;
  out.operations_left = left.operations_open;
  out.slots_leaked = left.slots_leaked;
  out.timers_left = loop->timers().soonest() != nullptr;
  if (sessions != nullptr) out.planted = sessions->planted_count();
  if (!out.stopped || out.operations_left > 0) out.tree = runtime::task_tree(*loop);
  // The auditor looks once more when everything is closed.
  const auto notes = [&] {
    out.contract = *violations;
    out.memory = net.violations();
    out.digest = net.digest();
    out.planted += net.planted_count();
    for (const auto& wire : wires) {
      if (wire != nullptr) out.digest = (out.digest ^ wire->digest()) * 0x100000001b3u;
    }
    out.trace = net.trace();
  };
  if (!out.stopped) {
    notes();
    // The invariants say so. What did not end cannot be taken apart: it is left behind.
    static_cast<void>(loop->shutdown(30 * second_ns));
    static_cast<void>(server.release());
    static_cast<void>(sessions.release());
    static_cast<void>(loop.release());
    return out;
  }
  server.reset();
  sessions.reset();  // with all its memory, or it says so
  out.frame_bytes_left = loop->frames().bytes_in_use() - frames_before;
  loop.reset();
  net.advance(100 * second_ns);  // scripts that only have to wait for their end
  out.endpoints_left = net.endpoints_open();
  notes();
  return out;
}

}  // namespace weir::simulation
