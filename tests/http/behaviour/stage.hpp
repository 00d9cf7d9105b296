// behaviour/stage.hpp - where the behaviour of the server is tested: one text, several worlds.
//
// A stage runs one server and scripted peers. Over the simulator time is virtual and a peer is a
// sim_peer; over sockets the server has a thread of its own and the same script is played by real
// sockets on loopback. A test says what peers do and what they must see, and never which world it
// is in, but for `exact()`: whether instants may be compared with ==, and `secure()`.
#pragma once

#include <cstdint>
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

// What a stage has between HTTP and its sockets, on either side.
class transport {
 public:
  virtual ~transport() = default;
  // Made, used and ended on the server's thread.
  // Where time is virtual each step of a handshake takes `step_ns`.
  virtual std::shared_ptr<runtime::stream_security> of_server(runtime::scheduler& on,
                                                              time_ns step_ns) const = 0;
  virtual std::shared_ptr<platform::sim_layer> of_peer() const = 0;
};

class stage {
 public:
  // `over` null: nothing. Lives longer.
  explicit stage(const transport* over) : over_(over) {}
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;
  virtual ~stage() = default;

  virtual const char* name() const = 0;
  // Instants are those of the specification to the nanosecond: virtual time, no weather.
  virtual bool exact() const { return false; }
  virtual bool real_time() const { return false; }
  bool secure() const { return over_ != nullptr; }
  // One connection too many is told so. Not a secure one; and a network that takes nothing at once
  // from a fresh connection gets a close alone.
  bool tells_when_full() const { return !has_weather() && !secure(); }
  // Short sends, spurious would_block, latency: what is promised at best effort may fail.
  bool has_weather() const { return !exact() && !real_time(); }

  route_state state;
  // How long blocking handlers take where time is virtual; never_ns: they are stuck. Elsewhere
  // state.held says so.
  time_ns virtual_blocking_ns = 0;

  // How long each step of a handshake takes there.
  time_ns virtual_handshake_step_ns = 0;

  // Starts the server with the routes of routes.hpp. `may_start` false: makes it, and lets the
  // test drain it before it starts.
  virtual void serve(const limits& bounds, bool may_start = true) = 0;
  virtual void start() = 0;
  virtual time_ns now_ns() const = 0;

  // A peer that connects now. `small_window`: it can take little that it has not read.
  peer_id connect(script steps, bool small_window = false) {
    return connect_over(over_ == nullptr ? nullptr : over_->of_peer(), std::move(steps),
                        small_window);
  }
  // One with another layer below its script; without one the script is what stands on the wire,
  // whatever the server speaks there.
  virtual peer_id connect_over(std::shared_ptr<platform::sim_layer> layer, script steps,
                               bool small_window = false) = 0;
  std::shared_ptr<platform::sim_layer> make_layer() const { return over_->of_peer(); }
  const transport* over() const { return over_; }
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
  virtual runtime::scheduler_counters loop() = 0;
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
  const transport* over_;
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
// Goes on when it is so, for which a pause alone is too short on a busy machine. To stand behind
// one: in virtual time it is asked once, when that is over.
sim_step await_that(std::function<bool()> so);
// Sends, ends its side, and waits for the end of the other: what a client does that is done.
script ask(std::string bytes);
// Sends, waits for so many answers, and ends the connection as a client does that wants no more.
script ask(std::string bytes, std::size_t answers);

// What a test is about, and so on which stages it is worth its time.
enum class matter : std::uint8_t {
  exchange,   // some bytes and their answers: the rows of tables
  course,     // how a connection goes
  crowd,      // hundreds of them
  handshake,  // of TLS
};
void each_stage(matter of, const std::function<void(stage&)>& test);
// The stages of this program: plain_stages.cpp, or what stands for it. `title` is the test's.
std::vector<std::unique_ptr<stage>> make_stages(matter of, std::string_view title);

enum class weather : bool { calm, stormy };
// `kernel`: the system owns the buffers of what is started.
std::unique_ptr<stage> make_sim_stage(const char* name, weather how, bool kernel,
                                      const transport* over = nullptr);
std::unique_ptr<stage> make_socket_stage(const char* name, const transport* over = nullptr);
// What BEHAVIOUR() does, for the rows of a table. Before main(): from a static initialiser.
void add_behaviour(std::string name, std::function<void(stage&)> test);

}  // namespace weir::http::behaviour

// BEHAVIOUR("a title") { on.serve({}); ... }: one test case, a section for each stage.
#define WEIR_BEHAVIOUR_NAMED(title, of, function)                                        \
  static void function(::weir::http::behaviour::stage& on);                              \
  TEST_CASE(title, "[behaviour]") {                                                      \
    ::weir::http::behaviour::each_stage(::weir::http::behaviour::matter::of, &function); \
  }                                                                                      \
  static void function([[maybe_unused]] ::weir::http::behaviour::stage& on)
#define WEIR_BEHAVIOUR_JOIN_(a, line) a##line
#define WEIR_BEHAVIOUR_JOIN(a, line) WEIR_BEHAVIOUR_JOIN_(a, line)
#define BEHAVIOUR(title) \
  WEIR_BEHAVIOUR_NAMED(title, course, WEIR_BEHAVIOUR_JOIN(behaviour_at_, __COUNTER__))
#define CROWD_BEHAVIOUR(title) \
  WEIR_BEHAVIOUR_NAMED(title, crowd, WEIR_BEHAVIOUR_JOIN(behaviour_at_, __COUNTER__))
#define HANDSHAKE_BEHAVIOUR(title) \
  WEIR_BEHAVIOUR_NAMED(title, handshake, WEIR_BEHAVIOUR_JOIN(behaviour_at_, __COUNTER__))
