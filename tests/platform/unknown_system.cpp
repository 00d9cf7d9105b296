// Compiled by expect_compile_error.cmake with the macros of this system taken away.
#include <weir/platform/abi.hpp>

int main() {
  return weir::platform::abi::address.family_unspecified;
}
