// http/conversation.hpp - what is said on one connection from a request's first byte to the last of
// its answer: parsing, routing, bodies, answers, over bytes and time.
//
// A connection has one only while there is something to talk about; between requests it goes back
// to the service's pool. What it must not break: after a refusal nothing is parsed; answers leave
// in the order of their requests; a view into a lent buffer is never held across a co_await; and
// what has to last from one request to the next stands in connection_state.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <weir/http/handler.hpp>
#include <weir/http/head_parser.hpp>
#include <weir/http/problem.hpp>
#include <weir/http/upgrade.hpp>
#include <weir/runtime/byte_stream.hpp>
#include <weir/runtime/task.hpp>

#include "body_reader.hpp"
#include "input.hpp"
#include "output.hpp"
#include "peer_address.hpp"
#include "service.hpp"

namespace weir::http {

// How the stream is to be ended by whoever owns it.
enum class ending : std::uint8_t {
  none,    // not yet
  close,   // the peer knows: it closed, or asked for it and was answered within one turn
  linger,  // in stages, so that the peer can read our last answer (RFC 9112 9.6)
  reset,   // nothing more can or may be said
};

// What a connection keeps between its requests, and its conversation works on.
struct connection_state {
  connection_state(runtime::byte_stream& over, const peer_address& from) noexcept
      : stream(over), peer(from) {}

  void end_with(ending end) noexcept {
    if (how == ending::none) how = end;
  }

  runtime::byte_stream& stream;
  const peer_address& peer;
  time_ns head_due_ns = never_ns;  // from accept, or from a request's first byte
  time_ns idle_due_ns = never_ns;  // never_ns: it was not idle since its last request
  std::uint32_t served = 0;
  ending how = ending::none;
  bool head_clock_runs = true;     // from accept on; between requests it stands still
  bool came_before_drain = false;  // what is under way is served although the server drains
  bool last_look = false;          // draining: bytes that one more receive finds came before
};

class conversation {
 public:
  explicit conversation(service& of) noexcept : service_(of), input_(of), output_(of) {}
  conversation(const conversation&) = delete;
  conversation& operator=(const conversation&) = delete;

  // What has to be waited for next; everything that needs no waiting happens in advance().
  enum class step : std::uint8_t {
    wait_readable,
    wait_writable,
    collect_body,  // for a plain function whose body came in pieces
    skip_body,     // that nobody read
    call,          // a coroutine handler
    next_turn,     // its share of this turn is used
    end,
  };

  // Works for this connection from now on, which is between two requests.
  void attach(connection_state& kept) noexcept;
  // The connection ends, whatever it was about.
  void abandon() noexcept;

  // Synchronous: nothing here waits, so the lent buffers are ours throughout.
  step advance() noexcept;
  // Waits for what advance() said, other than the peer's next bytes.
  runtime::task<error> work(step what);
  void on_readable() noexcept { drained_ = false; }
  void refuse(const refusal_kind& kind) noexcept;
  // A drain has begun: whoever holds the stream is told.
  void on_drain() noexcept {
    if (upgraded_ != nullptr) upgraded_->on_drain();
  }

  // Sends what was gathered, right before the end. False: something is left to wait for with
  // flush_all().
  bool flush_last() noexcept;
  runtime::task<error> flush_all();

  // Nothing of a request or of an answer is here.
  bool between_requests() const noexcept { return input_.empty() && !parser_.begun(); }
  bool begun() const noexcept { return parser_.begun(); }
  bool begun_or_more() const noexcept { return in_request_ || parser_.begun() || !input_.empty(); }

 private:
  friend class exchange;
  friend class upgraded_stream;
  friend class conversation_pool;

  // What may be left of a body that nobody read, to be skipped so that the connection can go on;
  // more is not worth a connection.
  static constexpr std::uint64_t skipped_body_bytes_max = 64 * 1024;
  // Steps of a streamed body, of at most 64 KiB each, that one turn gives to one connection: a peer
  // and a handler that are both fast would hold the loop for as long as the body lasts.
  static constexpr std::uint32_t steps_in_turn_max = 16;

  std::optional<step> receive() noexcept;
  std::optional<step> begin_request() noexcept;
  void begin_next() noexcept;
  void answer_without_route(const route_match& found) noexcept;
  void call_plain() noexcept;
  void answer(response whole) noexcept;
  bool write_answer(response& whole) noexcept;
  std::optional<encoded_head> write_head(response& whole, std::size_t body_room) noexcept;
  void end_request() noexcept;
  bool own_head() noexcept;
  bool may_keep() const noexcept;
  bool unread_body_is_small() const noexcept;
  void count_answer(status_code status, std::uint64_t body_bytes) noexcept;
  void count_refusal(const refusal_kind& kind) noexcept;
  void end_with(ending how) noexcept { kept_->end_with(how); }
  bool ended() const noexcept { return kept_->how != ending::none; }

  // Bodies, in pieces (connection_body.cpp).
  enum class body_step : std::uint8_t { piece, more, done, refused };
  body_step next_piece(std::string_view& data) noexcept;
  runtime::task<error> collect_body();
  runtime::task<error> collect_pieces();
  runtime::task<error> skip_body();
  runtime::task<error> skip_pieces();
  runtime::task<error> more_body();
  runtime::task<error> more_body_at_rate();
  runtime::task<error> take_turns();

  // Coroutine handlers (exchange.cpp).
  runtime::task<error> call_coroutine();
  runtime::task<error> start_handler(exchange& made);
  void after_coroutine(const exchange& made, error outcome, error scope_why) noexcept;
  // Handlers that take over the stream (upgrade.cpp).
  bool write_switch(const response& fields, std::string_view protocol) noexcept;
  void after_upgrade(error outcome, error scope_why) noexcept;

  service& service_;
  connection_state* kept_ = nullptr;
  input input_;
  output output_;
  head_parser parser_{service_.rules};
  body_reader body_;
  request request_;
  const handler* handler_ = nullptr;
  const limits* bounds_ = &service_.bounds;  // of the request in hand
  served_route* route_ = nullptr;            // of it, where it has one
  std::unique_ptr<std::byte[]> arena_;       // the head of a request that outlives its turn
  std::string collected_;                    // a body that came in pieces
  upgraded_stream* upgraded_ = nullptr;      // who has the stream, once it is not HTTP's
  conversation* next_kept_ = nullptr;        // in the pool
  time_ns began_ns_ = 0;                     // when the head was complete
  time_ns body_waited_ns_ = 0;               // for this peer to send more of a streamed body
  std::size_t in_place_ = 0;   // bytes of the request in hand that still stand in input_
  std::size_t piece_ = 0;      // of them, a piece of the body that somebody looks at
  std::uint32_t in_turn_ = 0;  // requests of this turn
  std::uint32_t steps_ = 0;    // of a body, since the connection last waited
  bool drained_ = false;       // the last receive took all there was: wait before the next
  bool in_request_ = false;    // between a complete head and the end of its answer
  bool keep_ = false;          // the connection goes on after the request in hand
  bool waited_ = false;        // for anything, since the request in hand began
  bool continued_ = false;     // 100 Continue needs not be sent (any more)
};

}  // namespace weir::http
