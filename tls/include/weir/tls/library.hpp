// tls/library.hpp - the mbedTLS below this floor: which one it is, and that it is fit for use.
//
// weir has one of its own (built from source, with the configuration this floor wants) or uses the
// one its host brought. The second is checked when weir is compiled and, because a shared library
// can be replaced afterwards, again when it is first used.
#pragma once

#include <string_view>

#include <weir/platform/clock.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/platform/random.hpp>

namespace weir::tls {

// Makes the library ready, once for the process; later calls give the first answer. Contexts and
// certificates call it by themselves. A program that forks workers does so before.
// errc::not_supported: the library that was found at run time differs from the one weir was
// compiled with in a way it cannot live with; `where` says what to change. Any thread.
WEIR_EXPORT error start_library() noexcept;

// "3.6.7": the version that is running. Static storage.
WEIR_EXPORT std::string_view library_version() noexcept;

// Where keys, nonces and blinding come from: system_random() unless a test or a simulation owns the
// numbers. Only with the mbedTLS that weir built (false otherwise: nothing was changed). To be
// called before anything of this floor is used, from one thread; `source` has to be usable from
// any thread that runs TLS, and lives as long as they do. Never anything but system_random() in
// production: whoever knows the numbers knows the keys.
WEIR_EXPORT bool use_random_source(random_source& source) noexcept;

// What time it is where that matters: whether a certificate is good now, how old a ticket is, the
// first bytes of a TLS 1.2 session. system_clock() unless it is said here, with the same limits.
// With both of these one's own, and one thread, what a session says follows from what it is told.
WEIR_EXPORT bool use_clock(const clock& source) noexcept;

}  // namespace weir::tls
