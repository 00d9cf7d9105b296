// tls/server_security.cpp - see the header.
#include <weir/tls/server_security.hpp>

#include <limits>
#include <new>
#include <utility>

#include <weir/tls/stream.hpp>

namespace weir::tls {

namespace {

constexpr std::size_t ring_bytes = 65'536;
constexpr std::uint32_t buffers_kept_max = 16;  // of each kind
// Three for each session, and how many of those there are is bounded by who accepts them.
constexpr std::uint32_t buffers_max = std::numeric_limits<std::uint32_t>::max();

std::unique_ptr<runtime::offload> make_workers(runtime::scheduler& owner,
                                               const server_security_options& options) {
  if (options.handshake_workers == 0) return nullptr;
  runtime::offload_options workers;
  workers.name = "tls handshake";
  workers.workers_max = options.handshake_workers;
  // Streams ask before they queue: secured_limits::handshake_steps.
  workers.queue_max = std::numeric_limits<std::uint32_t>::max();
  workers.virtual_job_ns = options.virtual_handshake_step_ns;
  return std::make_unique<runtime::offload>(owner, workers);
}

}  // namespace

server_security::server_security(runtime::scheduler& owner, context of,
                                 const server_security_options& options)
    : server_security(owner, std::make_shared<const live_context>(std::move(of)), options) {}

server_security::server_security(runtime::scheduler& owner, std::shared_ptr<const live_context> of,
                                 const server_security_options& options)
    : owner_(owner),
      context_(std::move(of)),
      rings_(ring_bytes, buffers_max, buffers_kept_max),
      records_(engine::records_bytes(), buffers_max, buffers_kept_max),
      handshakes_(make_workers(owner, options)) {}

server_security::~server_security() = default;

result<std::unique_ptr<runtime::secured_stream>> server_security::secure(
    runtime::byte_stream& inner, const runtime::secured_limits& bounds) noexcept {
  engine_options memory;
  memory.buffers = &rings_;
  memory.records = &records_;
  result<std::unique_ptr<engine>> made = engine::for_server(context_->now(), memory);
  if (!made.ok()) return made.why();
  stream_options options;
  options.bounds = bounds;
  options.handshakes = handshakes_.get();
  std::unique_ptr<runtime::secured_stream> over(
      new (std::nothrow) stream(owner_, inner, std::move(made).value(), options));
  if (over == nullptr) return error(errc::memory_exhausted, "tls stream");
  return over;
}

}  // namespace weir::tls
