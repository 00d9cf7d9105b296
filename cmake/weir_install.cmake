# Install rules: headers, archives, `find_package(weir CONFIG)` and `pkg-config weir`.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(WEIR_BUILT_FLOORS GLOBAL PROPERTY WEIR_BUILT_FLOORS)
get_property(WEIR_FIND_DEPENDENCIES GLOBAL PROPERTY WEIR_FIND_DEPENDENCIES)
get_property(WEIR_BUILT_SOURCES GLOBAL PROPERTY WEIR_BUILT_SOURCES)
list(TRANSFORM WEIR_FIND_DEPENDENCIES REPLACE "(.+)" "find_dependency(\\1)")
list(JOIN WEIR_FIND_DEPENDENCIES "\n" WEIR_FIND_DEPENDENCIES)

set(weir_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/weir")
install(EXPORT weir-targets NAMESPACE weir:: DESTINATION "${weir_package_dir}" COMPONENT weir)
configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/packaging/weir-config.cmake.in"
  "${PROJECT_BINARY_DIR}/packaging/weir-config.cmake"
  INSTALL_DESTINATION "${weir_package_dir}"
  NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/packaging/weir-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/packaging/weir-config.cmake"
  "${PROJECT_BINARY_DIR}/packaging/weir-config-version.cmake"
  DESTINATION "${weir_package_dir}" COMPONENT weir)

# pkg-config: all floors in one file, top floor first as a static linker wants them. Shared floors
# have the built sources inside, and what was found as a package is theirs to load.
set(weir_pc_libs ${WEIR_BUILT_FLOORS})
list(REVERSE weir_pc_libs)
list(TRANSFORM weir_pc_libs PREPEND "-lweir_")
get_property(weir_pc_requires GLOBAL PROPERTY WEIR_PC_REQUIRES)
list(JOIN weir_pc_requires ", " weir_pc_requires)
if(WEIR_SHARED)
  set(weir_pc_cflags "")
  set(weir_pc_private ".private")
else()
  set(weir_pc_cflags "-DWEIR_STATIC")
  set(weir_pc_private "")
  foreach(source IN LISTS WEIR_BUILT_SOURCES)
    list(APPEND weir_pc_libs "-l${source}")
  endforeach()
endif()
if(WIN32)
  list(APPEND weir_pc_libs -lws2_32 -lmswsock -lbcrypt -lcrypt32)
else()
  list(APPEND weir_pc_libs -pthread)
endif()
list(JOIN weir_pc_libs " " weir_pc_libs)
# Relative to the file, so that an installed tree can be moved.
file(RELATIVE_PATH weir_pc_prefix
  "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" weir_pc_prefix "${weir_pc_prefix}")
configure_file("${PROJECT_SOURCE_DIR}/packaging/weir.pc.in"
  "${PROJECT_BINARY_DIR}/packaging/weir.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/packaging/weir.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT weir)
# Our licence, and those of the sources that are installed with weir: LICENSE.mbedtls and so on.
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/weir" COMPONENT weir)
foreach(source IN LISTS WEIR_BUILT_SOURCES)
  get_target_property(licence ${source} WEIR_LICENCE)
  string(REPLACE "weir_" "" name ${source})
  install(FILES "${licence}" DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/weir"
    RENAME "LICENSE.${name}" COMPONENT weir)
endforeach()
