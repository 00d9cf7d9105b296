// platform/sim/state.hpp - what a simulated network knows: endpoints, events, peers.
//
// An endpoint is one side of a connection, or a listener. It belongs to a socket of a poller, to a
// scripted peer, or to nobody while it waits to be accepted and adopted. Closing frees it at once:
// what still travels towards it is answered by the network, as a host answers for a port nobody
// has open any more.
//
// Everything that takes time is an event: (instant, tie, sequence). Ties are drawn when the options
// ask for shuffling and zero otherwise. The segments towards one endpoint stand in a queue of their
// own and an event only takes the front one, so shuffling cannot reorder a stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <weir/platform/sim.hpp>

#include "dice.hpp"
#include "slot_table.hpp"

namespace weir::platform::sim {

class sim_poller;

// Index and generation of an endpoint in one word: also what a native_socket holds.
using endpoint_key = std::uint64_t;
inline constexpr endpoint_key no_endpoint = 0;
inline constexpr std::uint32_t nobody = ~std::uint32_t{0};

// The socket an endpoint belongs to, or belonged to.
struct owner {
  std::uint32_t poller = nobody;  // position in state::pollers
  socket_id socket{};
};

struct segment {
  enum class kind : std::uint8_t { bytes, established, refused, fin, rst };
  kind what = kind::bytes;
  std::string bytes{};
  error why{};  // refused
};

enum class phase : std::uint8_t { fresh, connecting, connected, failed, listening };

struct endpoint {
  phase at = phase::fresh;
  address local{};
  address remote{};
  endpoint_key other = no_endpoint;
  owner belongs{};
  std::uint32_t peer = nobody;  // a scripted peer's side
  time_ns latency_ns = -1;      // one way, -1: the network's

  // Towards us.
  std::deque<segment> arriving{};
  std::size_t arriving_bytes = 0;
  time_ns last_arrival_ns = 0;  // segments never overtake each other
  std::string inbox{};
  std::size_t inbox_taken = 0;  // read already, from the front of inbox
  bool fin_seen = false;
  bool rst_seen = false;
  bool rst_coming = false;  // an answer to bytes for a closed endpoint is on its way
  bool rst_reported = false;
  error connect_error{};
  // From us.
  bool fin_sent = false;
  bool wants_room = false;  // a send took less than it was given
  owner ghost{};            // whose socket the other side was, when it is gone

  // A listener.
  std::deque<endpoint_key> queue{};
  int backlog = 0;
  bool v6_only = false;
  std::deque<std::uint32_t> serving{};  // scripted peers that listen here, in order

  std::size_t unread() const noexcept { return inbox.size() - inbox_taken; }
  bool readable() const noexcept {
    return unread() != 0 || fin_seen || rst_seen || at == phase::failed;
  }
};

struct event {
  enum class kind : std::uint8_t {
    arrive,      // the front segment towards `key`
    room,        // `key` may send again
    connect,     // a connection request of `key` reaches its address; `extra` counts attempts
    give_up,     // the connect of `key` timed out
    fail,        // the connect of `key` ends with `extra` as errc
    peer_start,  // `index`
    peer_step,   // `index`
    peer_read,   // `index`
    operation,   // look at operation (`index`, `extra`) of `poller` again
    cancel,      // end operation (`index`, `extra`) of `poller` as cancelled
    early,       // end wait_readable (`index`, `extra`) of `poller` with nothing there
    stale,       // something for the dead socket (`index`, `extra`) of `poller`
  };
  time_ns at_ns = 0;
  std::uint64_t tie = 0;
  std::uint64_t sequence = 0;
  kind what = kind::arrive;
  endpoint_key key = no_endpoint;
  std::uint32_t poller = nobody;
  std::uint32_t index = 0;
  std::uint32_t extra = 0;

  // For a heap with the soonest on top.
  friend bool operator<(const event& a, const event& b) noexcept {
    if (a.at_ns != b.at_ns) return a.at_ns > b.at_ns;
    if (a.tie != b.tie) return a.tie > b.tie;
    return a.sequence > b.sequence;
  }
};

struct actor {  // a scripted peer at work
  sim_peer script{};
  sim_record record{};
  endpoint_key key = no_endpoint;
  std::size_t step = 0;
  std::size_t step_sent = 0;   // bytes of the send step that were taken
  std::size_t piece_left = 0;  // of the piece under way
  bool sleeping = false;       // a peer_step event will come
  bool read_armed = false;     // a peer_read event will come
  bool slow = false;
  std::size_t slow_bytes = 0;
  time_ns slow_interval_ns = 0;
  time_ns last_read_ns = 0;
  // A layer gives nothing before a record is whole. What it takes for one before it is its time is
  // paid back.
  bool mid_record = false;
  std::size_t read_ahead = 0;
};

struct connect_rule {
  errc why = errc::none;
  time_ns delay_ns = 0;
};

}  // namespace weir::platform::sim

namespace weir::platform {

struct sim_network::state {
  explicit state(const sim_options& o);

  // Time and events.
  void schedule(time_ns delay_ns, sim::event what);
  bool run_next(time_ns until_ns);   // the next event at or before `until_ns`; false: there is none
  void run_until(time_ns until_ns);  // and moves the time there
  void note(const char* what, std::uint64_t a, std::uint64_t b);  // digest and trace
  bool bug(sim_bug which) noexcept;  // rolls, and counts, for the planted bug

  // Endpoints. (endpoints.cpp)
  sim::endpoint* find(sim::endpoint_key key) noexcept;
  sim::endpoint_key make_endpoint();  // no_endpoint: there are endpoints_max
  void free_endpoint(sim::endpoint_key key) noexcept;
  time_ns latency(const sim::endpoint& e) noexcept;
  void push(sim::endpoint_key to, const sim::endpoint& from, sim::segment what);
  void arrive(sim::endpoint_key key);
  // A socket of a poller or a peer has news. The endpoint may be gone afterwards.
  void changed(sim::endpoint_key key);

  std::size_t room(const sim::endpoint& from) noexcept;
  // Takes as much of `bytes` as there is room for.
  std::size_t transmit(sim::endpoint_key from, const char* bytes, std::size_t count);
  // errc::none, or why sending is over.
  error send_trouble(sim::endpoint& e) noexcept;
  // Takes up to `count` unread bytes; the caller has made sure that there are some.
  std::size_t take(sim::endpoint_key key, char* into, std::size_t count);
  error shut(sim::endpoint_key key);
  void close(sim::endpoint_key key);  // with unread bytes it is a reset
  void reset(sim::endpoint_key key);

  // Listening and connecting. (connect.cpp)
  error listen(sim::endpoint_key key, const address& at, int backlog, bool v6_only);
  void start_connect(sim::endpoint_key key, const address& to);
  void connect_arrives(sim::endpoint_key key, std::uint32_t attempt);
  void connect_fails(sim::endpoint_key key, errc why);
  sim::endpoint_key listener_at(const address& to);
  // What an accept finds: a connection, would_block, or a scripted error.
  result<sim::endpoint_key> take_connection(sim::endpoint_key listener);

  // Scripted peers. (peers.cpp)
  void peer_start(std::uint32_t index);
  void peer_run(std::uint32_t index);
  void peer_send(std::uint32_t index);
  bool peer_flush(std::uint32_t index);  // what the layer has to send; false: some is left
  std::size_t peer_say(std::uint32_t index, std::string_view text);
  void peer_changed(std::uint32_t index);
  void peer_read(std::uint32_t index, std::size_t count);
  void peer_over(std::uint32_t index, sim_end how);

  sim_options options;
  sim::dice roll;
  sim::dice bug_roll;  // its own, so that planting a bug changes nothing else
  time_ns now_ns = 0;
  std::vector<sim::event> events;  // a heap
  std::uint64_t sequence = 0;
  std::uint64_t events_done = 0;
  std::uint64_t digest = 0xcbf29ce484222325u;
  std::uint64_t planted = 0;
  std::vector<std::string> trace;
  std::vector<std::string> violations;

  slot_table<sim::endpoint> endpoints;
  std::map<std::string, sim::endpoint_key> listeners;  // by key_of(address)
  std::map<std::string, sim::connect_rule> rules;
  std::set<std::string> files;  // Unix paths that hold something else
  std::uint16_t next_port = 49'152;
  std::uint32_t next_host = 1;
  std::deque<errc> accept_faults;
  time_ns exhausted_until_ns = 0;

  std::vector<sim::sim_poller*> pollers;  // null: gone
  std::vector<sim::actor> peers;
};

}  // namespace weir::platform
