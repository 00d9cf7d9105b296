// platform/error.hpp - the one error type. Values, never exceptions, below the application.
#pragma once

#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include <weir/platform/assert.hpp>
#include <weir/platform/export.hpp>

namespace weir {

// What a caller can act on. The number of the operating system rides along in `error::os_code`
// for logs and is never branched on: three systems give one condition three numbers.
enum class errc : std::uint8_t {
  none,  // no error
  // answers that are part of ordinary work
  would_block,  // nothing to read, or no room to write: wait and try again
  eof,          // the peer ended its sending side in order
  truncated,    // it ended, but without the word that it is complete (TLS: close_notify)
  timed_out,    // a deadline of ours, or the system's connect time-out
  cancelled,    // somebody asked: a scope, a drain, a closed socket
  limit,        // a bound of ours was reached; `where` names it
  malformed,    // input that breaks its grammar
  // what the network says
  reset,              // the peer reset the connection
  aborted,            // the connection ended before it was accepted, or locally
  broken_pipe,        // sending after the sending side was shut
  refused,            // nobody listens there
  unreachable,        // no route to the network or host
  network_down,       // the local network is down
  not_connected,      // the socket is not connected
  already_connected,  // the socket is connected
  in_progress,        // an operation of this kind is under way
  message_too_long,   // larger than the transport takes
  protocol,           // the transport reports a protocol error
  // what the system says of our request
  address_in_use,       // another socket is bound there
  address_unavailable,  // not an address of this machine
  family_unsupported,   // the system has no such address family
  not_supported,        // the system cannot do this
  permission,           // not allowed
  invalid,              // an argument the system refuses
  bad_handle,           // not an open socket or file
  not_found,            // no such file, or no such name
  exists,               // there is something already
  not_regular,          // a file of another kind than the operation needs
  handles_exhausted,    // the descriptor limit of the process or the system
  memory_exhausted,     // no memory or no buffer space
  interrupted,          // a signal came first
  name_temporary,       // a name could not be resolved now; later it may
  name_failure,         // a name cannot be resolved
  deadlock,             // virtual time only: everything waits and nothing can come
  exception,            // code of the user threw; caught where its task ends
  other,                // not in the table: read os_code
};

// The name of a code as written in the enum: for logs and test output. Static storage.
WEIR_EXPORT const char* to_string(errc code) noexcept;

// One failure. Trivially copyable: safe across a co_await on every compiler we support.
struct [[nodiscard]] error {
  const char* where = "";  // static storage: the operation ("recv") or the limit ("head_bytes_max")
  int os_code = 0;         // as the system gave it, 0 where no system call failed
  errc code = errc::none;

  constexpr error() = default;
  constexpr error(errc c, const char* w, int os = 0) noexcept : where(w), os_code(os), code(c) {}

  // True when there is an error.
  explicit constexpr operator bool() const noexcept { return code != errc::none; }
  friend constexpr bool operator==(const error& a, errc b) noexcept { return a.code == b; }
};
static_assert(std::is_trivially_copyable_v<error> && sizeof(error) <= 16);

// gcc 12 copies an aggregate temporary bitwise into a coroutine frame and destroys it twice.
// Whatever crosses a co_await is trivially copyable or has a constructor.
template <class T>
concept crosses_await = std::is_trivially_copyable_v<T> || !std::is_aggregate_v<T>;

// A value or the reason why there is none.
template <class T>
class [[nodiscard]] result {
 public:
  using value_type = T;

  result(T value) noexcept(std::is_nothrow_move_constructible_v<T>) : value_(std::move(value)) {}
  result(error why) noexcept : why_(why) { WEIR_ASSERT(why_.code != errc::none); }

  bool ok() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return ok(); }

  // The value. Asking a failed result for it is a broken invariant.
  T& value() & noexcept {
    WEIR_ASSERT(ok());
    return *value_;
  }
  const T& value() const& noexcept {
    WEIR_ASSERT(ok());
    return *value_;
  }
  T&& value() && noexcept {
    WEIR_ASSERT(ok());
    return std::move(*value_);
  }

  // The reason, or an error that is none when there is a value.
  error why() const noexcept { return why_; }

 private:
  std::optional<T> value_;
  error why_;
};

}  // namespace weir
