// tests/support/contract_auditor.hpp - a poller that watches another one keep its contract.
//
// It stands between a program under test and any backend and writes down each broken promise it
// can see, with the number of the sentence in poller.hpp. What it can repair it does: a second
// completion is recorded and swallowed, because the program's memory for it may be gone. Contexts
// are replaced by serial numbers on the way down, so that nothing the backend hands up is ever
// followed as a pointer.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <weir/platform/poller.hpp>

namespace weir::test {

class contract_auditor final : public platform::poller {
 public:
  using socket_id = platform::socket_id;
  using operation_id = platform::operation_id;
  using started = platform::started;
  using completion = platform::completion;
  using native_socket = platform::native_socket;

  // `stalled` says how many pending operations could end now (sim_network::stalled_operations);
  // without it a lost edge shows only in what the program does.
  explicit contract_auditor(std::unique_ptr<platform::poller> inner,
                            std::function<std::size_t()> stalled = {})
      : inner_(std::move(inner)), stalled_(std::move(stalled)) {}
  ~contract_auditor() override { static_cast<void>(contract_auditor::close_all(second_ns)); }

  // Empty, or the backend broke its contract. At most violations_max lines.
  const std::vector<std::string>& violations() const noexcept { return *violations_; }
  // The list outlives the auditor when somebody holds it: close_all() may add to it.
  std::shared_ptr<const std::vector<std::string>> shared_violations() const { return violations_; }

  static constexpr std::size_t violations_max = 100;
  // A cancelled operation that has not ended after so long never will.
  static constexpr time_ns cancel_bound_ns = 5 * second_ns;

  const char* name() const noexcept override { return inner_->name(); }
  time_ns now_ns() const noexcept override { return inner_->now_ns(); }
  std::int64_t unix_seconds() const noexcept override { return inner_->unix_seconds(); }
  const platform::poller_counters& counters() const noexcept override { return inner_->counters(); }
  bool virtual_time() const noexcept override { return inner_->virtual_time(); }

  result<socket_id> listen(const address& at,
                           const platform::listen_options& options) noexcept override {
    return opened(inner_->listen(at, options));
  }
  result<socket_id> open_stream(const address& to) noexcept override {
    return opened(inner_->open_stream(to));
  }
  result<socket_id> adopt(native_socket socket) noexcept override {
    return opened(inner_->adopt(socket));
  }
  void discard(native_socket socket) noexcept override { inner_->discard(socket); }
  result<address> local_address(socket_id socket) const noexcept override {
    return inner_->local_address(socket);
  }
  result<address> peer_address(socket_id socket) const noexcept override {
    return inner_->peer_address(socket);
  }
  error shut_send(socket_id socket) noexcept override {
    const error why = inner_->shut_send(socket);
    check_stale(socket, why.code, "shut_send");
    return why;
  }
  void close(socket_id socket) noexcept override {
    ended(socket);
    inner_->close(socket);
  }
  void reset(socket_id socket) noexcept override {
    ended(socket);
    inner_->reset(socket);
  }

  result<std::size_t> try_receive(socket_id socket, byte_span into) noexcept override {
    result<std::size_t> got = inner_->try_receive(socket, into);
    check_stale(socket, got.why().code, "try_receive");
    if (got) check_count(got.value(), into.size(), "try_receive");
    check_stream(socket, got.ok(), got.why().code);
    return got;
  }
  result<std::size_t> try_send(socket_id socket,
                               std::span<const byte_view> parts) noexcept override {
    result<std::size_t> sent = inner_->try_send(socket, parts);
    check_sent(socket, sent, parts);
    return sent;
  }
  result<std::size_t> try_send_more(socket_id socket,
                                    std::span<const byte_view> parts) noexcept override {
    result<std::size_t> sent = inner_->try_send_more(socket, parts);
    check_sent(socket, sent, parts);
    return sent;
  }
  result<native_socket> try_accept(socket_id listener, address* peer) noexcept override {
    result<native_socket> got = inner_->try_accept(listener, peer);
    check_stale(listener, got.why().code, "try_accept");
    return got;
  }

  started accept(socket_id listener, address* peer, void* context) noexcept override {
    const pending p{"accept", context, listener, false, true};
    return begun(p, inner_->accept(listener, peer, next_context()));
  }
  started connect(socket_id socket, const address& to, void* context) noexcept override {
    const pending p{"connect", context, socket, false, false};
    return begun(p, inner_->connect(socket, to, next_context()));
  }
  started wait_readable(socket_id socket, void* context) noexcept override {
    const pending p{"wait_readable", context, socket, false, true};
    return begun(p, inner_->wait_readable(socket, next_context()));
  }
  started receive(socket_id socket, byte_span into, void* context) noexcept override {
    const pending p{"receive", context, socket, true, true, into.size()};
    return begun(p, inner_->receive(socket, into, next_context()));
  }
  started send(socket_id socket, byte_view bytes, void* context) noexcept override {
    const pending p{"send", context, socket, true, false, bytes.size()};
    return begun(p, inner_->send(socket, bytes, next_context()));
  }
  started send_file(socket_id socket, const file& source, std::uint64_t offset, std::uint64_t count,
                    void* context) noexcept override {
    const pending p{"send_file", context, socket, true, false, count};
    return begun(p, inner_->send_file(socket, source, offset, count, next_context()));
  }
  void cancel(operation_id operation) noexcept override {
    const auto named = by_id_.find(key(operation));
    if (named != by_id_.end()) ask(pending_.at(named->second));
    inner_->cancel(operation);
  }

  result<std::size_t> wait(std::span<completion> out, time_ns due_ns) noexcept override {
    const time_ns entered_ns = inner_->now_ns();
    const bool woken_before = woken_.load();
    result<std::size_t> got = inner_->wait(out, due_ns);
    const time_ns left_ns = inner_->now_ns();
    if (left_ns < entered_ns) complain("P17 time went back");
    if (!got) {
      if (woken_before) complain("P18 a wake was lost: wait failed instead of returning");
      check_pending(left_ns, true);
      return got;
    }
    if (got.value() > out.size()) {
      complain("P17 more completions than asked for");
      got = out.size();
    }
    const bool woken_now = woken_.exchange(false);
    // In real time another thread's wake() may be between its two steps.
    if (inner_->virtual_time() && got.value() == 0 && left_ns < due_ns && !woken_now) {
      complain("P17 wait returned nothing before its due time, and nobody woke it");
    }
    if (woken_before && inner_->virtual_time() && left_ns > entered_ns) {
      complain("P18 a wake was lost: wait let time pass");
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < got.value(); ++i) {
      if (completed(out[i])) out[kept++] = out[i];
    }
    check_pending(left_ns, got.value() == 0 && !woken_now);
    return kept;
  }
  void wake() noexcept override {
    woken_.store(true);
    inner_->wake();
  }

  std::uint32_t close_all(time_ns bound_ns) noexcept override {
    const std::uint64_t counted = inner_->counters().operations_open;
    if (counted != pending_.size() + inner_->counters().slots_leaked) {
      complain("P6 " + std::to_string(pending_.size()) + " operations are pending, counted are " +
               std::to_string(counted));
    }
    const time_ns entered_ns = inner_->now_ns();
    const std::uint32_t leaked = inner_->close_all(bound_ns);
    if (inner_->virtual_time() && inner_->now_ns() > due_after(entered_ns, bound_ns)) {
      complain("P24 close_all took longer than its bound");
    }
    if (inner_->counters().sockets_open != 0) complain("P24 close_all left sockets open");
    if (inner_->counters().operations_open > inner_->counters().slots_leaked) {
      complain("P24 close_all left operations that it did not count as leaked");
    }
    pending_.clear();
    by_id_.clear();
    open_.clear();
    return leaked;
  }

 private:
  struct pending {
    const char* what = "";
    void* context = nullptr;
    socket_id socket{};
    bool counts_bytes = false;
    bool reads = false;
    std::uint64_t size = 0;
    bool asked = false;
    time_ns asked_ns = 0;
    bool reported = false;
    operation_id id{};
  };

  template <class Id>
  static std::uint64_t key(Id id) noexcept {
    return (std::uint64_t{id.generation} << 32) | id.index;
  }
  void* next_context() noexcept {
    ++serial_;
    return reinterpret_cast<void*>(static_cast<std::uintptr_t>(serial_));
  }
  void complain(std::string what) noexcept {
    if (violations_->size() < violations_max) violations_->push_back(std::move(what));
  }

  result<socket_id> opened(result<socket_id> id) noexcept {
    if (id && !seen_.insert(key(id.value())).second) {
      complain("P14 a socket got the name of one that was there before");
    }
    if (id) open_[key(id.value())] = false;
    return id;
  }
  void ended(socket_id socket) noexcept {
    open_.erase(key(socket));
    for (auto& [serial, p] : pending_) {
      if (p.socket == socket) ask(p);
    }
  }
  void ask(pending& p) noexcept {
    if (p.asked) return;
    p.asked = true;
    p.asked_ns = inner_->now_ns();
  }

  void check_stale(socket_id socket, errc said, const char* call) noexcept {
    if (open_.contains(key(socket)) || said == errc::bad_handle) return;
    complain(std::string("P14 ") + call + " worked on a stale socket");
  }
  void check_sent(socket_id socket, const result<std::size_t>& sent,
                  std::span<const byte_view> parts) noexcept {
    check_stale(socket, sent.why().code, "try_send");
    if (!sent) return;
    std::size_t size = 0;
    for (const byte_view part : parts) size += part.size();
    if (sent.value() > size) complain("P3 try_send took more than it was given");
  }
  void check_count(std::uint64_t value, std::uint64_t size, const char* what) noexcept {
    if (value > size) complain(std::string("P12 ") + what + ": more bytes than there is room for");
    if (value == 0) complain(std::string("P12 ") + what + " ended with no byte and no error");
  }
  // Bytes after the end of a stream.
  void check_stream(socket_id socket, bool bytes, errc why) noexcept {
    const auto at = open_.find(key(socket));
    if (at == open_.end()) return;
    if (why == errc::eof) at->second = true;
    if (bytes && at->second) complain("P4 bytes came after eof");
    if (why == errc::would_block && at->second) {
      complain("P4 eof was said once and then no more");
    }
  }

  started begun(pending p, started s) noexcept {
    check_stale(p.socket, s.pending() ? errc::none : s.why.code, p.what);
    bool busy = false;
    for (const auto& [serial, other] : pending_) {
      busy = busy || (other.socket == p.socket && other.reads == p.reads);
    }
    if (!s.pending()) {
      if (!s.why && busy) {
        complain(std::string("P13 ") + p.what + " worked beside another in its direction");
      }
      if (!s.why && p.counts_bytes) check_count(s.value, p.size, p.what);
      if (p.reads && p.counts_bytes) check_stream(p.socket, !s.why, s.why.code);
      return s;
    }
    if (busy) complain(std::string("P13 ") + p.what + " began beside another in its direction");
    if (!operations_seen_.insert(key(s.id)).second) {
      complain("P9 an operation got the name of one that was there before");
    }
    p.id = s.id;
    by_id_[key(s.id)] = serial_;
    pending_.emplace(serial_, p);
    return s;
  }

  // False: nobody may hear of it.
  bool completed(completion& c) noexcept {
    const auto serial = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(c.context));
    const auto found = pending_.find(serial);
    if (found == pending_.end()) {
      complain(serial != 0 && serial <= serial_ ? "P6 a second completion of one operation"
                                                : "P6 a completion of an operation that never was");
      return false;
    }
    const pending p = found->second;
    pending_.erase(found);
    by_id_.erase(key(p.id));
    c.context = p.context;
    if (c.why == errc::cancelled && !p.asked) {
      complain(std::string("P16 ") + p.what + " was cancelled and nobody asked");
    }
    if (!c.why && p.counts_bytes) check_count(c.value, p.size, p.what);
    if (p.reads && p.counts_bytes) check_stream(p.socket, !c.why, c.why.code);
    return true;
  }

  void check_pending(time_ns now, bool idle) noexcept {
    if (idle && stalled_ && stalled_() > 0) {
      complain("P11 an operation could end, and wait went to sleep over it");
    }
    for (auto& [serial, p] : pending_) {
      if (!p.asked || p.reported || now - p.asked_ns < cancel_bound_ns) continue;
      p.reported = true;
      complain(std::string("P7 the completion of a cancelled ") + p.what + " never came");
    }
  }

  std::unique_ptr<platform::poller> inner_;
  std::function<std::size_t()> stalled_;
  std::shared_ptr<std::vector<std::string>> violations_ =
      std::make_shared<std::vector<std::string>>();
  std::uint64_t serial_ = 0;
  std::map<std::uint64_t, pending> pending_;      // by serial
  std::map<std::uint64_t, std::uint64_t> by_id_;  // operation -> serial
  std::map<std::uint64_t, bool> open_;            // socket -> eof was said
  std::set<std::uint64_t> seen_;                  // every socket name there was
  std::set<std::uint64_t> operations_seen_;       // every operation name there was
  std::atomic<bool> woken_{false};
};

}  // namespace weir::test
