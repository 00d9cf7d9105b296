// tests/platform/contract/host.hpp - what a contract test needs of the backend it runs over.
//
// The tests are one text for every backend. A host opens pollers and says what its system can do;
// what it cannot is a named skip that is counted and printed at the end. Nothing here or in the
// tests knows a system.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <catch_amalgamated.hpp>

#include <weir/platform/address.hpp>
#include <weir/platform/poller.hpp>

namespace weir::platform::contract {

class host {
 public:
  host() = default;
  host(const host&) = delete;
  host& operator=(const host&) = delete;
  virtual ~host() = default;

  virtual const char* name() const = 0;
  virtual result<std::unique_ptr<poller>> open(const poller_options& options) = 0;

  // Where a listener of a test may listen: a port is chosen by the system.
  virtual address loopback() const { return address::loopback_ipv4(0); }
  // An address that answers a connect with nothing for a while, or with an error.
  virtual address silent() const { return address::ipv4({192, 0, 2, 1}, 9); }
  // A Unix path nobody uses, fresh at each call; none where the system has no such sockets.
  virtual std::optional<address> unix_path() { return std::nullopt; }
  // False where time moves in wait() only: another thread cannot wake a wait that is under way.
  virtual bool real_time() const { return true; }
  // False when bytes that arrived before a reset may be lost.
  virtual bool has_dual_stack() const { return true; }
  // Called at the end of each test: what the host itself noticed.
  virtual std::vector<std::string> complaints() { return {}; }
};

using host_maker = std::unique_ptr<host> (*)();
// The hosts this build has. Each source file that knows one adds it.
std::vector<host_maker> host_makers();

void count_skip(const char* host_name, const char* what);

// A poller, and hands that work it. Every wait has a bound; one that is reached fails the test.
class bench {
 public:
  explicit bench(host& h) : host_(h), poller_(open()) {}
  ~bench();

  static constexpr time_ns patience_ns = 10 * second_ns;
  static constexpr time_ns settle_ns = 30 * millisecond_ns;

  host& on() { return host_; }
  poller& p() { return *poller_; }
  poller* operator->() { return poller_.get(); }
  std::unique_ptr<poller> open(const poller_options& options = {});
  void close_poller() { poller_.reset(); }
  void replace(const poller_options& options) { poller_ = open(options); }

  bool skip_unless(bool able, const char* what);

  // Completions. The context of an operation is the address of an `op`.
  struct op {
    int completions = 0;
    completion last{};
  };
  // Files what started an operation said; then waits until it has ended, and gives its end.
  completion ended(const started& s, op& o);
  // Waits until `o` has completed.
  completion until(op& o);
  // Takes what comes without waiting for more than a moment: for what must not happen.
  void settle(time_ns span_ns = settle_ns);
  // One wait() of at most `room` completions, which are filed; how many there were.
  std::size_t turn(time_ns due_ns, std::size_t room = 64);

  // Connections.
  struct pair {
    socket_id client{};
    socket_id server{};
  };
  socket_id listener(const listen_options& options = {});
  address where(socket_id socket);
  socket_id connect(const address& to);
  native_socket accept(socket_id listener);
  pair connected(socket_id listener);
  pair connected();

  // Bytes, through the try calls and wait_readable.
  void send_all(socket_id socket, std::string_view bytes);
  std::string receive(socket_id socket, std::size_t count);
  // Everything until an error; `why` says which.
  std::string receive_rest(socket_id socket, error& why);
  void until_readable(socket_id socket);
  // Sends until the system takes no more; how many bytes that were.
  std::size_t fill(socket_id socket);
  // Starts a send on a socket that was filled, again while the system still takes something at
  // once: a peer's window may open long after it was shut. Adds what was taken to `taken`.
  started send_blocked(socket_id socket, byte_view bytes, op* context, std::size_t& taken);

 private:
  void file(const completion& c);

  host& host_;
  std::unique_ptr<poller> poller_;
  std::map<void*, bool> expected_;
};

// A pattern of bytes in which every place looks different.
std::string pattern(std::size_t count, unsigned seed = 1);

void each_host(void (*test)(bench&));

}  // namespace weir::platform::contract

// CONTRACT("P7 cancel asks ...") { b->...; }: one test case, a section for each host.
#define WEIR_CONTRACT_NAMED(title, function)                  \
  static void function(::weir::platform::contract::bench& b); \
  TEST_CASE(title, "[contract]") {                            \
    ::weir::platform::contract::each_host(&function);         \
  }                                                           \
  static void function([[maybe_unused]] ::weir::platform::contract::bench& b)
#define WEIR_CONTRACT_JOIN_(a, line) a##line
#define WEIR_CONTRACT_JOIN(a, line) WEIR_CONTRACT_JOIN_(a, line)
#define CONTRACT(title) WEIR_CONTRACT_NAMED(title, WEIR_CONTRACT_JOIN(contract_at_, __LINE__))
