// Compiled by expect_compile_error.cmake: a structure that is not what its table says. With
// WEIR_SAME it is, and compiles: the control.
#include "abi_check.hpp"

namespace weir::platform {

struct imagined {
  char before = 0;
#if defined(WEIR_SAME)
  alignas(4) short port = 0;
#else
  short port = 0;
#endif
};
inline constexpr storage_layout imagined_storage{8, 4};
inline constexpr field_layout imagined_port{4, 2};
WEIR_ABI_STORAGE(imagined, imagined_storage, "this test relies on it");
WEIR_ABI_FIELD(imagined, port, imagined_port, "this test relies on it");

}  // namespace weir::platform

int main() {
  return 0;
}
