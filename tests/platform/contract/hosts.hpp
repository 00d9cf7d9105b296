// tests/platform/contract/hosts.hpp - the list of hosts, one function each.
#pragma once

#include "host.hpp"

namespace weir::platform::contract {

std::unique_ptr<host> make_sim();
std::unique_ptr<host> make_sim_kernel();
std::unique_ptr<host> make_sim_stormy();
std::unique_ptr<host> make_sim_stormy_kernel();
std::unique_ptr<host> make_native();  // what open_poller() gives
std::unique_ptr<host> make_kqueue_twin();
std::unique_ptr<host> make_iocp_layered();

}  // namespace weir::platform::contract
