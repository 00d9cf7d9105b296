# One floor of the house, from bottom to top:
#
#   weir_floor(<name>
#     HEADERS include/weir/<name>/...  public headers, each of which compiles alone
#     SOURCES src/...
#     DEPENDS <lower floors>           whose headers this floor and its users may include
#     LINK    <libraries>)             what its sources need besides: system and third-party
#
# DEPENDS may name lower floors only. The order is checked here, so an upward edge stops the
# configuration; the include path of a floor holds only the floors it depends on, so an upward
# include does not compile either.
#
# Every name weir gives to a target begins with weir_, or is weir:: or the program `weir`.
set(WEIR_FLOORS platform runtime net tls http instrument)
# Floors for our own programs and tests; a user of the library never sees them.
set(WEIR_INNER_FLOORS instrument)

# Warnings are a matter of who builds: of ours at top level, of the host's when vendored.
function(weir_warnings target)
  if(NOT PROJECT_IS_TOP_LEVEL)
    return()
  endif()
  if(MSVC)
    target_compile_options(${target} PRIVATE /W4 /permissive-)
  else()
    target_compile_options(${target} PRIVATE
      -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual)
    # GCC 12 sees overlaps that are not there in "text" + std::string (its bug 105651).
    if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
      target_compile_options(${target} PRIVATE -Wno-restrict)
    endif()
  endif()
  set_target_properties(${target} PROPERTIES COMPILE_WARNING_AS_ERROR "${WEIR_WERROR}")
endfunction()

function(weir_floor name)
  cmake_parse_arguments(arg "" "" "SOURCES;HEADERS;DEPENDS;LINK" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "weir: weir_floor(${name}): unknown words ${arg_UNPARSED_ARGUMENTS}")
  endif()
  list(FIND WEIR_FLOORS "${name}" floor)
  if(floor EQUAL -1)
    message(FATAL_ERROR "weir: '${name}' is not a floor; the floors are ${WEIR_FLOORS}")
  endif()
  foreach(lower IN LISTS arg_DEPENDS)
    list(FIND WEIR_FLOORS "${lower}" below)
    if(below EQUAL -1 OR NOT below LESS floor)
      message(FATAL_ERROR "weir: ${name} may not depend on ${lower}: edges go down only")
    endif()
  endforeach()

  if(WEIR_SHARED)
    if(WIN32)
      # All floors share one WEIR_BUILDING, which cannot say import to one and export to another.
      message(FATAL_ERROR "weir: WEIR_SHARED is not supported on Windows; link statically")
    endif()
    add_library(weir_${name} SHARED ${arg_SOURCES})
    # The floors below lie beside it, wherever a prefix is moved: a program's own search path does
    # not reach the libraries of its libraries.
    if(APPLE)
      set_target_properties(weir_${name} PROPERTIES INSTALL_RPATH "@loader_path")
    else()
      set_target_properties(weir_${name} PROPERTIES INSTALL_RPATH "$ORIGIN")
    endif()
  else()
    add_library(weir_${name} STATIC ${arg_SOURCES})
    target_compile_definitions(weir_${name} PUBLIC WEIR_STATIC)
  endif()
  add_library(weir::${name} ALIAS weir_${name})
  target_compile_definitions(weir_${name} PRIVATE WEIR_BUILDING)
  target_compile_features(weir_${name} PUBLIC cxx_std_20)
  target_sources(weir_${name} PUBLIC FILE_SET HEADERS BASE_DIRS include FILES ${arg_HEADERS})
  target_include_directories(weir_${name} PRIVATE src)
  set_target_properties(weir_${name} PROPERTIES
    EXPORT_NAME ${name}
    CXX_EXTENSIONS OFF
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    POSITION_INDEPENDENT_CODE ON
    VERIFY_INTERFACE_HEADER_SETS ${PROJECT_IS_TOP_LEVEL}
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  if(WIN32)
    # Windows 10, in the digits that zig itself defines it with: it may be defined twice, but not
    # spelled differently.
    target_compile_definitions(weir_${name} PRIVATE
      _WIN32_WINNT=0x0a00 WIN32_LEAN_AND_MEAN NOMINMAX)
  endif()
  weir_warnings(weir_${name})
  list(TRANSFORM arg_DEPENDS PREPEND weir::)
  target_link_libraries(weir_${name} PUBLIC ${arg_DEPENDS} PRIVATE ${arg_LINK})

  # What the install rules and the tests of documentation need to know of all floors.
  if(NOT name IN_LIST WEIR_INNER_FLOORS)
    set_property(GLOBAL APPEND PROPERTY WEIR_BUILT_FLOORS ${name})
    list(TRANSFORM arg_HEADERS REPLACE "^include/" "")
    set_property(GLOBAL APPEND PROPERTY WEIR_PUBLIC_HEADERS ${arg_HEADERS})
    if(WEIR_INSTALL)
      install(TARGETS weir_${name} EXPORT weir-targets
        COMPONENT weir FILE_SET HEADERS COMPONENT weir)
    endif()
  endif()
endfunction()

# weir_program(<target> SOURCES ... LINK ...): an executable built as our own code is.
function(weir_program target)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${target} ${arg_SOURCES})
  target_compile_features(${target} PRIVATE cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_link_libraries(${target} PRIVATE ${arg_LINK})
  weir_warnings(${target})
endfunction()
