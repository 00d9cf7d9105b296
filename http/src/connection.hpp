// http/connection.hpp - the life of one connection, as one coroutine over a byte_stream.
//
// It sees bytes and time; whether TCP, TLS or a simulator carries them it cannot tell. What it must
// not break: after a refusal nothing is parsed; answers leave in the order of their requests; a
// view into a lent buffer is never held across a co_await.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <weir/http/handler.hpp>
#include <weir/http/head_parser.hpp>
#include <weir/http/problem.hpp>
#include <weir/platform/address.hpp>
#include <weir/runtime/byte_stream.hpp>
#include <weir/runtime/task.hpp>

#include "body_reader.hpp"
#include "input.hpp"
#include "output.hpp"
#include "service.hpp"

namespace weir::http {

// How the stream is to be ended by whoever owns it.
enum class ending : std::uint8_t {
  none,    // not yet
  close,   // the peer knows: it closed, or it asked for the close and sent nothing behind
  linger,  // in stages, so that the peer can read our last answer (RFC 9112 9.6)
  reset,   // nothing more can or may be said
};

class connection {
 public:
  connection(service& of, runtime::byte_stream& stream, const address& peer) noexcept
      : service_(of), stream_(stream), peer_(peer), input_(of), output_(of, stream) {}
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  // Serves until the end, and says how to end the stream.
  runtime::task<result<ending>> serve();

  // A drain has begun: an idle connection ends now, another one after its requests.
  void on_drain() noexcept;

 private:
  friend class exchange;

  // What may be left of a body that nobody read, to be skipped so that the connection can go on;
  // more is not worth a connection.
  static constexpr std::uint64_t skipped_body_bytes_max = 64 * 1024;
  // Steps of a streamed body, of at most 64 KiB each, that one turn gives to one connection: a peer
  // and a handler that are both fast would hold the loop for as long as the body lasts.
  static constexpr std::uint32_t steps_in_turn_max = 16;

  // What the coroutine has to do next; everything that needs no waiting happens in advance().
  enum class step : std::uint8_t {
    wait_readable,
    wait_writable,
    collect_body,  // for a plain function whose body came in pieces
    skip_body,     // that nobody read
    call,          // a coroutine handler
    next_turn,     // its share of this turn is used
    end,
  };

  // Synchronous: nothing here waits, so the lent buffers are ours throughout.
  step advance() noexcept;
  std::optional<step> receive() noexcept;
  std::optional<step> begin_request() noexcept;
  void begin_next() noexcept;
  void answer_without_route(const route_match& found) noexcept;
  void call_plain() noexcept;
  void answer(response whole) noexcept;
  bool write_answer(response& whole) noexcept;
  void refuse(const refusal_kind& kind) noexcept;
  std::optional<encoded_head> write_head(response& whole, std::size_t body_room) noexcept;
  void end_request() noexcept;
  bool own_head() noexcept;
  bool may_keep() const noexcept;
  bool unread_body_is_small() const noexcept;
  void on_wait_failed(error why) noexcept;
  void count_answer(status_code status, std::uint64_t body_bytes) noexcept;
  void count_refusal(const refusal_kind& kind) noexcept;
  void end_with(ending how) noexcept {
    if (ending_ == ending::none) ending_ = how;
  }

  // Bodies, in pieces (connection_body.cpp).
  enum class body_step : std::uint8_t { piece, more, done, refused };
  body_step next_piece(std::string_view& data) noexcept;
  runtime::task<error> collect_body();
  runtime::task<error> collect_pieces();
  runtime::task<error> skip_body();
  runtime::task<error> skip_pieces();
  runtime::task<error> more_body();
  runtime::task<error> more_body_at_rate();
  runtime::task<error> flush_all();
  runtime::task<error> take_turns();

  // Coroutine handlers (exchange.cpp).
  runtime::task<error> call_coroutine();
  runtime::task<error> start_handler(exchange& made);
  void after_coroutine(const exchange& made, error scope_why) noexcept;

  service& service_;
  runtime::byte_stream& stream_;
  address peer_;
  input input_;
  output output_;
  head_parser parser_{service_.rules};
  body_reader body_;
  request request_;
  const handler* handler_ = nullptr;
  std::unique_ptr<std::byte[]> arena_;       // the head of a request that outlives its turn
  std::string collected_;                    // a body that came in pieces
  runtime::wait_node* idle_wait_ = nullptr;  // parked between requests, while there is one
  time_ns head_due_ns_ = never_ns;           // from accept, or from a request's first byte
  time_ns began_ns_ = 0;                     // when the head was complete
  time_ns body_waited_ns_ = 0;               // for this peer to send more of a streamed body
  std::size_t in_place_ = 0;  // bytes of the request in hand that still stand in input_
  std::size_t piece_ = 0;     // of them, a piece of the body that somebody looks at
  std::uint32_t served_ = 0;
  std::uint32_t in_turn_ = 0;  // requests of this turn
  std::uint32_t steps_ = 0;    // of a body, since the connection last waited
  ending ending_ = ending::none;
  bool head_clock_runs_ = true;     // from accept on; between requests it stands still
  bool drained_ = false;            // the last receive took all there was: wait before the next
  bool in_request_ = false;         // between a complete head and the end of its answer
  bool came_before_drain_ = false;  // so it is served although the server drains
  bool last_look_ = false;          // draining: bytes that one more receive finds came before
  bool keep_ = false;               // the connection goes on after the request in hand
  bool continued_ = false;          // 100 Continue needs not be sent (any more)
};

}  // namespace weir::http
