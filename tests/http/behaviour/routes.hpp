// behaviour/routes.hpp - what the server under test serves: one route for each kind of handler.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <weir/http/handler.hpp>
#include <weir/platform/file.hpp>
#include <weir/platform/mutex.hpp>

namespace weir::http::behaviour {

// Where blocking handlers stand until they are let through. Counted, because those that are
// abandoned outlive the stage. In virtual time it is open from the start: how long a handler takes
// is the pool's to say.
class hold {
 public:
  void open();
  // Blocks until open(); with a token also until that is set.
  void pass(const stop_token* stop);
  int inside() const { return inside_.load(); }  // of handlers that stand here
  int told() const { return told_.load(); }      // that saw their token set when they left
  int passed() const { return passed_.load(); }

 private:
  mutex mutex_;
  condition opened_;
  bool open_ = false;
  std::atomic<int> inside_{0};
  std::atomic<int> told_{0};
  std::atomic<int> passed_{0};
};

// What tests and handlers share. Atomic, because over sockets they are on two threads.
struct route_state {
  std::atomic<int> at_gate{0};           // handlers of /gate that wait
  std::atomic<int> came_to_gate{0};      // all that ever did
  std::atomic<bool> gate_open{false};    // lets them through
  std::atomic<int> echoes{0};            // calls of the plain echo handler
  std::atomic<int> smuggled{0};          // of them, with the text that no peer may get served
  std::atomic<int> producers_begun{0};   // handlers of /bytes and /firehose
  std::atomic<int> producers_ended{0};   // of them, whose frame is gone
  std::atomic<std::size_t> written{0};   // bytes the last /bytes or /firehose handler has written
  std::atomic<int> tunnels_begun{0};     // handlers that hold a stream
  std::atomic<int> tunnels_ended{0};     // of them, whose frame is gone
  std::atomic<int> tunnels_told{0};      // of them, that were told of a drain
  std::function<void(time_ns)> compute;  // so long, in the time of the stage; set by it
  file served;                           // of /file
  route_limits own;                      // of the routes under /own, set before serve()
  std::shared_ptr<hold> held = std::make_shared<hold>();  // of /hold and /until-told
};

//   GET  /                 "weir\n"                       plain, a view
//   GET  /plaintext        "Hello, World!"                plain, a view
//   GET  /echo/{text}      the text                       plain, owned
//   POST /submit           the body                       plain
//   GET  /large            large_bytes of pattern()       plain, a view
//   GET  /compute/{ms}     "done", after so much work     plain
//   GET  /compute-throw/{ms}  throws after it             plain
//   GET  /throw            throws                         plain
//   GET  /throw-number     throws a number                plain
//   GET  /set/{name}/{hex}  sets a field to that           plain
//   GET  /set-send/..., /set-begin/..., /set-blocking/...: the same by the other kinds
//   GET  /close            "bye", and closes              plain
//   GET  /agent            the User-Agent                 plain
//   GET  /cookie           the Cookie                     plain
//   GET  /authority        what host it is for            plain
//   GET  /tags             every X-Tag, joined            plain
//   POST /tags             the same                       plain
//   GET  /status/{n}       that status, no body           plain
//   GET  /location         302 with a long Location       plain
//   POST /order            fields of a JSON object        plain, with WEIR_JSON
//   GET  /secret           "told" to who has the key      plain
//   POST /stream-echo      the body, piece by piece       coroutine
//   POST /collect          the body's size, in decimal    coroutine, read_all
//   POST /ignore           "ignored", body not read       coroutine
//   GET  /stream/{n}       n lines "line <i>\n", chunked  coroutine
//   GET  /bytes/{n}        pattern(n), with a length      coroutine
//   GET  /firehose/{n}     pattern(n), without a length   coroutine
//   GET  /delay/{ms}       "late" after ms                coroutine
//   GET  /compute-first/{ms}  works, then waits         coroutine
//   GET  /compute-later/{ms}  waits, then works         coroutine
//   GET  /compute-child/{ms}  a child of it works       coroutine
//   GET  /gate             "through" once it is open      coroutine
//   GET  /file             `served`, by send_file         coroutine
//   GET  /throw-async      throws                         coroutine
//   GET  /throw-first      throws before it waits         coroutine
//   GET  /throw-late       begins, then throws            coroutine
//   GET  /short            announces more than it writes  coroutine
//   GET  /hold             "let go" once `held` is open   blocking
//   GET  /until-told       the same, or once it is told   blocking
//   POST /job/{name}       what it sees of the request    blocking
//   GET  /throw-blocking   throws                         blocking
//   /tunnel and its kin: see tunnels.cpp
//   /own/submit, /own/collect, /own/stream-echo, /own/delay/{ms}, /own/large, /own/firehose/{n}:
//   the same under route_state::own
routes make_routes(route_state& state);
error add_tunnels(routes& to, route_state& state);

inline constexpr std::string_view api_key = "a key that nobody guesses";

inline constexpr std::size_t large_bytes = 24 * 1024 * 1024;
inline constexpr std::size_t both_bytes = 1024 * 1024;

// Bytes in which every place looks different; the same for every length.
std::string_view pattern(std::size_t count);

}  // namespace weir::http::behaviour
