// behaviour/stage.hpp - where the behaviour of the server is tested: one text, several worlds.
//
// A stage runs one server and scripted peers. Over the simulator time is virtual and a peer is a
// sim_peer; over sockets the server has a thread of its own and the same script is played by real
// sockets on loopback. A test says what peers do and what they must see, and never which world it
// is in, but for `exact()`: whether instants may be compared with ==.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch_amalgamated.hpp>

#include <weir/http/server.hpp>
#include <weir/platform/sim.hpp>

#include "behaviour/routes.hpp"
#include "support/answer_reader.hpp"

namespace weir::http::behaviour {

using platform::sim_end;
using platform::sim_record;
using platform::sim_step;
using script = std::vector<sim_step>;

using peer_id = std::size_t;

// How a server ended, after drain() or finish().
struct ending {
  bool stopped = false;
  drain_report report{};
  server_counters counters{};
  std::vector<std::pair<std::string, time_ns>> held;  // patterns, and how long
};

class stage {
 public:
  stage() = default;
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;
  virtual ~stage() = default;

  virtual const char* name() const = 0;
  // Instants are those of the specification to the nanosecond: virtual time, no weather.
  virtual bool exact() const { return false; }
  virtual bool real_time() const { return false; }
  // Short sends, spurious would_block, latency: what is promised at best effort may fail.
  bool has_weather() const { return !exact() && !real_time(); }

  route_state state;
  // How long blocking handlers take where time is virtual; never_ns: they are stuck. Elsewhere
  // state.held says so.
  time_ns virtual_blocking_ns = 0;

  // Starts the server with the routes of routes.hpp. `may_start` false: makes it, and lets the
  // test drain it before it starts.
  virtual void serve(const limits& bounds, bool may_start = true) = 0;
  virtual void start() = 0;
  virtual time_ns now_ns() const = 0;

  // A peer that connects now. `small_window`: it can take little that it has not read.
  virtual peer_id connect(script steps, bool small_window = false) = 0;
  virtual const sim_record& record(peer_id peer) const = 0;
  virtual std::size_t peers() const = 0;

  // Lets time pass: at most so long.
  virtual void turn(time_ns at_most_ns) = 0;
  // Lets time pass until it is so. Fails the test when it never is.
  void until(const std::function<bool()>& so, time_ns slice_ns = millisecond_ns);
  // Until every peer has seen its end, or could not connect.
  void until_ended();
  bool ended(peer_id peer) const;
  std::size_t received_bytes(peer_id peer) const { return record(peer).received.size(); }

  virtual void drain() = 0;
  virtual bool stopped() = 0;
  virtual server_counters counters() = 0;
  virtual runtime::offload_counters blocking() = 0;
  // Drains, waits until the server has stopped, ends it, and checks what holds at every end: every
  // connection that was accepted is closed, and nothing is left of it.
  ending finish();

  // What a peer saw, read strictly. `methods`: of its requests, when not all are GET or POST.
  struct seen {
    std::vector<test::answer> answers;
    std::size_t complete = 0;
    std::size_t interim = 0;
    std::string broken;
    sim_end end = sim_end::open;
    time_ns lasted_ns = 0;  // from connect to the end
  };
  seen see(peer_id peer, const std::vector<std::string>& methods = {}) const;

  // For spans that a limit names: exactly that in virtual time, that and not much more elsewhere.
  void check_span(time_ns actual_ns, time_ns expected_ns) const;

 protected:
  // For server_options::observe_hold.
  static void on_hold(void* self, const hold_record& record) noexcept {
    static_cast<stage*>(self)->held_.emplace_back(record.pattern, record.held_ns);
  }
  std::vector<std::pair<std::string, time_ns>> held_;
  // The end of the server and of everything below it; complaints, one line each.
  virtual std::vector<std::string> tear_down(ending& how) = 0;
};

// Scripts. ---------------------------------------------------------------------------------------

std::string get(std::string_view target, std::string_view more_fields = {});
std::string post(std::string_view target, std::string_view body, std::string_view more_fields = {});
std::string chunked_post(std::string_view target, std::vector<std::string_view> chunks);
// Goes on when so many final answers are complete, or anything is wrong with them.
sim_step await_answers(std::size_t n, const std::vector<std::string>& methods = {});
// Likewise for one peer that awaits many times: what it has read is not read again at each.
class answer_count {
 public:
  explicit answer_count(const std::vector<std::string>& methods = {});
  sim_step await(std::size_t n) const;  // of all that came since it was connected

 private:
  struct watch;
  std::shared_ptr<watch> seen_;
};
sim_step await_interim(std::size_t n);
// Sends, ends its side, and waits for the end of the other: what a client does that is done.
script ask(std::string bytes);
// Sends, waits for so many answers, and ends the connection as a client does that wants no more.
script ask(std::string bytes, std::size_t answers);

// All stages; `exact_only`: for tests that are about hours.
void each_stage(const std::function<void(stage&)>& test);
std::vector<std::unique_ptr<stage>> make_sim_stages();
void add_socket_stages(std::vector<std::unique_ptr<stage>>& to);
// What BEHAVIOUR() does, for the rows of a table. Before main(): from a static initialiser.
void add_behaviour(std::string name, std::function<void(stage&)> test);

}  // namespace weir::http::behaviour

// BEHAVIOUR("a title") { on.serve({}); ... }: one test case, a section for each stage.
#define WEIR_BEHAVIOUR_NAMED(title, function)               \
  static void function(::weir::http::behaviour::stage& on); \
  TEST_CASE(title, "[behaviour]") {                         \
    ::weir::http::behaviour::each_stage(&function);         \
  }                                                         \
  static void function([[maybe_unused]] ::weir::http::behaviour::stage& on)
#define WEIR_BEHAVIOUR_JOIN_(a, line) a##line
#define WEIR_BEHAVIOUR_JOIN(a, line) WEIR_BEHAVIOUR_JOIN_(a, line)
#define BEHAVIOUR(title) \
  WEIR_BEHAVIOUR_NAMED(title, WEIR_BEHAVIOUR_JOIN(behaviour_at_, __COUNTER__))
