// tls/server_security.hpp - what makes the connections of a server TLS: give it to http::server.
//
//   tls::server_security security(loop, context);
//   http::server_options options;
//   options.security = &security;
//   http::server server(loop, routes, options);
//   server.listen_secure("127.0.0.1:8443");
//
// One for each scheduler, used on its thread and living longer than its servers; all may be made of
// the same context, whose tickets then work on any of them, or of one live context, which is
// exchanged for all of them at once (server_credentials.hpp).
#pragma once

#include <cstdint>
#include <memory>

#include <weir/platform/export.hpp>
#include <weir/runtime/buffer_pool.hpp>
#include <weir/runtime/offload.hpp>
#include <weir/runtime/scheduler.hpp>
#include <weir/runtime/secured_stream.hpp>
#include <weir/tls/context.hpp>
#include <weir/tls/live_context.hpp>

namespace weir::tls {

struct server_security_options {
  // Threads on which handshakes are computed, so that a flood of them does not slow the sessions
  // that are open. They are started as they are needed. 0: on the scheduler's thread.
  std::uint32_t handshake_workers = 1;
  // Simulator only: how long each step of a handshake takes; never_ns: the worker is stuck.
  time_ns virtual_handshake_step_ns = 0;
};

class WEIR_EXPORT server_security final : public runtime::stream_security {
 public:
  server_security(runtime::scheduler& owner, context of,
                  const server_security_options& options = server_security_options());
  // Each session begins with what `of` holds then, and keeps it.
  server_security(runtime::scheduler& owner, std::shared_ptr<const live_context> of,
                  const server_security_options& options = server_security_options());
  server_security(const server_security&) = delete;
  server_security& operator=(const server_security&) = delete;
  // After its last stream. Waits a second for a step that still runs; a worker that is stuck is
  // left behind, with the session it holds.
  ~server_security();

  result<std::unique_ptr<runtime::secured_stream>> secure(
      runtime::byte_stream& inner, const runtime::secured_limits& bounds) noexcept override;

 private:
  runtime::scheduler& owner_;
  std::shared_ptr<const live_context> context_;
  runtime::buffer_pool rings_;
  runtime::buffer_pool records_;
  std::unique_ptr<runtime::offload> handshakes_;
};

}  // namespace weir::tls
