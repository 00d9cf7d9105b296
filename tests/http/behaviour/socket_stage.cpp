// behaviour/socket_stage.cpp - loopback sockets as a stage: the server on a thread of its own, the
// peers played by the test's thread.
#include "behaviour/stage.hpp"

#include <future>
#include <optional>
#include <thread>

#include <weir/platform/clock.hpp>
#include <weir/runtime/scheduler.hpp>
#include <weir/runtime/task_tree.hpp>

#include "support/own_process.hpp"
#include "support/real_peers.hpp"

namespace weir::http::behaviour {

namespace {

class socket_stage final : public stage {
 public:
  socket_stage(const char* name, address at, const transport* over)
      : stage(over), name_(name), wanted_(at) {}
  ~socket_stage() override {
    state.held->open();
    if (!thread_.joinable()) return;
    ending how;
    drain();
    const time_ns due_ns = now_ns() + 30 * second_ns;
    while (!stopped() && now_ns() < due_ns) peers_.turn(millisecond_ns);
    static_cast<void>(socket_stage::tear_down(how));
  }

  const char* name() const override { return name_; }
  bool real_time() const override { return true; }

  void serve(const limits& bounds, bool may_start) override {
    take_what_is_kept();
    descriptors_before_ = test::held_descriptors();
    threads_before_ = test::live_threads();
    std::promise<bool> ready;
    std::future<bool> listening = ready.get_future();
    thread_ = std::thread([this, bounds, may_start, r = std::move(ready)]() mutable {
      run(bounds, may_start, std::move(r));
    });
    const bool listens = listening.get();
    REQUIRE(listens);
  }
  void start() override {
    ask([this] { start_here(); });
  }
  time_ns now_ns() const override { return system_clock().now_ns(); }

  peer_id connect_over(std::shared_ptr<platform::sim_layer> layer, script steps,
                       bool small_window) override {
    test::raw_options options;
    if (small_window) options.receive_buffer_bytes = 4'096;
    return peers_.connect(at_, std::move(steps), options, std::move(layer));
  }
  const sim_record& record(peer_id peer) const override { return peers_.record(peer); }
  std::size_t peers() const override { return peers_.size(); }

  void turn(time_ns at_most_ns) override { peers_.turn(at_most_ns); }

  // From a thread that is not the server's.
  void drain() override { server_->drain(); }
  bool stopped() override { return stopped_.load(); }
  server_counters counters() override {
    server_counters out;
    ask([this, &out] { out = server_->counters(); });
    return out;
  }
  runtime::offload_counters blocking() override {
    runtime::offload_counters out;
    ask([this, &out] { out = server_->blocking(); });
    return out;
  }
  runtime::scheduler_counters loop() override {
    runtime::scheduler_counters out;
    ask([this, &out] { out = loop_->counters(); });
    return out;
  }

 protected:
  std::vector<std::string> tear_down(ending& how) override {
    // Told on its own thread: told from here it could be gone, with its loop, before it is asked.
    ask([this] { quit_.store(true); });
    thread_.join();
    how = how_;
    how.held = held_;
    check_system();
    return complaints_;
  }

 private:
  struct question : runtime::posted_job {
    explicit question(std::function<void()> d)
        : posted_job([](posted_job& job) noexcept {
            question& q = static_cast<question&>(job);
            q.what();
            // Ours from here on: the asker may be gone before set_value() returns.
            std::promise<void> mine = std::move(q.done);
            mine.set_value();
          }),
          what(std::move(d)) {}
    std::function<void()> what;
    std::promise<void> done;
  };
  // Runs `what` on the server's thread, and waits for it.
  void ask(std::function<void()> what) {
    question q(std::move(what));
    std::future<void> answered = q.done.get_future();
    loop_->post(q);
    answered.get();
  }

  // The first queue and the first thread of a process leave something behind for the next: the twin
  // of kqueue what a closed queue held, ThreadSanitizer a thread of its own.
  static void take_what_is_kept() {
    static const bool taken = [] {
      static_cast<void>(platform::open_poller({}));
      std::thread([] {}).join();
      return true;
    }();
    static_cast<void>(taken);
  }

  // Descriptors and threads are those there were before, but for what the peers and the workers
  // that were abandoned still hold.
  void check_system() {
    if (descriptors_before_ == 0) return;  // this system does not tell
    const std::size_t kept = test::held_descriptors() - peers_.open_sockets();
    if (kept > descriptors_before_) {  // a handler may have closed one of the test's
      complaints_.push_back("descriptors: " + std::to_string(descriptors_before_) + " became " +
                            std::to_string(kept));
    }
    if (!test::threads_come_down_to(threads_before_ + how_.report.abandoned)) {
      complaints_.emplace_back("threads are left");
    }
  }

  void start_here() {
    const error why = server_->start(
        [](void* context, const drain_report& report) noexcept {
          auto* const s = static_cast<socket_stage*>(context);
          s->how_.report = report;
          s->stopped_.store(true);
        },
        this);
    if (why) complaints_.emplace_back("start failed");
  }

  void run(const limits& bounds, bool may_start, std::promise<bool> ready) {
    result<std::unique_ptr<runtime::scheduler>> opened = runtime::scheduler::open();
    if (!opened.ok()) return ready.set_value(false);
    loop_ = std::move(opened).value();
    const std::size_t frames_before = loop_->frames().bytes_in_use();
    state.compute = [](time_ns span_ns) {
      const time_ns due_ns = system_clock().now_ns() + span_ns;
      while (system_clock().now_ns() < due_ns) continue;
    };
    routes_.emplace(make_routes(state));
    server_options options;
    options.bounds = bounds;
    options.observe_hold = &stage::on_hold;
    options.observe_context = static_cast<stage*>(this);
    if (secure()) security_ = over_->of_server(*loop_, virtual_handshake_step_ns);
    options.security = security_.get();
    server_.emplace(*loop_, *routes_, options);
    const result<address> at =
        secure() ? server_->listen_secure(wanted_) : server_->listen(wanted_);
    if (at.ok()) {
      at_ = at.value();
      if (may_start) start_here();
    } else {
      complaints_.emplace_back("listen failed");
    }
    ready.set_value(at.ok());
    while (!quit_.load()) {
      if (loop_->poll_once(never_ns)) break;
    }
    const auto say = [this](bool fine, const std::string& what) {
      if (!fine) complaints_.push_back(what);
    };
    how_.stopped = stopped_.load() && server_->stopped();
    how_.counters = server_->counters();
    say(server_->connections() == 0, "the server still counts connections");
    const platform::poller_counters& left = loop_->poller().counters();
    say(left.sockets_open == 0, std::to_string(left.sockets_open) + " sockets are open");
    say(left.operations_open == 0, std::to_string(left.operations_open) + " operations are open");
    server_.reset();
    security_.reset();
    say(loop_->frames().bytes_in_use() == frames_before, "frames are left:\n" + task_tree(*loop_));
    say(loop_->timers().soonest() == nullptr, "a timer is armed");
    loop_.reset();
  }

  const char* name_;
  address wanted_;
  address at_;
  std::thread thread_;
  std::size_t descriptors_before_ = 0;
  std::size_t threads_before_ = 0;
  std::atomic<bool> quit_{false};
  std::atomic<bool> stopped_{false};
  std::optional<routes> routes_;
  std::unique_ptr<runtime::scheduler> loop_;
  std::shared_ptr<runtime::stream_security> security_;
  std::optional<server> server_;
  ending how_;
  std::vector<std::string> complaints_;
  test::real_peers peers_;
};

}  // namespace

std::unique_ptr<stage> make_socket_stage(const char* name, const transport* over) {
  return std::make_unique<socket_stage>(name, address::loopback_ipv4(0), over);
}

}  // namespace weir::http::behaviour
