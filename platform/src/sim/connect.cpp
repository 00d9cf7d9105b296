// platform/sim/connect.cpp - who listens where, and how a connection comes about.
//
// A request travels one latency, the answer another. A listener whose queue is full does not
// answer; the request is repeated after 1, 2, 4 ... seconds until the system gives up.
#include <algorithm>
#include <array>

#include "sim_poller.hpp"
#include "state.hpp"

namespace weir::platform {

using sim::endpoint;
using sim::endpoint_key;
using sim::event;
using sim::segment;

namespace {

std::string key_of(const address& a) {
  return std::string(reinterpret_cast<const char*>(a.data()), a.size());
}

address mapped(const address& a) noexcept {
  const std::array<std::uint8_t, 4> b = a.ipv4_bytes();
  return address::ipv6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, b[0], b[1], b[2], b[3]},
                       a.port());
}

// Where a connect to the wildcard address ends up, as on every system: this machine.
address reachable(const address& a) noexcept {
  if (!a.is_any()) return a;
  return a.family() == address_family::ipv4 ? address::loopback_ipv4(a.port())
                                            : address::loopback_ipv6(a.port());
}

}  // namespace

endpoint_key sim_network::state::listener_at(const address& to) {
  const auto at = [this](const address& name) {
    const auto found = listeners.find(key_of(name));
    return found == listeners.end() ? sim::no_endpoint : found->second;
  };
  if (const endpoint_key exact = at(to)) return exact;
  if (to.family() == address_family::ipv6) return at(address::any_ipv6(to.port()));
  if (to.family() != address_family::ipv4) return sim::no_endpoint;
  if (const endpoint_key any = at(address::any_ipv4(to.port()))) return any;
  const endpoint_key dual = at(address::any_ipv6(to.port()));
  const endpoint* e = find(dual);
  return e != nullptr && !e->v6_only ? dual : sim::no_endpoint;
}

error sim_network::state::listen(endpoint_key key, const address& at, int backlog, bool v6_only) {
  endpoint* e = find(key);
  WEIR_ASSERT(e != nullptr);
  if (at.family() == address_family::none) return error(errc::family_unsupported, "bind");
  address name = at;
  if (at.is_ip() && at.port() == 0) {
    for (int tries = 0; tries < 16'384; ++tries) {
      name = at.with_port(next_port);
      next_port = next_port == 65'535 ? std::uint16_t{49'152} : std::uint16_t(next_port + 1);
      if (listener_at(name) == sim::no_endpoint) break;
    }
  }
  if (listeners.contains(key_of(name))) return error(errc::address_in_use, "bind");
  if (files.contains(key_of(name))) return error(errc::exists, "bind");
  e->at = sim::phase::listening;
  e->local = name;
  e->backlog = std::max(backlog, 1);
  e->v6_only = v6_only;
  listeners.emplace(key_of(name), key);
  note("listen", key, name.port());
  return {};
}

void sim_network::state::start_connect(endpoint_key key, const address& to) {
  endpoint* e = find(key);
  WEIR_ASSERT(e != nullptr);
  WEIR_ASSERT(e->at == sim::phase::fresh);
  e->at = sim::phase::connecting;
  e->remote = reachable(to);
  if (e->local.family() == address_family::none && to.is_ip()) {
    e->local = e->remote.with_port(next_port);
    next_port = next_port == 65'535 ? std::uint16_t{49'152} : std::uint16_t(next_port + 1);
  }
  const auto rule = rules.find(key_of(to));
  if (rule != rules.end()) {
    schedule(rule->second.delay_ns, {.what = event::kind::fail,
                                     .key = key,
                                     .extra = static_cast<std::uint32_t>(rule->second.why)});
    return;
  }
  schedule(latency(*e), {.what = event::kind::connect, .key = key});
}

void sim_network::state::connect_arrives(endpoint_key key, std::uint32_t attempt) {
  endpoint* client = find(key);
  if (client == nullptr || client->at != sim::phase::connecting) return;
  const endpoint_key at = listener_at(client->remote);
  endpoint* listener = find(at);
  if (listener == nullptr ||
      (listener->belongs.poller == sim::nobody && listener->serving.empty())) {
    push(key, *client, {.what = segment::kind::refused, .why = error(errc::refused, "connect")});
    return;
  }
  const bool scripted = listener->belongs.poller == sim::nobody;
  endpoint_key server_key = sim::no_endpoint;
  if (scripted || listener->queue.size() < static_cast<std::size_t>(listener->backlog)) {
    server_key = make_endpoint();
  }
  if (server_key == sim::no_endpoint) {
    // Dropped. The system asks again, each time after twice as long, and gives up in the end.
    time_ns waited_ns = 0;
    for (std::uint32_t i = 0; i < attempt; ++i) waited_ns += second_ns << i;
    const time_ns again_ns = second_ns << std::min(attempt, 20u);
    if (waited_ns + again_ns >= options.connect_timeout_ns) {
      schedule(options.connect_timeout_ns - waited_ns, {.what = event::kind::give_up, .key = key});
    } else {
      schedule(again_ns, {.what = event::kind::connect, .key = key, .extra = attempt + 1});
    }
    return;
  }
  endpoint* server = find(server_key);
  server->at = sim::phase::connected;
  server->other = key;
  server->local = client->remote;
  server->remote = client->local;
  if (listener->local.family() == address_family::ipv6 &&
      client->remote.family() == address_family::ipv4) {
    server->local = mapped(server->local);
    server->remote = mapped(server->remote);
  }
  client->other = server_key;
  if (scripted) {
    server->peer = listener->serving.front();
    listener->serving.pop_front();
    server->latency_ns = peers[server->peer].script.latency_ns;
  }
  push(key, *server, {.what = segment::kind::established});
  if (scripted) {
    sim::actor& a = peers[server->peer];
    a.key = server_key;
    a.record.end = sim_end::open;
    a.record.connected_ns = now_ns;
    peer_run(server->peer);
  } else {
    listener->queue.push_back(server_key);
    changed(at);
  }
}

void sim_network::state::connect_fails(endpoint_key key, errc why) {
  endpoint* e = find(key);
  if (e == nullptr || e->at != sim::phase::connecting) return;
  e->at = sim::phase::failed;
  e->connect_error = error(why, "connect");
  changed(key);
}

result<endpoint_key> sim_network::state::take_connection(endpoint_key key) {
  endpoint* listener = find(key);
  WEIR_ASSERT(listener != nullptr);
  WEIR_ASSERT(listener->at == sim::phase::listening);
  // A connection that was reset while it waited is still handed over: its first read says so.
  if (listener->queue.empty()) return error(errc::would_block, "accept");
  errc fault = errc::none;
  if (now_ns < exhausted_until_ns) {
    fault = errc::handles_exhausted;
  } else if (!accept_faults.empty()) {
    fault = accept_faults.front();
    accept_faults.pop_front();
  } else if (roll.chance(options.accept_exhausted_permille)) {
    fault = errc::handles_exhausted;
  } else if (roll.chance(options.accept_aborted_permille)) {
    fault = errc::aborted;
  }
  if (fault == errc::none || fault == errc::aborted) {
    const endpoint_key taken = listener->queue.front();
    listener->queue.pop_front();
    if (fault == errc::none) return taken;
    reset(taken);
  }
  return error(fault, "accept");
}

// The public half. -------------------------------------------------------------------------------

sim_network::sim_network(const sim_options& options) : state_(std::make_shared<state>(options)) {}
sim_network::~sim_network() = default;

result<std::unique_ptr<poller>> sim_network::open_poller(const poller_options& options) {
  return sim::sim_poller::open(state_, options);
}

void sim_network::fail_connect(const address& to, errc why, time_ns delay_ns) {
  if (why == errc::none) {
    state_->rules.erase(key_of(to));
  } else {
    state_->rules[key_of(to)] = {why, delay_ns};
  }
}

void sim_network::fail_accepts(errc why, std::uint32_t times) {
  WEIR_ASSERT(why != errc::none);
  state_->accept_faults.insert(state_->accept_faults.end(), times, why);
}

void sim_network::exhaust_handles(time_ns span_ns) {
  state_->exhausted_until_ns = due_after(state_->now_ns, span_ns);
}

void sim_network::put_file(const address& unix_path) {
  state_->files.insert(key_of(unix_path));
}

void sim_network::advance(time_ns span_ns) {
  state_->run_until(due_after(state_->now_ns, span_ns));
}

time_ns sim_network::now_ns() const noexcept {
  return state_->now_ns;
}
const std::vector<std::string>& sim_network::violations() const noexcept {
  return state_->violations;
}
std::size_t sim_network::stalled_operations() const noexcept {
  std::size_t count = 0;
  for (sim::sim_poller* p : state_->pollers) {
    if (p != nullptr) count += p->stalled();
  }
  return count;
}
std::uint64_t sim_network::planted_count() const noexcept {
  return state_->planted;
}
std::uint64_t sim_network::digest() const noexcept {
  return state_->digest;
}
const std::vector<std::string>& sim_network::trace() const noexcept {
  return state_->trace;
}
std::uint32_t sim_network::endpoints_open() const noexcept {
  return state_->endpoints.used();
}

}  // namespace weir::platform
