// platform/export.hpp - which names leave a shared library. Everything else stays hidden.
#pragma once

// WEIR_STATIC is defined by the build for static libraries, for the library and for its users;
// WEIR_BUILDING only while weir itself is compiled.
#if defined(WEIR_STATIC)
#define WEIR_EXPORT
#elif defined(_WIN32) && defined(WEIR_BUILDING)
#define WEIR_EXPORT __declspec(dllexport)
#elif defined(_WIN32)
#define WEIR_EXPORT __declspec(dllimport)
#else
// The standard spelling: GCC 12 takes no __attribute__ beside [[nodiscard]] on a class.
#define WEIR_EXPORT [[gnu::visibility("default")]]
#endif
