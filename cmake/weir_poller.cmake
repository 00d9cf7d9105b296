# Which event backend this build has: WEIR_POLLER (a wish) becomes WEIR_POLLER_RESOLVED (a fact).
#
# A backend is chosen by mechanism: `auto` takes the native one of the system. There is no default
# arm: a system or a pointer size that nobody has described stops the configuration by name.
set(WEIR_POLLER auto CACHE STRING "event backend: auto, epoll, kqueue, iocp or sim")
set_property(CACHE WEIR_POLLER PROPERTY STRINGS auto epoll kqueue iocp sim)

set(weir_native_Linux epoll)
set(weir_native_Darwin kqueue)
set(weir_native_FreeBSD kqueue)
set(weir_native_Windows iocp)

if(NOT DEFINED weir_native_${CMAKE_SYSTEM_NAME})
  message(FATAL_ERROR "weir: nobody has described the system '${CMAKE_SYSTEM_NAME}'; "
    "the systems are Linux, Darwin, FreeBSD and Windows")
endif()
if(DEFINED CMAKE_SIZEOF_VOID_P AND NOT CMAKE_SIZEOF_VOID_P EQUAL 8)
  message(FATAL_ERROR "weir: nobody has described pointers of ${CMAKE_SIZEOF_VOID_P} bytes; "
    "weir is built for 64-bit systems")
endif()
if(NOT WEIR_POLLER MATCHES "^(auto|epoll|kqueue|iocp|sim)$")
  message(FATAL_ERROR "weir: WEIR_POLLER is '${WEIR_POLLER}'; "
    "it can be auto, epoll, kqueue, iocp or sim")
endif()
if(WEIR_POLLER STREQUAL "auto")
  set(WEIR_POLLER_RESOLVED ${weir_native_${CMAKE_SYSTEM_NAME}})
else()
  set(WEIR_POLLER_RESOLVED ${WEIR_POLLER})
endif()
# The simulator needs no system; every other backend is the native one.
if(NOT WEIR_POLLER_RESOLVED STREQUAL "sim"
   AND NOT WEIR_POLLER_RESOLVED STREQUAL weir_native_${CMAKE_SYSTEM_NAME})
  message(FATAL_ERROR "weir: ${CMAKE_SYSTEM_NAME} has no ${WEIR_POLLER_RESOLVED}; "
    "its backend is ${weir_native_${CMAKE_SYSTEM_NAME}}, or sim")
endif()
