# weir_floor(<name> SOURCES ... HEADERS ... DEPENDS ...): one floor of the house.
#
# DEPENDS may name lower floors only. The order is checked here, so an upward edge stops the
# configuration; the include path of a floor holds only the floors it depends on, so an upward
# include does not compile.
set(WEIR_FLOORS platform runtime net tls http)

function(weir_floor name)
  cmake_parse_arguments(arg "" "" "SOURCES;HEADERS;DEPENDS" ${ARGN})
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
  add_library(weir_${name} ${arg_SOURCES})
  add_library(weir::${name} ALIAS weir_${name})
  target_compile_features(weir_${name} PUBLIC cxx_std_20)
  target_sources(weir_${name} PUBLIC FILE_SET HEADERS BASE_DIRS include FILES ${arg_HEADERS})
  target_include_directories(weir_${name} PRIVATE src)
  set_target_properties(weir_${name} PROPERTIES
    EXPORT_NAME ${name}
    CXX_EXTENSIONS OFF
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    VERIFY_INTERFACE_HEADER_SETS ON)
  target_compile_definitions(weir_${name} PRIVATE WEIR_BUILDING PUBLIC WEIR_STATIC)
  list(TRANSFORM arg_DEPENDS PREPEND weir::)
  target_link_libraries(weir_${name} PUBLIC ${arg_DEPENDS})
endfunction()
