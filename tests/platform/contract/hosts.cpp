// tests/platform/contract/hosts.cpp - which hosts this build has.
#include "hosts.hpp"

namespace weir::platform::contract {

std::vector<host_maker> host_makers() {
  return {
#ifdef WEIR_CONTRACT_NATIVE
      &make_native,
#endif
#ifdef WEIR_CONTRACT_KQUEUE_TWIN
      &make_kqueue_twin,
#endif
#ifdef WEIR_CONTRACT_IOCP
      &make_iocp_layered,
#endif
      &make_sim,          &make_sim_kernel, &make_sim_stormy, &make_sim_stormy_kernel,
  };
}

}  // namespace weir::platform::contract
