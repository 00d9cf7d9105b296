// net/linger.cpp - see the header.
#include <weir/net/linger.hpp>

#include <weir/runtime/within.hpp>

namespace weir::net {

namespace {

runtime::task<result<linger_end>> discard(runtime::scheduler& owner, socket_stream& stream,
                                          std::uint64_t bytes_max) {
  std::uint64_t discarded = 0;
  for (;;) {
    // Lent for this turn only: nothing of it is looked at.
    const result<std::size_t> got = stream.try_read(owner.lend_receive_buffer());
    if (got.ok()) {
      discarded += got.value();
      if (discarded > bytes_max) co_return linger_end::too_much;
      continue;
    }
    if (got.why() == errc::eof) co_return linger_end::clean;
    if (got.why().code != errc::would_block) co_return linger_end::peer_reset;
    const error why = co_await runtime::readable(stream);
    if (why == errc::timed_out) co_return linger_end::timed_out;
    if (why) co_return linger_end::peer_reset;
  }
}

}  // namespace

runtime::task<result<linger_end>> linger_close(runtime::scheduler& owner, socket_stream& stream,
                                               linger_limits limits) {
  if (stream.shut_write()) {
    stream.close();
    co_return linger_end::peer_reset;
  }
  const time_ns due_ns = due_after(owner.now_ns(), limits.deadline_ns);
  result<linger_end> end = co_await runtime::shielded(due_ns, "linger_deadline",
                                                      discard(owner, stream, limits.bytes_max));
  stream.close();
  co_return end;
}

}  // namespace weir::net
