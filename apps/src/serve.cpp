// apps/serve.cpp - see the header. The servers have threads of their own; the main thread has a
// loop, which waits for signals and for the servers to end, and serves the admin address.
//
//   bind everything -> start -> say where -> signal -> drain() -> all ended -> report
//                                              |         (the admin server goes last)
//                                              `-> a second one -> the end, at once
#include "serve.hpp"

#include <atomic>
#include <memory>
#include <utility>

#include <weir/http/background_server.hpp>
#include <weir/http/head_parser.hpp>
#include <weir/http/health.hpp>
#include <weir/http/server.hpp>
#include <weir/platform/file.hpp>
#include <weir/platform/process.hpp>
#include <weir/runtime/scheduler.hpp>

#include "demo_routes.hpp"
#include "exit_code.hpp"
#include "file_routes.hpp"
#include "home_page.hpp"
#include "limit_flags.hpp"
#include "redirect_routes.hpp"
#include "say.hpp"
#include "tls_setup.hpp"

namespace weir::apps {

namespace {

// Descriptors that are nobody's connection: standard streams, what the C library opens, and for
// each thread a poller, its wake, a reserve; then one for each listener.
constexpr std::uint64_t descriptors_of_process = 32;
constexpr std::uint64_t descriptors_of_thread = 8;

// Of the admin address: a few who look now and then, and ask for no more than a state.
http::limits admin_limits() noexcept {
  http::limits bounds;
  bounds.head_bytes_max = 4 * 1024;
  bounds.target_bytes_max = 1024;
  bounds.body_bytes_max = 1024;
  bounds.connections_max = bounds.connections_per_peer_max = 64;
  bounds.requests_in_flight_max = 64;
  bounds.accept_backlog = 64;
  bounds.head_deadline = 2 * second_ns;
  bounds.drain_timeout = 1 * second_ns;
  return bounds;
}

// Of the address that redirects: heads as everywhere, and nothing besides.
http::limits redirect_limits(const http::limits& served) noexcept {
  http::limits bounds = served;
  bounds.body_bytes_max = 1024;
  bounds.connections_max = std::min<std::uint32_t>(served.connections_max, 512);
  bounds.connections_per_peer_max =
      std::min(served.connections_per_peer_max, bounds.connections_max);
  bounds.requests_in_flight_max = std::min(served.requests_in_flight_max, bounds.connections_max);
  return bounds;
}

// How long the end waits for a reader of the log.
constexpr time_ns log_end_ns = 2 * second_ns;

// Threads are under way: nothing is taken apart.
[[noreturn]] void end_without_the_rest(int code) {
  std::fflush(stderr);  // standard output may have a reader that does not read
  platform::end_process(code);
}

class program {
 public:
  explicit program(const serve_options& options)
      : options_(options),
        bounds_(options.bounds),
        listen_(options.listen),
        log_(options.log),
        tls_(options.tls),
        page_(!options.files.empty(), options.admin_listen.empty()) {
    if (listen_.empty()) listen_ = {secure() ? "127.0.0.1:8443" : "127.0.0.1:8080"};
  }

  int run();

 private:
  bool secure() const noexcept { return !options_.tls.pairs.empty(); }
  bool prepare();
  bool fit_descriptors();
  std::size_t head_buffer_bytes() const noexcept;
  bool open_control();
  bool open_servers();
  bool bind();
  bool bind_admin();
  bool bind_redirect();
  std::string redirect_authority() const;
  bool start();
  void announce() const;
  void reload_when_asked();
  bool side_servers_stopped() const noexcept;
  int supervise();
  int report(const http::drain_report& sum, int code);

  // Called by background_server.
  static void observe(void* self, std::uint32_t thread, http::server_options& served);
  static std::shared_ptr<runtime::stream_security> protect(void* self, runtime::scheduler& loop);
  static void on_ended(void* self) noexcept;

  const serve_options& options_;
  http::limits bounds_;
  std::vector<std::string> listen_;
  directory_root folder_;
  access_log log_;
  tls_setup tls_;
  home_page page_;
  http::health health_;
  http::routes routes_;
  http::routes admin_routes_;
  http::routes redirect_routes_;
  std::vector<std::unique_ptr<access_log::channel>> logs_;  // one for each thread
  std::unique_ptr<runtime::scheduler> control_;
  std::unique_ptr<http::server> admin_;  // on control_, as the next
  std::unique_ptr<http::server> redirect_;
  std::unique_ptr<http::background_server> servers_;
  std::vector<address> bound_;
  address admin_at_;
  address redirect_at_;
  unsigned reloads_ = 0;  // requests to reload that were seen to
  time_ns next_look_ns_ = never_ns;
  std::atomic<bool> ended_{false};  // all servers have
};

// What is wrong with an address, and what to do about it.
std::string why_not_bound(const std::string& at, error why) {
  std::string told = "cannot listen on " + at + ": ";
  switch (why.code) {
    case errc::address_in_use:
      return told + "it is taken by another program; choose another, or port 0 for a free one";
    case errc::address_unavailable:
      return told + "this machine has no such address; 0.0.0.0 and [::] stand for all it has";
    case errc::permission:
      return told + "not allowed; ports below 1024 and some folders need more rights";
    case errc::exists:
      return told + "there is a file of another kind at that path; it is not touched";
    case errc::not_found: return told + "there is no such folder";
    case errc::family_unsupported: return told + "the system has no such addresses";
    case errc::malformed:
    case errc::limit:
      return told + why.where + "; an address is like 127.0.0.1:8080, [::1]:0 or unix:/path";
    default: return told + to_string(why.code) + " (" + why.where + ")";
  }
}

bool program::fit_descriptors() {
  const std::uint64_t listeners = listen_.size() * (options_.threads + 1);
  const std::uint64_t admin =
      options_.admin_listen.empty() ? 0 : admin_limits().connections_max + 1;
  const std::uint64_t redirect =
      options_.redirect_listen.empty() ? 0 : redirect_limits(bounds_).connections_max + 1;
  const std::uint64_t fixed = descriptors_of_process +
                              descriptors_of_thread * (options_.threads + 1) + listeners + admin +
                              redirect;
  // A file is open while it is sent.
  const std::uint64_t connections = bounds_.connections_max;
  const std::uint64_t files = options_.files.empty() ? 0 : bounds_.requests_in_flight_max;
  const bool unbounded = bounds_.connections_max == std::uint32_t{http::limits::unbounded};
  const std::uint64_t wanted =
      unbounded ? ~std::uint64_t{0} : fixed + connections + std::min(files, connections);
  const result<std::uint64_t> limit = platform::raise_descriptor_limit(wanted);
  if (!limit.ok()) {
    say(std::string("cannot raise the limit of open files: ") + to_string(limit.why().code));
    return false;
  }
  if (unbounded || limit.value() >= wanted) return true;
  const std::uint64_t room = limit.value() > fixed ? limit.value() - fixed : 0;
  const std::uint64_t fits = files == 0 ? room : std::max(room / 2, room - std::min(room, files));
  const std::string told = "--connections-max " + std::to_string(connections) +
                           " cannot fit: this process may open " + std::to_string(limit.value()) +
                           " files, which is room for " + std::to_string(fits) + " connections";
  if (options_.connections_max_asked || fits == 0) {
    say(told + "; ask for no more, or raise the hard limit (ulimit -Hn, LimitNOFILE=) to " +
        std::to_string(wanted));
    return false;
  }
  // Nobody asked for the default: serve as many as there is room for, and say so.
  say("serving " + std::to_string(fits) + " connections instead of " + std::to_string(connections) +
      ": that is what fits the limit of open files; raise it with " +
      "ulimit -Hn or LimitNOFILE= to " + std::to_string(wanted));
  if (bounds_.connections_per_peer_max == bounds_.connections_max) {
    bounds_.connections_per_peer_max = static_cast<std::uint32_t>(fits);
  }
  bounds_.connections_max = static_cast<std::uint32_t>(fits);
  return true;
}

bool program::prepare() {
  if (const std::string wrong = limits_problem(bounds_); !wrong.empty()) {
    say(wrong);
    return false;
  }
  if (!options_.files.empty()) {
    result<directory_root> folder = directory_root::open(options_.files);
    if (!folder.ok()) {
      say("cannot serve the folder " + options_.files + ": " + to_string(folder.why().code) +
          "; --files takes a folder that this user may read and enter");
      return false;
    }
    folder_ = std::move(folder).value();
  }
  if (secure()) {
    if (const std::string wrong = tls_.load(); !wrong.empty()) {
      say(wrong);
      return false;
    }
  }
  if (!fit_descriptors()) return false;
  error why = add_demo_routes(routes_);
  if (!why) why = page_.add_to(routes_);
  if (!why && folder_.is_open()) why = add_file_routes(routes_, folder_);
  if (!why) why = health_.add_to(options_.admin_listen.empty() ? routes_ : admin_routes_);
  WEIR_ASSERT(!why);  // the patterns are ours
  return true;
}

// A head stands in the receive buffer as a whole.
std::size_t program::head_buffer_bytes() const noexcept {
  return http::head_parser(http::head_rules(bounds_, secure())).buffer_bytes_max();
}

bool program::open_control() {
  runtime::scheduler_options small;
  if (options_.admin_listen.empty() && options_.redirect_listen.empty()) {
    small.receive_buffer_bytes = small.send_buffer_bytes = 1'024;
  }
  if (!options_.redirect_listen.empty()) {
    small.receive_buffer_bytes = std::max(small.receive_buffer_bytes, head_buffer_bytes());
  }
  result<std::unique_ptr<runtime::scheduler>> control = runtime::scheduler::open(small);
  if (!control.ok()) {
    say(std::string("cannot start an event loop: ") + to_string(control.why().code));
    return false;
  }
  control_ = std::move(control).value();
  return true;
}

bool program::open_servers() {
  http::background_options how;
  how.threads = options_.threads;
  how.served.bounds = bounds_;
  how.served.tells = &health_;
  how.loop.receive_buffer_bytes = std::max(how.loop.receive_buffer_bytes, head_buffer_bytes());
  if (secure()) how.secure = &program::protect;
  if (options_.log != log_format::off) how.adapt = &program::observe;
  how.on_ended = &program::on_ended;
  how.context = this;
  result<std::unique_ptr<http::background_server>> opened =
      http::background_server::open(routes_, how);
  if (!opened.ok()) {
    say(std::string("cannot start an event loop: ") + to_string(opened.why().code));
    return false;
  }
  servers_ = std::move(opened).value();
  return true;
}

void program::observe(void* self, std::uint32_t, http::server_options& served) {
  program& of = *static_cast<program*>(self);
  of.logs_.push_back(std::make_unique<access_log::channel>(of.log_));
  served.observe = &access_log::channel::observe;
  served.observe_hold = &access_log::channel::observe_hold;
  served.observe_context = of.logs_.back().get();
}

std::shared_ptr<runtime::stream_security> program::protect(void* self, runtime::scheduler& loop) {
  return static_cast<program*>(self)->tls_.secure(loop);
}

void program::on_ended(void* self) noexcept {
  program& of = *static_cast<program*>(self);
  of.ended_.store(true);
  of.control_->poller().wake();
}

bool program::bind_admin() {
  if (options_.admin_listen.empty()) return true;
  http::server_options served;
  served.bounds = admin_limits();
  admin_ = std::make_unique<http::server>(*control_, admin_routes_, served);
  const result<address> at = admin_->listen(options_.admin_listen);
  if (!at.ok()) {
    say(why_not_bound(options_.admin_listen, at.why()));
    return false;
  }
  admin_at_ = at.value();
  return true;
}

// What clients can reach us by: the configured name, or the first address when it is one.
std::string program::redirect_authority() const {
  constexpr std::string_view usual = ":443";
  std::string to = options_.redirect_to;
  const address& first = bound_.front();
  if (to.empty() && first.is_ip() && !first.is_any()) to = first.to_string();
  if (to.ends_with(usual)) to.resize(to.size() - usual.size());
  return to;
}

bool program::bind_redirect() {
  if (options_.redirect_listen.empty()) return true;
  const std::string to = redirect_authority();
  if (to.empty()) {
    say("--redirect-http: clients cannot be sent to " + bound_.front().to_string() +
        "; --redirect-to HOST[:PORT] says where to");
    return false;
  }
  const error why = add_redirect_routes(redirect_routes_, to);
  WEIR_ASSERT(!why);
  http::server_options served;
  served.bounds = redirect_limits(bounds_);
  redirect_ = std::make_unique<http::server>(*control_, redirect_routes_, served);
  const result<address> at = redirect_->listen(options_.redirect_listen);
  if (!at.ok()) {
    say(why_not_bound(options_.redirect_listen, at.why()));
    return false;
  }
  redirect_at_ = at.value();
  return true;
}

bool program::bind() {
  for (const std::string& text : listen_) {
    const result<address> at = secure() ? servers_->listen_secure(text) : servers_->listen(text);
    if (!at.ok()) {
      say(why_not_bound(text, at.why()));
      return false;
    }
    bound_.push_back(at.value());
  }
  return bind_redirect() && bind_admin();
}

void program::announce() const {
  const auto one = [this](const std::string& what, const address& at, const char* scheme) {
    say(what + " on " + (at.is_ip() ? scheme : "") + at.to_string());
    if (!options_.print_port) return;
    if (at.is_ip()) {
      std::printf("%u\n", static_cast<unsigned>(at.port()));
    } else {
      std::printf("%s\n", std::string(at.path()).c_str());
    }
  };
  for (const std::string& line : tls_.about()) say(line);
  for (const address& at : bound_) one("listening", at, secure() ? "https://" : "http://");
  if (redirect_ != nullptr) {
    one("redirecting to https://" + redirect_authority(), redirect_at_, "http://");
  }
  if (admin_ != nullptr) one("admin listening", admin_at_, "http://");
  std::fflush(stdout);
}

bool program::start() {
  error why = servers_->start();
  if (!why && redirect_ != nullptr) why = redirect_->start();
  if (!why && admin_ != nullptr) why = admin_->start();
  if (!why) return true;
  static_cast<void>(servers_->stop());  // no path stays behind, whoever had started
  say(std::string("cannot start: ") + to_string(why.code) + " (" + why.where + ")");
  return false;
}

int program::run() {
  // A reader of our output that goes away is an error of the write, not the end of the process.
  platform::ignore_broken_pipes();
  if (!prepare() || !open_control() || !open_servers() || !bind()) return exit_code::misuse;

  platform::termination_watch watch;
  const auto wake = [](void* poller) noexcept { static_cast<platform::poller*>(poller)->wake(); };
  if (error why = watch.start(wake, &control_->poller())) {
    say(std::string("cannot watch for signals: ") + to_string(why.code));
    return exit_code::failed;
  }
  platform::reload_watch reload;
  if (secure()) {
    const error why = reload.start(wake, &control_->poller());
    if (why && why.code != errc::not_supported) {
      say(std::string("cannot watch for signals: ") + to_string(why.code));
      return exit_code::failed;
    }
  }
  if (options_.log != log_format::off) log_.start();
  if (!start()) end_without_the_rest(exit_code::failed);
  announce();
  const int code = supervise();
  if (code == exit_code::killed) return code;
  const http::drain_report sum = servers_->stop();
  reload.stop();
  watch.stop();
  return report(sum, code);
}

// SIGHUP, or other files than before: certificates and keys again, by the names of the start.
void program::reload_when_asked() {
  const unsigned asked = platform::reload_watch::count();
  bool wanted = std::exchange(reloads_, asked) != asked;
  if (control_->now_ns() >= next_look_ns_) {
    next_look_ns_ = due_after(control_->now_ns(), options_.tls_watch);
    wanted = tls_.changed() || wanted;
  }
  if (!wanted) return;
  if (const std::string wrong = tls_.load(); !wrong.empty()) {
    say("not reloaded, and what was in use stays in use: " + wrong);
    return;
  }
  say("reloaded; sessions that are open keep what they began with");
  for (const std::string& line : tls_.about()) say(line);
}

bool program::side_servers_stopped() const noexcept {
  return (redirect_ == nullptr || redirect_->stopped()) && (admin_ == nullptr || admin_->stopped());
}

// Until all servers have ended, the admin one last, or a second signal.
int program::supervise() {
  bool draining = false;
  next_look_ns_ = due_after(control_->now_ns(), options_.tls_watch);
  while (!ended_.load() || !side_servers_stopped()) {
    if (ended_.load()) {
      if (redirect_ != nullptr) redirect_->drain();
      if (admin_ != nullptr) admin_->drain();
    }
    const error why = control_->poll_once(next_look_ns_);
    const unsigned signals = platform::termination_watch::count();
    if (signals >= 2) {
      say("ended at once by a second signal; what was open is cut off");
      return exit_code::killed;
    }
    if ((signals > 0 || why) && !std::exchange(draining, true)) {
      servers_->drain();
      if (redirect_ != nullptr) redirect_->drain();
    }
    if (why) return exit_code::failed;
    reload_when_asked();
  }
  return exit_code::done;
}

int program::report(const http::drain_report& sum, int code) {
  if (const error why = servers_->why_broken()) {
    say(std::string("a server broke: ") + to_string(why.code) + " (" + why.where + ")");
    code = exit_code::failed;
  }
  std::fprintf(stderr, "weir: drained %u, forced %u, abandoned %u\n",
               static_cast<unsigned>(sum.drained), static_cast<unsigned>(sum.forced),
               static_cast<unsigned>(sum.abandoned));
  if (!log_.stop(log_end_ns)) {
    say("nobody reads the access log; its last lines are lost");
    end_without_the_rest(code);
  }
  if (sum.abandoned > 0 || !side_servers_stopped()) end_without_the_rest(code);
  return code;
}

}  // namespace

int serve(const serve_options& options) {
  auto running = std::make_unique<program>(options);
  const int code = running->run();
  if (code == exit_code::killed) end_without_the_rest(code);
  return code;
}

}  // namespace weir::apps
