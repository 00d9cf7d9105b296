// http/handler.hpp - the kinds of handler, and the exchange that coroutines talk through.
//
// A plain function gets a request whose body is whole, and returns its response: it runs on the
// loop, ends within the turn, and costs no allocation. A coroutine gets an exchange: it may wait,
// read the body in pieces and write the answer in pieces, with back-pressure both ways. A blocking
// handler is a plain function that runs on a thread beside the loop: see blocking.hpp.
//
// Any may throw: the exception becomes a 500, in one place, or a broken-off stream when the head
// of the answer was sent before.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <weir/http/blocking.hpp>
#include <weir/http/request.hpp>
#include <weir/http/response.hpp>
#include <weir/http/route_limits.hpp>
#include <weir/http/router.hpp>
#include <weir/http/upgrade.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/platform/file.hpp>
#include <weir/runtime/task.hpp>

namespace weir::http {

class blocking_job;
class conversation;

// One request and its answer, for a coroutine handler. Lives until the handler's task ends; on the
// server's scheduler only. An error from any call is the end of the exchange: return it. What a
// handler returns without having begun an answer decides what the peer gets: errc::limit and
// errc::memory_exhausted are 503 with Retry-After (something is full: the same later may do), any
// other error is 500.
//
// Deadlines: the handler has `limits::handler_deadline` until the head of its answer is written;
// what it awaits fails with errc::timed_out after that, and the peer gets 504. A body is held to
// `body_rate_min`, an answer to `write_deadline` and `write_rate_min`.
class WEIR_EXPORT exchange {
 public:
  exchange(const exchange&) = delete;
  exchange& operator=(const exchange&) = delete;

  // The head. Its views live as long as the exchange. `body` is empty: use read() or read_all().
  const request& head() const noexcept { return head_; }

  // The next piece of the body; empty at its end. The view lives until the next call of the
  // exchange. Sends 100 Continue first when the peer waits for it. Errors: errc::malformed (the
  // peer got its 4xx), errc::limit (413), errc::eof (the peer broke off), errc::timed_out.
  runtime::task<result<std::string_view>> read();
  // The whole body, at most `limits::body_bytes_max`. Lives as long as the exchange.
  runtime::task<result<std::string_view>> read_all();

  // Sends a whole answer.
  runtime::task<error> send(response whole);

  // Begins an answer whose body follows: with `response::set_stream(length)` exactly that many
  // bytes, without a length chunked (closed by the end of the connection for HTTP/1.0).
  runtime::task<error> begin(response head);
  // Returns once the bytes are on their way or copied: they may be reused then. Waits while the
  // peer reads more slowly than the handler writes. errc::limit: more than the announced length.
  runtime::task<error> write(std::string_view bytes);
  // Sends a file as a whole answer, whose status and fields are those of `head`. `type` is a
  // literal. Head and file leave together where the system can do that.
  runtime::task<error> send_file(response head, const file& source,
                                 std::string_view type = application_octet_stream);
  // Writes `count` bytes of `source` from `offset`, by the system's own copy where it has one.
  runtime::task<error> write_file(const file& source, std::uint64_t offset, std::uint64_t count);
  // Whether what write() gets is sent at all: false for HEAD, 204 and 304, once the answer has
  // begun. Writing is allowed then and does nothing; a handler may spare itself the work.
  bool sends_body() const noexcept { return sends_body_; }
  // Ends the body. A handler that returns without it, after begin(), breaks the stream off: the
  // peer can tell that the body is not complete.
  runtime::task<error> finish();

  // Leaving HTTP: see upgrade.hpp. Whether the peer asks for `protocol` ("websocket") in a way that
  // may be followed: one of the elements of Upgrade, without case, named in Connection too, by
  // HTTP/1.1. A handler that does not mind answers as if there were no Upgrade (RFC 9110 7.8).
  bool asks_for(std::string_view protocol) const noexcept;
  // Answers 101 with the fields of `with`, and hands the stream over: it lives until the handler
  // ends, whose deadline does not. Connection, Upgrade, Date and Server are written here. Errors:
  // errc::invalid (not asked for; or a field that may not be sent, and the peer got 500),
  // errc::malformed (the request has a body, and the peer got 400), errc::cancelled (the server
  // drains, and the peer got 503).
  runtime::task<result<upgraded_stream*>> upgrade(std::string_view protocol, response with);

  // Whether the head of the answer is written: from there on it cannot be changed.
  bool begun() const noexcept { return begun_; }
  // The loop the handler runs on: for sleeping, spawning, and connections of its own.
  runtime::scheduler& loop() const noexcept;

 private:
  friend class conversation;
  friend class routes;
  exchange(conversation& of, const request& head, runtime::scope& in) noexcept
      : talk_(of), head_(head), scope_(in) {}
  error may_answer() noexcept;
  error gather_head(response& head) noexcept;
  error may_write(std::uint64_t bytes) noexcept;
  runtime::task<error> call_blocking(const std::shared_ptr<const blocking_handler>& run);
  runtime::task<error> watch_peer(const blocking_job& told);

  conversation& talk_;
  request head_;
  runtime::scope& scope_;  // the handler's: carries its deadline
  std::string collected_;  // read_all()
  std::optional<upgraded_stream> upgraded_;
  std::optional<std::uint64_t> length_left_;
  bool begun_ = false;
  bool chunked_ = false;
  bool sends_body_ = true;  // false for HEAD, 204, 304
  bool finished_ = false;
};

using plain_handler = std::function<response(const request&)>;
using coroutine_handler = std::function<runtime::task<error>(exchange&)>;
using handler = std::variant<plain_handler, coroutine_handler>;

struct route {
  handler run;
  route_limits own;
  std::string pattern;
};

// The routes of a server. Built before it starts, then shared by any number of servers and threads.
// Patterns and errors as in router.hpp. A coroutine handler that captures has to outlive every
// request: captures live in the routes, not in the coroutine's frame.
//
// `own` are limits in the place of the server's. errc::invalid with the name of the field in
// `where`: the route may not have this one.
class WEIR_EXPORT routes {
 public:
  error add(method verb, std::string_view pattern, handler run, const route_limits& own = {}) {
    if (error why = own.validate()) return why;
    return router_.add(verb, pattern, route{std::move(run), own, std::string(pattern)});
  }
  error get(std::string_view pattern, plain_handler run, const route_limits& own = {}) {
    return add(method::get, pattern, std::move(run), own);
  }
  error post(std::string_view pattern, plain_handler run, const route_limits& own = {}) {
    return add(method::post, pattern, std::move(run), own);
  }
  // A coroutine handler is named as one: which kind a lambda is decides how it may wait.
  error get_async(std::string_view pattern, coroutine_handler run, const route_limits& own = {}) {
    return add(method::get, pattern, std::move(run), own);
  }
  error post_async(std::string_view pattern, coroutine_handler run, const route_limits& own = {}) {
    return add(method::post, pattern, std::move(run), own);
  }

  // On a worker, beside the loop: with or without a stop token.
  error add_blocking(method verb, std::string_view pattern, blocking_handler run,
                     const route_limits& own = {});
  error add_blocking(method verb, std::string_view pattern, plain_handler run,
                     const route_limits& own = {}) {
    return add_blocking(
        verb, pattern,
        blocking_handler(
            [run = std::move(run)](const request& asked, const stop_token&) { return run(asked); }),
        own);
  }
  template <class F>
  error get_blocking(std::string_view pattern, F run, const route_limits& own = {}) {
    return add_blocking(method::get, pattern, std::move(run), own);
  }
  template <class F>
  error post_blocking(std::string_view pattern, F run, const route_limits& own = {}) {
    return add_blocking(method::post, pattern, std::move(run), own);
  }

  const router<route>& table() const noexcept { return router_; }

 private:
  router<route> router_;
};

}  // namespace weir::http
