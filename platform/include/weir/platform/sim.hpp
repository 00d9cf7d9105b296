// platform/sim.hpp - a network in virtual time: the poller contract with nothing real behind it.
//
// For tests, yours too: a server that runs over a `sim_network` meets slow, broken and hostile
// peers in microseconds of real time, and meets them again from the same seed. No socket, thread
// or clock of the system is touched. One thread uses a network and all its pollers; only
// poller::wake() may come from another. Whatever happens is decided by the options, the scripts,
// the seed and the order of the calls: addresses of objects and the time of day have no say.
//
//   sim_network net({.seed = 7});
//   auto opened = net.open_poller({});            // give it to a scheduler, start a server on it
//   auto peer = net.add_peer({.at = server_address,
//                             .steps = {sim_step::send("GET / HT"), sim_step::pause(second_ns),
//                                       sim_step::send("TP/1.1\r\n\r\n"),
//                                       sim_step::half_close()}});
//   ...run...
//   net.record(peer.value()).received             // what the peer saw, when, and how it ended
//
// A maintainer must not break: virtual time moves in poller::wait() only, and only forward; bytes
// of one direction arrive in the order they were sent, whatever is shuffled around them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <weir/platform/address.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/platform/poller.hpp>
#include <weir/platform/time.hpp>

namespace weir::platform {

// A bug the simulator shows on purpose, rarely and by seed: who tests with it, tests the tests.
enum class sim_bug : std::uint8_t {
  none,
  double_completion,  // delivers a completion a second time
  lost_wake,          // swallows a wake() or the edge that ends a wait_readable
  stale_generation,   // delivers an event of a closed socket to its successor in the slot
};

// How the network behaves. Chances are per thousand calls or events; spans are nanoseconds of
// virtual time, drawn evenly between `_min` and `_max`.
struct sim_options {
  std::uint64_t seed = 1;
  time_ns start_ns = 1'000 * second_ns;          // now_ns() at the start
  std::int64_t unix_seconds = 1'750'000'000;     // the wall clock at the start
  time_ns latency_min_ns = 50 * microsecond_ns;  // one way, each segment
  time_ns latency_max_ns = 50 * microsecond_ns;
  time_ns connect_timeout_ns = 127 * second_ns;  // of the system, when nobody answers a connect
  std::size_t pipe_bytes = 128 * 1024;    // sent and not yet read, one direction of a connection
  std::size_t segment_bytes = 16 * 1024;  // most bytes that arrive as one

  // The completion model. False: a readiness system, where an operation that can finish does so at
  // its start. True: a system that owns the buffers of what is started, as IOCP does. Then nothing
  // finishes at its start; the memory of a pending receive holds rubbish until the completion,
  // the memory of a pending send is read as late as possible, and touching either is written down
  // in violations().
  bool kernel_owns_buffers = false;
  // Kernel mode: a cancelled operation ends up to so much later, and may still succeed.
  time_ns cancel_delay_max_ns = 20 * microsecond_ns;

  bool shuffle = false;                         // completions of one instant come in any order
  std::uint32_t short_receive_permille = 0;     // a receive takes less than it could
  std::uint32_t short_send_permille = 0;        // a send takes less than it could
  std::uint32_t would_block_permille = 0;       // a try call says would_block though it could work
  std::uint32_t early_readable_permille = 0;    // a wait_readable ends with nothing there (P11)
  std::uint32_t accept_exhausted_permille = 0;  // an accept says handles_exhausted; try again
  std::uint32_t accept_aborted_permille = 0;    // a connection dies before it is accepted
  std::uint32_t lost_cancels_permille = 0;      // a cancelled operation never completes (P24)
  // Bytes that arrived and were not read are thrown away by a reset, as most systems do. Linux
  // keeps them.
  bool reset_discards = true;
  bool send_file_supported = true;

  sim_bug planted = sim_bug::none;
  std::uint32_t planted_permille = 5;

  // Bounds. Reaching one is errc::limit with its name.
  std::uint32_t endpoints_max = 65'536;
  std::uint32_t peers_max = 16'384;
  std::uint64_t events_max = 100'000'000;  // then wait() fails: a simulation that never ends
  std::size_t record_bytes_max = 64 * 1024 * 1024;  // received text kept for one peer
  std::size_t trace_lines_max = 0;                  // see sim_network::trace()
};

// One step of a scripted peer. Made by the functions below.
struct WEIR_EXPORT sim_step {
  enum class action : std::uint8_t {
    send,
    pause,
    await_bytes,
    await_text,
    await_end,
    half_close,
    reset,
    close,
    read_slowly,
    read_fully,
  };
  action what = action::pause;
  std::string bytes;           // send
  std::size_t count = 0;       // send: piece size; await_bytes; read_slowly: bytes a time
  bool random_pieces = false;  // send: pieces of 1 to `count` bytes
  time_ns span_ns = 0;         // pause; send: between pieces; read_slowly: the interval
  std::function<bool(std::string_view)> enough{};  // await_text

  sim_step() = default;
  explicit sim_step(action a) : what(a) {}

  // All at once, as fast as the pipe takes it.
  static sim_step send(std::string bytes);
  // In pieces of `piece_bytes`, `gap_ns` apart: 1 and second_ns is a byte a second.
  static sim_step drip(std::string bytes, std::size_t piece_bytes, time_ns gap_ns);
  // In pieces of 1 to `piece_bytes_max` by seed, up to `gap_max_ns` apart by seed.
  static sim_step split(std::string bytes, std::size_t piece_bytes_max, time_ns gap_max_ns);
  static sim_step pause(time_ns span_ns);
  // Goes on when so many bytes were received since the connection began, or at its end.
  static sim_step await_bytes(std::size_t total);
  // Goes on when `enough` says so of everything received since the connection began, or at its end.
  // It is asked whenever something came, and decides by what it is given alone.
  static sim_step await_text(std::function<bool(std::string_view received)> enough);
  // Goes on when the other side has ended the stream or reset it.
  static sim_step await_end();
  static sim_step half_close();  // ends the sending side, goes on reading
  static sim_step reset();
  static sim_step close();  // closes as a program would: with unread bytes it is a reset
  // Reads `bytes` every `interval_ns` from now on. Zero bytes: stops reading.
  static sim_step read_slowly(std::size_t bytes, time_ns interval_ns);
  static sim_step stop_reading();
  static sim_step read_fully();  // reads everything as it arrives, the state at the start
};

// What stands between a script and the wire, where they are not the same: TLS, say. A script begins
// when its layer is ready; its bytes, its ends and its waits are those above the layer, and only
// how fast it reads is a matter of the wire. One peer's alone.
class WEIR_EXPORT sim_layer {
 public:
  virtual ~sim_layer() = default;
  virtual bool ready() const = 0;
  // From the script: how many bytes were taken. Fewer: again once what is outgoing has left. One
  // that failed takes everything.
  virtual std::size_t say(std::string_view text) = 0;
  // The script ends its side.
  virtual void end() = 0;
  // From the wire. What of it is for the script is put behind `text`.
  virtual void hear(std::string_view wire, std::string& text) = 0;
  // Whether the other side has said that it ends: without that its end is recorded as a reset.
  virtual bool heard_end() const = 0;
  // What is to be sent, at any time; who sends it takes it out.
  virtual std::string& outgoing() = 0;
};

// A peer as data. It acts on its own while wait() moves the time.
struct sim_peer {
  address at{};              // connects there, or listens there
  bool listens = false;      // serves one connection; several may listen at one address, and
                             // serve in the order they were added
  time_ns start_ns = 0;      // connects so long after it was added
  address from{};            // its own address; one is made up by default
  time_ns latency_ns = -1;   // one way, instead of the network's
  bool close_at_end = true;  // closes when its steps are done and the other side has ended
  std::vector<sim_step> steps{};
  std::shared_ptr<sim_layer> layer{};  // null: the script speaks to the wire
};

struct sim_chunk {
  time_ns at_ns = 0;
  std::size_t bytes = 0;
};

enum class sim_end : std::uint8_t {
  unconnected,  // not yet, or never: see `why`
  open,         // nothing ended it so far
  eof,          // the other side ended the stream in order
  reset,        // the other side reset it
  closed,       // this side closed or reset it first
};

// What a scripted peer saw.
struct sim_record {
  sim_end end = sim_end::unconnected;
  error why{};           // why it could not connect
  std::string received;  // the first record_bytes_max of it
  std::uint64_t received_bytes = 0;
  std::uint64_t sent_bytes = 0;
  std::vector<sim_chunk> chunks;  // how it came
  time_ns connected_ns = never_ns;
  time_ns ended_ns = never_ns;
  bool steps_done = false;
};

enum class sim_peer_id : std::uint32_t {};

// One network: who listens, who is connected to whom, what is under way. Pollers keep it alive.
class WEIR_EXPORT sim_network {
 public:
  explicit sim_network(const sim_options& options = {});
  ~sim_network();
  sim_network(const sim_network&) = delete;
  sim_network& operator=(const sim_network&) = delete;

  result<std::unique_ptr<poller>> open_poller(const poller_options& options = {});

  // errc::limit when there are peers_max already.
  result<sim_peer_id> add_peer(sim_peer peer);
  const sim_record& record(sim_peer_id peer) const;

  // From now on a connect to `to` ends with `why` after `delay_ns`, whoever listens there.
  // errc::none lifts the rule.
  void fail_connect(const address& to, errc why, time_ns delay_ns);
  // The next `times` accepts that find a connection end with `why`. After errc::aborted the
  // connection is gone; after any other it waits for the next accept.
  void fail_accepts(errc why, std::uint32_t times);
  // For `span_ns` from now every accept that finds a connection says errc::handles_exhausted.
  void exhaust_handles(time_ns span_ns);
  // Puts an ordinary file at a Unix path: listen() there must leave it alone.
  void put_file(const address& unix_path);

  // Moves the time by hand, for tests without a poller; events on the way happen.
  void advance(time_ns span_ns);
  time_ns now_ns() const noexcept;

  // Broken promises of the caller that the network saw: memory touched while it was the kernel's.
  const std::vector<std::string>& violations() const noexcept;
  // How many operations of all pollers are pending although they could end. Meaningful when a
  // wait() has found nothing to do: then it is none, or an edge was lost.
  std::size_t stalled_operations() const noexcept;
  // How many bugs were planted so far.
  std::uint64_t planted_count() const noexcept;
  // A digest of everything that happened, in order. Equal for equal seeds and calls.
  std::uint64_t digest() const noexcept;
  // The first trace_lines_max events as text, for reading a replay.
  const std::vector<std::string>& trace() const noexcept;
  std::uint32_t endpoints_open() const noexcept;  // both sides of connections, and listeners

  struct state;  // src/sim

 private:
  std::shared_ptr<state> state_;
};

}  // namespace weir::platform
