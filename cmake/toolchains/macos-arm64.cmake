# macOS on arm64 from Linux: zig's copy of Apple's headers; linked, not run.
set(CMAKE_SYSTEM_NAME Darwin)
set(CMAKE_SYSTEM_PROCESSOR arm64)
set(ZIG_TARGET aarch64-macos)
include("${CMAKE_CURRENT_LIST_DIR}/zig.cmake")
