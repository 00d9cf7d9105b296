// net/listeners.hpp - listeners of tests: opened, asked where they are, and served.
#pragma once

#include <vector>

#include <weir/net/listener.hpp>
#include <weir/net/socket_stream.hpp>

#include "runtime/virtual_loop.hpp"
#include "support/raw_client.hpp"

namespace weir::test {

inline platform::socket_id open(runtime::scheduler& loop, const address& at,
                                const platform::listen_options& options = {},
                                net::port_use use = net::port_use::alone) {
  const result<platform::socket_id> opened = net::listener::open(loop, at, options, use);
  REQUIRE(opened.ok());
  return opened.value();
}

struct accept_log {
  std::vector<time_ns> at_ns;
  error end{};
};

// Accepts until it cannot, and greets.
inline runtime::task<error> greet(net::listener& from, accept_log& log) {
  runtime::scope& here = co_await runtime::this_scope();
  for (;;) {
    result<net::accepted> next = co_await from.accept();
    if (!next.ok()) {
      log.end = next.why();
      co_return next.why();
    }
    log.at_ns.push_back(here.owner().now_ns());
    const result<platform::socket_id> id =
        net::socket_stream::adopt(here.owner(), next.value().socket);
    if (!id.ok()) co_return id.why();
    net::socket_stream stream(here.owner(), id.value());
    const byte_view hello = as_bytes("hello");
    static_cast<void>(stream.try_write({&hello, 1}));
  }
}

inline address bound(const net::listener& l) {
  const result<address> at = l.local_address();
  REQUIRE(at.ok());
  return at.value();
}

// Whether a peer can connect over a real socket.
inline bool answers(const address& at) {
  return raw_client::connect(at).connected();
}

}  // namespace weir::test
