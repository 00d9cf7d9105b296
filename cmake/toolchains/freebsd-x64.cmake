# FreeBSD 14 on x86-64 from Linux: zig's copy of its headers; linked, not run.
set(CMAKE_SYSTEM_NAME FreeBSD)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(ZIG_TARGET x86_64-freebsd)
include("${CMAKE_CURRENT_LIST_DIR}/zig.cmake")
