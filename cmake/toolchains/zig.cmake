# Included by the per-target files, which set CMAKE_SYSTEM_NAME, CMAKE_SYSTEM_PROCESSOR and
# ZIG_TARGET. The zig is that of WEIR_ZIG (environment), or what ci/bootstrap --cross installed.
set(weir_zig_bin "${CMAKE_CURRENT_LIST_DIR}/bin")
set(CMAKE_C_COMPILER "${weir_zig_bin}/zig-cc-${ZIG_TARGET}")
set(CMAKE_CXX_COMPILER "${weir_zig_bin}/zig-c++-${ZIG_TARGET}")
foreach(tool IN ITEMS AR RANLIB)
  string(TOLOWER ${tool} program)
  set(CMAKE_${tool} "${weir_zig_bin}/zig-${program}" CACHE FILEPATH "" FORCE)
  set(CMAKE_C_COMPILER_${tool} "${CMAKE_${tool}}")
  set(CMAKE_CXX_COMPILER_${tool} "${CMAKE_${tool}}")
endforeach()
# No -s here nor in a preset: zig makes the C++ library of a target before its first link, which is
# one of CMake's own with none of our flags, and for links without symbols it makes another one.
set(CMAKE_INSTALL_NAME_TOOL /bin/true CACHE FILEPATH "" FORCE) # macOS: static libraries need none
# Without an -O flag zig turns a trapping UBSan on, which is for the presets to decide. Apple's
# headers say of some pointers whether they may be null, and clang would complain of all others.
set(CMAKE_C_FLAGS_INIT "-fno-sanitize=undefined -Wno-nullability-completeness")
set(CMAKE_CXX_FLAGS_INIT "-fno-sanitize=undefined -Wno-nullability-completeness")
# Nothing of the machine that builds may be found.
set(CMAKE_FIND_ROOT_PATH "${CMAKE_CURRENT_LIST_DIR}/none")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
