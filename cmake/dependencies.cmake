# Third-party libraries: one function each, called by what uses the library and by nothing else.
#
# Lookup order, the same for all: (1) a target the host product already has, (2) find_package,
# (3) an unpacked source under WEIR_DEPS_DIR (ci/bootstrap fills it), (4) only with
# WEIR_FETCH_DEPS=ON, a download of a row of ci/dependencies.lock, checked by its sha256. A
# configuration that was not asked to never downloads.
#
# Sources are built by targets of our own (weir_mbedtls, weir_simdjson, weir_utf8proc) rather than
# by their CMakeLists, which would leave their options in the host's cache.
set(WEIR_DEPS_DIR "${PROJECT_SOURCE_DIR}/.deps" CACHE PATH "unpacked third-party sources")
option(WEIR_FETCH_DEPS "Download locked third-party sources during configuration" OFF)

string(CONCAT WEIR_URL_mbedtls "https://github.com/Mbed-TLS/mbedtls/releases/download/"
  "mbedtls-@VERSION@/mbedtls-@VERSION@.tar.bz2")
set(WEIR_URL_simdjson
  "https://github.com/simdjson/simdjson/archive/refs/tags/v@VERSION@.tar.gz")
set(WEIR_URL_utf8proc
  "https://github.com/JuliaStrings/utf8proc/archive/refs/tags/v@VERSION@.tar.gz")
set(WEIR_URL_catch2
  "https://github.com/catchorg/Catch2/archive/refs/tags/v@VERSION@.tar.gz")
# The locked row of cli11 is a Debian repack, which has no address of its own. The commit of the
# same version holds its files as a sum would.
set(WEIR_REPOSITORY_cli11 "https://github.com/CLIUtils/CLI11.git")
set(WEIR_COMMIT_cli11 bfffd37e1f804ca4fae1caae106935791696b6a9) # v2.6.1

# weir_source(<name> <file that must be there> <variable>): steps 3 and 4, or an empty answer.
function(weir_source name probe out)
  set(${out} "" PARENT_SCOPE)
  if(EXISTS "${WEIR_DEPS_DIR}/${name}/${probe}")
    set(${out} "${WEIR_DEPS_DIR}/${name}" PARENT_SCOPE)
    return()
  endif()
  if(NOT WEIR_FETCH_DEPS)
    return()
  endif()
  include(FetchContent)
  # SOURCE_SUBDIR names a folder that is not there, so that nothing is added to the build.
  if(DEFINED WEIR_COMMIT_${name})
    message(STATUS "weir: fetching ${name} from ${WEIR_REPOSITORY_${name}}")
    FetchContent_Declare(weir_${name} GIT_REPOSITORY "${WEIR_REPOSITORY_${name}}"
      GIT_TAG ${WEIR_COMMIT_${name}} GIT_SUBMODULES "" SOURCE_SUBDIR not-there)
    FetchContent_MakeAvailable(weir_${name})
    set(${out} "${weir_${name}_SOURCE_DIR}" PARENT_SCOPE)
    return()
  endif()
  file(STRINGS "${PROJECT_SOURCE_DIR}/ci/dependencies.lock" rows REGEX "^${name} ")
  list(GET rows 0 row)
  string(REGEX REPLACE " +" ";" row "${row}")
  list(GET row 1 VERSION)
  list(GET row 2 sum)
  string(CONFIGURE "${WEIR_URL_${name}}" url @ONLY)
  message(STATUS "weir: fetching ${name} ${VERSION} from ${url}")
  FetchContent_Declare(weir_${name} URL "${url}" URL_HASH SHA256=${sum} SOURCE_SUBDIR not-there)
  FetchContent_MakeAvailable(weir_${name})
  set(${out} "${weir_${name}_SOURCE_DIR}" PARENT_SCOPE)
endfunction()

function(weir_missing name)
  message(FATAL_ERROR "weir: ${name} was not found; run ci/bootstrap, or set WEIR_DEPS_DIR to a "
    "folder that holds its sources, or WEIR_FETCH_DEPS=ON to download them")
endfunction()

# Where a library came from decides what an installed weir does: a source is installed with weir,
# and so is its licence; a package is looked for again, by `find_dependency(<call>)` and by the
# names it has for pkg-config.
function(weir_found_package call)
  set_property(GLOBAL APPEND PROPERTY WEIR_FIND_DEPENDENCIES "${call}")
  set_property(GLOBAL APPEND PROPERTY WEIR_PC_REQUIRES ${ARGN})
endfunction()
function(weir_built_source target licence)
  set_target_properties(${target} PROPERTIES
    CXX_VISIBILITY_PRESET hidden C_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON
    COMPILE_WARNING_AS_ERROR OFF
    WEIR_LICENCE "${licence}")
  # Warnings a host has asked for are about its code and ours.
  target_compile_options(${target} PRIVATE $<IF:$<BOOL:${MSVC}>,/w,-w>)
  set_property(GLOBAL APPEND PROPERTY WEIR_BUILT_SOURCES ${target})
  if(WEIR_INSTALL AND NOT WEIR_SHARED)
    install(TARGETS ${target} EXPORT weir-targets COMPONENT weir)
  endif()
endfunction()

# simdjson 3 or later: weir_find_simdjson(<variable>) gives the name of a target to link.
function(weir_find_simdjson out)
  if(NOT WEIR_JSON)
    message(FATAL_ERROR "weir: simdjson is asked for, but WEIR_JSON is OFF")
  endif()
  if(NOT TARGET simdjson::simdjson AND NOT TARGET weir_simdjson)
    # GLOBAL: a host that links weir::http must see the targets that weir::http names.
    find_package(simdjson 3 CONFIG QUIET GLOBAL)
    if(TARGET simdjson::simdjson)
      weir_found_package("simdjson 3 CONFIG" "simdjson >= 3")
    else()
      weir_source(simdjson singleheader/simdjson.cpp source)
      if(NOT source)
        weir_missing("simdjson 3")
      endif()
      add_library(weir_simdjson STATIC "${source}/singleheader/simdjson.cpp")
      target_include_directories(weir_simdjson SYSTEM PUBLIC
        "$<BUILD_INTERFACE:${source}/singleheader>")
      target_compile_features(weir_simdjson PUBLIC cxx_std_17)
      # 3.0.1 lacks the evex512 attribute that clang 18 and later want for its AVX-512 code; the
      # other instruction sets are still chosen at run time.
      target_compile_definitions(weir_simdjson PUBLIC SIMDJSON_AVX512_ALLOWED=0
        SIMDJSON_IMPLEMENTATION_ICELAKE=0)
      weir_built_source(weir_simdjson "${source}/LICENSE")
    endif()
  endif()
  if(TARGET simdjson::simdjson)
    set(${out} simdjson::simdjson PARENT_SCOPE)
  else()
    set(${out} weir_simdjson PARENT_SCOPE)
  endif()
endfunction()

# utf8proc 2.8 or later: weir_find_utf8proc(<variable>).
function(weir_find_utf8proc out)
  foreach(target IN ITEMS utf8proc::utf8proc utf8proc weir_utf8proc)
    if(TARGET ${target})
      set(${out} ${target} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  find_package(utf8proc 2.8 CONFIG QUIET GLOBAL)
  if(TARGET utf8proc::utf8proc)
    weir_found_package("utf8proc 2.8 CONFIG" "libutf8proc >= 2.8")
    set(${out} utf8proc::utf8proc PARENT_SCOPE)
    return()
  endif()
  weir_source(utf8proc utf8proc.c source)
  if(NOT source)
    weir_missing("utf8proc 2.8")
  endif()
  add_library(weir_utf8proc STATIC "${source}/utf8proc.c")
  target_include_directories(weir_utf8proc SYSTEM PUBLIC "$<BUILD_INTERFACE:${source}>")
  target_compile_definitions(weir_utf8proc PUBLIC UTF8PROC_STATIC)
  weir_built_source(weir_utf8proc "${source}/LICENSE.md")
  set(${out} weir_utf8proc PARENT_SCOPE)
endfunction()

# A session has a buffer for the largest record it may send. With 4096 it costs 12 KiB less while it
# is idle, and bulk costs a little more; chains of certificates have to fit (docs/performance.md).
set(WEIR_TLS_RECORD_BYTES 16384 CACHE STRING "Largest TLS record that is sent: 2048 to 16384")

# mbedTLS from 3.6.6 up to but not 4: weir_find_mbedtls(<variable>). Never two copies in one
# process: a host that has one gives it to us. tls says what it must have been built with, when it
# is compiled and again at start (tls/src/required_configuration.hpp).
#
# Built from source it is our own target with our own configuration, not its CMakeLists: those leave
# options in the host's cache. Only the modules that the configuration names are compiled: twice
# as quick as all of it. Not in a unity build: its files repeat names.
function(weir_find_mbedtls out)
  if(NOT TARGET MbedTLS::mbedtls AND NOT TARGET weir_mbedtls)
    find_package(MbedTLS 3.6.6...<4 CONFIG QUIET GLOBAL)
    if(MbedTLS_FOUND)
      weir_found_package("MbedTLS 3.6.6...<4 CONFIG"
        "mbedtls >= 3.6.6" "mbedx509 >= 3.6.6" "mbedcrypto >= 3.6.6")
      weir_check_mbedtls()
      if(NOT WEIR_TLS_RECORD_BYTES EQUAL 16384)
        message(FATAL_ERROR "weir: WEIR_TLS_RECORD_BYTES is for the mbedTLS that weir builds; "
          "build ${MbedTLS_DIR} with MBEDTLS_SSL_OUT_CONTENT_LEN instead")
      endif()
    else()
      weir_build_mbedtls()
    endif()
  endif()
  if(TARGET weir_mbedtls)
    set(${out} weir_mbedtls PARENT_SCOPE)
  else()
    set(${out} MbedTLS::mbedtls MbedTLS::mbedx509 MbedTLS::mbedcrypto PARENT_SCOPE)
  endif()
endfunction()

# An installed package is asked now: the compiler's own words name what to change.
function(weir_check_mbedtls)
  file(WRITE "${PROJECT_BINARY_DIR}/mbedtls_check.cpp"
    "#include \"${PROJECT_SOURCE_DIR}/tls/src/required_configuration.hpp\"\n")
  set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
  try_compile(weir_mbedtls_fits "${PROJECT_BINARY_DIR}/mbedtls_check"
    SOURCES "${PROJECT_BINARY_DIR}/mbedtls_check.cpp"
    LINK_LIBRARIES MbedTLS::mbedcrypto
    OUTPUT_VARIABLE said)
  # The cache is the host's; and the package may be another one the next time.
  set(fits ${weir_mbedtls_fits})
  unset(weir_mbedtls_fits CACHE)
  if(NOT fits)
    message(FATAL_ERROR "weir: the installed mbedTLS (${MbedTLS_DIR}) does not fit; set "
      "CMAKE_DISABLE_FIND_PACKAGE_MbedTLS=ON to build a pinned one\n${said}")
  endif()
endfunction()

function(weir_build_mbedtls)
  if(NOT WEIR_TLS_RECORD_BYTES MATCHES "^[0-9]+$" OR WEIR_TLS_RECORD_BYTES LESS 2048 OR
     WEIR_TLS_RECORD_BYTES GREATER 16384)
    message(FATAL_ERROR "weir: WEIR_TLS_RECORD_BYTES=${WEIR_TLS_RECORD_BYTES} is not from 2048 to "
      "16384")
  endif()
  weir_source(mbedtls library/ssl_tls.c source)
  if(NOT source)
    weir_missing("mbedTLS 3.6.6")
  endif()
  set(modules
    aes aesce aesni asn1parse asn1write base64 bignum bignum_core bignum_mod bignum_mod_raw
    block_cipher chacha20 chachapoly cipher cipher_wrap constant_time ecdh ecdsa ecp ecp_curves gcm
    hkdf hmac_drbg md oid pem pk pk_ecc pk_wrap pkparse pkwrite platform platform_util poly1305
    psa_crypto psa_crypto_aead psa_crypto_cipher psa_crypto_client
    psa_crypto_driver_wrappers_no_static psa_crypto_ecp psa_crypto_hash psa_crypto_mac
    psa_crypto_rsa psa_crypto_slot_management psa_util rsa rsa_alt_helpers sha1 sha256 sha512
    ssl_ciphersuites ssl_client ssl_msg ssl_ticket ssl_tls ssl_tls12_client ssl_tls12_server
    ssl_tls13_client ssl_tls13_generic ssl_tls13_keys ssl_tls13_server threading version
    version_features x509 x509_create x509_crt x509write x509write_crt)
  list(TRANSFORM modules PREPEND "${source}/library/")
  list(TRANSFORM modules APPEND ".c")
  # X25519 of Project Everest: its header is one of mbedTLS's own.
  set(everest "${source}/3rdparty/everest")
  list(APPEND modules "${everest}/library/everest.c" "${everest}/library/x25519.c"
    "${everest}/library/Hacl_Curve25519_joined.c")
  # Ours, and parts of the library: where its memory is from; what an idle session can do without,
  # for which it takes the inner header; the public keys of X25519.
  foreach(ours IN ITEMS memory rest x25519)
    list(APPEND modules "${PROJECT_SOURCE_DIR}/tls/src/mbedtls/weir_mbedtls_${ours}.c")
  endforeach()
  add_library(weir_mbedtls STATIC ${modules})
  target_include_directories(weir_mbedtls SYSTEM
    PUBLIC "$<BUILD_INTERFACE:${source}/include>" "$<BUILD_INTERFACE:${everest}/include>"
      "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/tls/src/mbedtls>"
    PRIVATE "${source}/library" "${everest}/include/everest"
      "${everest}/include/everest/kremlib")
  target_compile_definitions(weir_mbedtls
    PUBLIC "$<BUILD_INTERFACE:MBEDTLS_CONFIG_FILE=\"weir_mbedtls_config.h\">"
      "$<BUILD_INTERFACE:WEIR_TLS_RECORD_BYTES=${WEIR_TLS_RECORD_BYTES}>")
  target_compile_features(weir_mbedtls PRIVATE c_std_99)
  set_target_properties(weir_mbedtls PROPERTIES UNITY_BUILD OFF C_CLANG_TIDY "")
  if(NOT MSVC)
    # A handshake without optimisation takes ten times as long, in each of thousands of tests.
    target_compile_options(weir_mbedtls PRIVATE $<$<CONFIG:Debug>:-O1>)
  endif()
  set_source_files_properties("${source}/library/psa_crypto_ecp.c" PROPERTIES
    COMPILE_DEFINITIONS mbedtls_ecp_mul=weir_mbedtls_ecp_mul)
  if(CMAKE_C_FLAGS MATCHES "-fsanitize=[^ ]*undefined")
    # x509_name_cmp() gives memcmp() the null pointers of two empty names, and the length 0: nothing
    # is read, and the next C allows it (N3322). Null with a length would crash all the same.
    set_source_files_properties("${source}/library/x509_crt.c" PROPERTIES
      COMPILE_OPTIONS -fno-sanitize=nonnull-attribute)
  endif()
  # What gcc 12 makes of its vector instructions by -O3 takes a fifth more time for bulk.
  set_source_files_properties("${source}/library/aesni.c" PROPERTIES
    COMPILE_OPTIONS "$<$<AND:$<C_COMPILER_ID:GNU>,$<CONFIG:Release>>:-O2>")
  if(CMAKE_SYSTEM_NAME STREQUAL FreeBSD)
    # It calls explicit_bzero() after asking for a POSIX that does not have it.
    target_compile_options(weir_mbedtls PRIVATE "SHELL:-include strings.h")
  endif()
  find_package(Threads REQUIRED)
  # ws2_32: it reads the addresses of a certificate by Winsock's inet_pton().
  target_link_libraries(weir_mbedtls PRIVATE Threads::Threads $<$<PLATFORM_ID:Windows>:ws2_32>)
  weir_built_source(weir_mbedtls "${source}/LICENSE")
endfunction()

# CLI11 2.1 or later, header only, for apps: weir_find_cli11(<variable>).
function(weir_find_cli11 out)
  if(NOT TARGET CLI11::CLI11)
    find_package(CLI11 2.1 CONFIG QUIET GLOBAL)
  endif()
  if(TARGET CLI11::CLI11)
    set(${out} CLI11::CLI11 PARENT_SCOPE)
    return()
  endif()
  if(NOT TARGET weir_cli11)
    weir_source(cli11 include/CLI/CLI.hpp source)
    if(NOT source)
      weir_missing("CLI11 2.1")
    endif()
    add_library(weir_cli11 INTERFACE)
    target_include_directories(weir_cli11 SYSTEM INTERFACE "${source}/include")
  endif()
  set(${out} weir_cli11 PARENT_SCOPE)
endfunction()

# Catch2 3, for tests: one object from its amalgamated form, weir_find_catch2(<variable>). No
# package is looked for: the include line differs, and a copy built here has our sanitizer flags.
function(weir_find_catch2 out)
  if(NOT TARGET weir_catch2)
    weir_source(catch2 extras/catch_amalgamated.cpp source)
    if(NOT source)
      weir_missing("Catch2 3")
    endif()
    add_library(weir_catch2 STATIC "${source}/extras/catch_amalgamated.cpp")
    target_include_directories(weir_catch2 SYSTEM PUBLIC "${source}/extras")
    target_compile_features(weir_catch2 PUBLIC cxx_std_20)
  endif()
  set(${out} weir_catch2 PARENT_SCOPE)
endfunction()
