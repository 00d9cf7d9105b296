// tls/threading.hpp - gives mbedTLS its mutexes where the system has no pthread.
#pragma once

namespace weir::tls {

// Before anything else of mbedTLS. Does nothing where it uses pthread.
void set_threading() noexcept;

}  // namespace weir::tls
