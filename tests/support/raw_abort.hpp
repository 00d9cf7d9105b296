// support/raw_abort.hpp - last words of a test program whose subject breaks an invariant.
#pragma once

namespace weir::test {

// Prints `text` on standard error when the program aborts, as a failed WEIR_ASSERT does. `text` is
// static storage, and may change until then.
void say_on_abort(const char* text);

}  // namespace weir::test
