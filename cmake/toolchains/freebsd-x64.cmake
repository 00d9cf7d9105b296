# FreeBSD 14 on x86-64 from Linux: zig's copy of its headers; linked, not run.
set(CMAKE_SYSTEM_NAME FreeBSD)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(ZIG_TARGET x86_64-freebsd)
include("${CMAKE_CURRENT_LIST_DIR}/zig.cmake")
# mbedTLS defines _POSIX_C_SOURCE and then calls explicit_bzero(): have it declared before.
string(APPEND CMAKE_C_FLAGS_INIT " -include strings.h")
