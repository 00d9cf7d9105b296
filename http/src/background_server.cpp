// http/background_server.cpp - see the header. Everything of `impl` is under its mutex but for
// what a worker's thread has for itself: its loop and its server.
#include <weir/http/background_server.hpp>

#include <thread>
#include <utility>
#include <vector>

#include <weir/platform/mutex.hpp>

namespace weir::http {

namespace {

struct worker {
  std::unique_ptr<runtime::scheduler> loop;
  std::shared_ptr<runtime::stream_security> security;
  std::unique_ptr<server> http;
  std::thread thread;
  std::thread::id id;   // of `thread`, which belongs to whoever joins it
  drain_report report;  // its thread's, until it has ended
  bool ended = false;   // takes no drain any more

  static void on_stopped(void* self, const drain_report& report) noexcept {
    static_cast<worker*>(self)->report = report;
  }
};

}  // namespace

struct background_server::impl {
  enum class phase : std::uint8_t { bound, serving, draining, stopped };

  impl(const routes& served, const background_options& with)
      : handlers(served), options(with), shared(with.served.bounds) {}

  error add_worker(std::uint32_t thread);
  result<address> listen(const address& where, bool secure);
  error start_all();
  void end_all() noexcept;
  bool begin_thread(worker& one) noexcept;
  void run(worker& one) noexcept;
  void turn_until_stopped(worker& one, error& broke) noexcept;
  void drain_all() noexcept;
  bool on_own_thread() const noexcept;

  const routes& handlers;
  const background_options options;
  admission shared;
  mutable mutex state_mutex;
  condition changed;
  phase at = phase::bound;
  std::vector<std::unique_ptr<worker>> workers;
  std::uint32_t running = 0;
  bool started = false;
  bool joining = false;
  drain_report report;
  error why;
};

error background_server::impl::add_worker(std::uint32_t thread) {
  result<std::unique_ptr<runtime::scheduler>> loop = runtime::scheduler::open(options.loop);
  if (!loop.ok()) return loop.why();
  auto one = std::make_unique<worker>();
  one->loop = std::move(loop).value();
  server_options served = options.served;
  if (served.shared == nullptr) served.shared = &shared;
  if (options.secure != nullptr) {
    one->security = options.secure(options.context, *one->loop);
    served.security = one->security.get();
  }
  if (options.adapt != nullptr) options.adapt(options.context, thread, served);
  one->http = std::make_unique<server>(*one->loop, handlers, served);
  workers.push_back(std::move(one));
  return {};
}

result<std::unique_ptr<background_server>> background_server::open(
    const routes& handlers, const background_options& options) {
  if (options.threads == 0) return error(errc::invalid, "threads");
  auto made = std::make_unique<impl>(handlers, options);
  for (std::uint32_t i = 0; i < options.threads; ++i) {
    if (error why = made->add_worker(i)) return why;
  }
  return std::unique_ptr<background_server>(new background_server(std::move(made)));
}

background_server::background_server(std::unique_ptr<impl> made) noexcept
    : impl_(std::move(made)) {}

background_server::~background_server() {
  static_cast<void>(stop());
}

// Where ports are shared, each thread has a listener of its own. A Unix path belongs to the first
// thread, because there is nothing that would share it.
result<address> background_server::impl::listen(const address& where, bool secure) {
  lock hold(state_mutex);
  if (at != phase::bound) return error(errc::invalid, "listen: too late");
  const auto bind = [secure](worker& one, const address& on, net::port_use use) {
    return secure ? one.http->listen_secure(on, use) : one.http->listen(on, use);
  };
  const bool share = net::ports_spread && workers.size() > 1 && where.is_ip();
  const result<address> first =
      bind(*workers.front(), where, share ? net::port_use::shared : net::port_use::alone);
  for (std::size_t i = 1; share && first.ok() && i < workers.size(); ++i) {
    const result<address> next = bind(*workers[i], first.value(), net::port_use::joined);
    if (!next.ok()) return next;
  }
  return first;
}

result<address> background_server::listen(const address& at) {
  return impl_->listen(at, false);
}

result<address> background_server::listen(std::string_view at) {
  const result<address> parsed = address::parse(at);
  if (!parsed.ok()) return parsed;
  return listen(parsed.value());
}

result<address> background_server::listen_secure(const address& at) {
  return impl_->listen(at, true);
}

result<address> background_server::listen_secure(std::string_view at) {
  const result<address> parsed = address::parse(at);
  if (!parsed.ok()) return parsed;
  return listen_secure(parsed.value());
}

error background_server::start() {
  impl& s = *impl_;
  {
    lock hold(s.state_mutex);
    if (s.at == impl::phase::stopped && !s.started) return error(errc::cancelled, "stopped");
    if (s.at != impl::phase::bound) return error(errc::invalid, "started twice");
    s.at = impl::phase::serving;
    s.started = true;
    s.why = s.start_all();
    if (!s.why) return {};
    s.drain_all();
    s.joining = true;
  }
  s.end_all();
  return s.why;
}

// No loop turns yet: until its thread begins, a server is this thread's. One that accepts for all
// starts when the others have.
error background_server::impl::start_all() {
  running = static_cast<std::uint32_t>(workers.size());
  if (!net::ports_spread && workers.size() > 1) {
    std::vector<server*> others;
    for (std::size_t i = 1; i < workers.size(); ++i) others.push_back(workers[i]->http.get());
    workers.front()->http->spread_to(others);
  }
  for (std::size_t i = workers.size(); i-- > 0;) {
    worker& one = *workers[i];
    if (error failed = one.http->start(&worker::on_stopped, &one)) return failed;
  }
  for (const std::unique_ptr<worker>& each : workers) {
    if (!begin_thread(*each)) return error(errc::limit, "no thread could be started");
  }
  return {};
}

bool background_server::impl::begin_thread(worker& one) noexcept {
  try {
    one.thread = std::thread([this, &one] { run(one); });
    one.id = one.thread.get_id();
    return true;
  } catch (...) {  // std::system_error, std::bad_alloc
    return false;
  }
}

// A server from its start to its end, which takes the others along when it was not asked for: part
// of a server is not what anybody wanted.
void background_server::impl::run(worker& one) noexcept {
  error broke{};
  turn_until_stopped(one, broke);
  bool last = false;
  {
    lock hold(state_mutex);
    one.ended = true;
    if (broke && !why) why = broke;
    report.drained += one.report.drained;
    report.forced += one.report.forced;
    report.abandoned += one.report.abandoned;
    drain_all();
    last = --running == 0;
  }
  // What was posted while it broke.
  if (broke) static_cast<void>(one.loop->shutdown(second_ns));
  if (last && options.on_ended != nullptr) options.on_ended(options.context);
}

void background_server::impl::turn_until_stopped(worker& one, error& broke) noexcept {
  while (!one.http->stopped() && !broke) broke = one.loop->poll_once(never_ns);
}

void background_server::impl::drain_all() noexcept {
  if (at == phase::serving) at = phase::draining;
  for (const std::unique_ptr<worker>& each : workers) {
    if (!each->ended) each->http->drain();
  }
}

bool background_server::impl::on_own_thread() const noexcept {
  for (const std::unique_ptr<worker>& each : workers) {
    if (each->id == std::this_thread::get_id()) return true;
  }
  return false;
}

void background_server::drain() noexcept {
  lock hold(impl_->state_mutex);
  if (impl_->at == impl::phase::serving) impl_->drain_all();
}

drain_report background_server::stop() noexcept {
  impl& s = *impl_;
  bool mine = false;
  {
    lock hold(s.state_mutex);
    WEIR_ASSERT(!s.on_own_thread());
    if (s.at == impl::phase::serving) s.drain_all();
    if (s.at != impl::phase::stopped) mine = !std::exchange(s.joining, true);
  }
  if (mine) s.end_all();
  lock hold(s.state_mutex);
  while (s.at != impl::phase::stopped) s.changed.wait(s.state_mutex);
  return s.report;
}

// By the one caller who set `joining`: nobody else changes the list, or touches a `thread`, until
// it is stopped.
void background_server::impl::end_all() noexcept {
  for (const std::unique_ptr<worker>& each : workers) {
    if (each->thread.joinable()) {
      each->thread.join();
    } else if (started) {
      run(*each);  // it got no thread, and ends on this one
    }
  }
  lock hold(state_mutex);
  workers.clear();  // listeners of one that never started are closed here
  at = phase::stopped;
  changed.wake_all();
}

error background_server::why_broken() const noexcept {
  lock hold(impl_->state_mutex);
  return impl_->why;
}

}  // namespace weir::http
