// platform/abi.hpp - the table of the system we are compiled for, as `weir::platform::abi`.
//
// A system, architecture or pointer size that nobody has described stops the compiler here, by
// name. There is deliberately no default arm: a wrong guess about a structure does not fail, it
// corrupts. To port weir, write a table and its abi_check.cpp, then add a branch.
#pragma once

#if defined(__linux__)
#define WEIR_ABI_TABLE_LINUX 1
#elif defined(__APPLE__)
#define WEIR_ABI_TABLE_DARWIN 1
#elif defined(__FreeBSD__)
#define WEIR_ABI_TABLE_FREEBSD 1
#elif defined(_WIN32)
#define WEIR_ABI_TABLE_WINDOWS 1
#elif defined(__OpenBSD__)
#error "weir: operating system OpenBSD is not described in platform/abi.hpp"
#elif defined(__NetBSD__)
#error "weir: operating system NetBSD is not described in platform/abi.hpp"
#elif defined(__DragonFly__)
#error "weir: operating system DragonFly BSD is not described in platform/abi.hpp"
#elif defined(__sun)
#error "weir: operating system Solaris or illumos is not described in platform/abi.hpp"
#elif defined(_AIX)
#error "weir: operating system AIX is not described in platform/abi.hpp"
#elif defined(__CYGWIN__)
#error "weir: operating system layer Cygwin is not described in platform/abi.hpp"
#elif defined(__EMSCRIPTEN__) || defined(__wasi__)
#error "weir: WebAssembly systems are not described in platform/abi.hpp"
#else
#error \
    "weir: this operating system (none of its macros is known) is not described in platform/abi.hpp"
#endif

#if defined(__x86_64__) || defined(_M_X64)
#define WEIR_ABI_ARCHITECTURE "x86-64"
#elif defined(__AARCH64EB__) || defined(__AARCH64_BE__)
#error "weir: architecture arm64 with big-endian byte order is not described in platform/abi.hpp"
#elif defined(__aarch64__) || defined(_M_ARM64)
#define WEIR_ABI_ARCHITECTURE "arm64"
#elif defined(__i386__) || defined(_M_IX86)
#error "weir: architecture x86 (32 bits) is not described in platform/abi.hpp"
#elif defined(__arm__) || defined(_M_ARM)
#error "weir: architecture arm (32 bits) is not described in platform/abi.hpp"
#elif defined(__riscv)
#error "weir: architecture RISC-V is not described in platform/abi.hpp"
#elif defined(__powerpc__) || defined(__powerpc64__)
#error "weir: architecture PowerPC is not described in platform/abi.hpp"
#elif defined(__s390x__)
#error "weir: architecture s390x is not described in platform/abi.hpp"
#elif defined(__loongarch__)
#error "weir: architecture LoongArch is not described in platform/abi.hpp"
#else
#error "weir: this architecture (none of its macros is known) is not described in platform/abi.hpp"
#endif

// x32 and arm64 ILP32 call themselves x86-64 and arm64, and have pointers of 32 bits.
#if defined(_WIN32)
#if !defined(_WIN64)
#error "weir: pointers of 32 bits are not described in platform/abi.hpp"
#endif
#elif !defined(__SIZEOF_POINTER__)
#error "weir: a compiler that does not say its pointer size is not described in platform/abi.hpp"
#elif __SIZEOF_POINTER__ != 8
#error "weir: pointers of other than 64 bits are not described in platform/abi.hpp"
#endif

#if defined(WEIR_ABI_TABLE_LINUX)
#include <weir/platform/abi_linux.hpp>
namespace weir::platform {
namespace abi = abi_linux;
}
#elif defined(WEIR_ABI_TABLE_DARWIN)
#include <weir/platform/abi_darwin.hpp>
namespace weir::platform {
namespace abi = abi_darwin;
}
#elif defined(WEIR_ABI_TABLE_FREEBSD)
#include <weir/platform/abi_freebsd.hpp>
namespace weir::platform {
namespace abi = abi_freebsd;
}
#elif defined(WEIR_ABI_TABLE_WINDOWS)
#include <weir/platform/abi_windows.hpp>
namespace weir::platform {
namespace abi = abi_windows;
}
#endif

static_assert(sizeof(void*) == 8, "weir: every table is written for pointers of 64 bits");
