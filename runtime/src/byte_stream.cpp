// runtime/byte_stream.cpp - see the header.
#include <weir/runtime/byte_stream.hpp>

namespace weir::runtime {

bool io_wait::refused_by(const scope& in) noexcept {
  why_ = in.why();
  return static_cast<bool>(why_);
}

bool io_wait::settle(scope& in, std::coroutine_handle<> waiter,
                     const platform::started& outcome) noexcept {
  if (!outcome.pending()) {
    value_ = outcome.value;
    why_ = outcome.why;
    return false;
  }
  operation_ = outcome.id;
  park(in, waiter);
  return true;
}

void io_wait::complete(std::uint64_t value, error why) noexcept {
  value_ = value;
  // The kernel only knows that it was cancelled; the scope knows why. Anything else that happened
  // first is delivered as it is (P8).
  why_ = why == errc::cancelled && cancelled_by_ ? cancelled_by_ : why;
  wake();
}

void readable::on_cancel(error why) noexcept {
  asked_to_end(why);
  stream_.cancel(operation_);
}
void write_some::on_cancel(error why) noexcept {
  asked_to_end(why);
  stream_.cancel(operation_);
}
void write_file_some::on_cancel(error why) noexcept {
  asked_to_end(why);
  stream_.cancel(operation_);
}

}  // namespace weir::runtime
