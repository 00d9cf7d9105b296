// http/connection.hpp - the life of one connection over a byte_stream, from accept to its end.
//
// It sees bytes and time; whether TCP, TLS or a simulator carries them it cannot tell. Of the bytes
// it knows nothing: what a peer says, and what it is answered, is a conversation (see there), which
// a connection has only while there is something to talk about. What a maintainer must keep: a
// connection that waits for its peer's next request holds nothing but itself. 9,000 of them are
// what a server has most of; tests/http/allocation_test.cpp counts their bytes.
//
//   idle --readable--> talking --advance(): all answered, nothing left--> idle
//                         |--advance(): something to wait for--> work() --> talking
//                         `--> ended
#pragma once

#include <cstdint>

#include <weir/runtime/byte_stream.hpp>
#include <weir/runtime/scope.hpp>
#include <weir/runtime/task.hpp>

#include "conversation.hpp"
#include "peer_address.hpp"
#include "service.hpp"

namespace weir::http {

class connection {
 public:
  connection(service& of, runtime::byte_stream& stream, const peer_address& peer) noexcept;
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection();

  // Whoever runs a connection does as advance() says, again and again. The wait for the peer is the
  // caller's, so that an idle connection is one coroutine's frame.
  enum class next : std::uint8_t {
    wait_readable,  // await `readable` between begin_wait() and end_wait()
    work,           // await work()
    end,            // end the stream as how() says
  };
  // Does all that needs no waiting. Sets the deadline of what comes next in `in`.
  next advance(runtime::scope& in) noexcept;
  void begin_wait(runtime::readable& wait) noexcept;
  // `waited`: it did not end at its start.
  void end_wait(error why, bool waited) noexcept;
  // Every other wait: a body, a handler, a peer that reads slowly.
  runtime::task<error> work();
  ending how() const noexcept { return kept_.how; }

  // A drain has begun: an idle connection ends now, another one after its requests.
  void on_drain() noexcept;

 private:
  next wait_for_peer(runtime::scope& in) noexcept;
  next finish() noexcept;

  // A wait that ends at its start (IOCP has those) lets nobody else have a turn: a peer that asks
  // as fast as it is answered would have the loop to itself. After one the others come first.
  enum class turn : std::uint8_t { own, used, given };

  service& service_;
  connection_state kept_;
  conversation* talk_ = nullptr;            // null while idle
  runtime::readable* idle_wait_ = nullptr;  // parked between requests, while there is one
  conversation::step step_ = conversation::step::end;
  turn turn_ = turn::own;
};

}  // namespace weir::http
