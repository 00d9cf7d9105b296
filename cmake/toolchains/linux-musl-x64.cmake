# Linux on x86-64 with musl, static: runs on any Linux, this one included.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(ZIG_TARGET x86_64-linux-musl)
include("${CMAKE_CURRENT_LIST_DIR}/zig.cmake")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static")
# Cross-compiling only in name: what is built runs here as it is.
set(CMAKE_CROSSCOMPILING_EMULATOR /usr/bin/env)
