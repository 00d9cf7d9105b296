// platform/windows/abi_check.cpp - compares abi_windows.hpp with the Windows SDK or mingw-w64.
#include <windows/headers.hpp>

#include <abi_check.hpp>

namespace weir::platform {

static_assert(!abi::address.has_length, "has_length differs: sockaddr has none here");
WEIR_ABI_CHECK_ADDRESSES(abi::address);
WEIR_ABI_CHECK_COMMON();

#define WEIR_ABI_WSA(macro, member) \
  WEIR_ABI_NAMED(#macro, macro, abi::errors.member, "error_map.hpp gives it a meaning")
WEIR_ABI_WSA(WSAEINTR, wsa_intr);
WEIR_ABI_WSA(WSAEBADF, wsa_badf);
WEIR_ABI_WSA(WSAEACCES, wsa_acces);
WEIR_ABI_WSA(WSAEFAULT, wsa_fault);
WEIR_ABI_WSA(WSAEINVAL, wsa_inval);
WEIR_ABI_WSA(WSAEMFILE, wsa_mfile);
WEIR_ABI_WSA(WSAEWOULDBLOCK, wsa_wouldblock);
WEIR_ABI_WSA(WSAEINPROGRESS, wsa_inprogress);
WEIR_ABI_WSA(WSAEALREADY, wsa_already);
WEIR_ABI_WSA(WSAENOTSOCK, wsa_notsock);
WEIR_ABI_WSA(WSAEMSGSIZE, wsa_msgsize);
WEIR_ABI_WSA(WSAEPROTONOSUPPORT, wsa_protonosupport);
WEIR_ABI_WSA(WSAEOPNOTSUPP, wsa_opnotsupp);
WEIR_ABI_WSA(WSAEAFNOSUPPORT, wsa_afnosupport);
WEIR_ABI_WSA(WSAEADDRINUSE, wsa_addrinuse);
WEIR_ABI_WSA(WSAEADDRNOTAVAIL, wsa_addrnotavail);
WEIR_ABI_WSA(WSAENETDOWN, wsa_netdown);
WEIR_ABI_WSA(WSAENETUNREACH, wsa_netunreach);
WEIR_ABI_WSA(WSAENETRESET, wsa_netreset);
WEIR_ABI_WSA(WSAECONNABORTED, wsa_connaborted);
WEIR_ABI_WSA(WSAECONNRESET, wsa_connreset);
WEIR_ABI_WSA(WSAENOBUFS, wsa_nobufs);
WEIR_ABI_WSA(WSAEISCONN, wsa_isconn);
WEIR_ABI_WSA(WSAENOTCONN, wsa_notconn);
WEIR_ABI_WSA(WSAESHUTDOWN, wsa_shutdown);
WEIR_ABI_WSA(WSAETIMEDOUT, wsa_timedout);
WEIR_ABI_WSA(WSAECONNREFUSED, wsa_connrefused);
WEIR_ABI_WSA(WSAEHOSTDOWN, wsa_hostdown);
WEIR_ABI_WSA(WSAEHOSTUNREACH, wsa_hostunreach);
WEIR_ABI_WSA(WSANOTINITIALISED, wsa_notinitialised);
WEIR_ABI_WSA(WSAEDISCON, wsa_discon);
WEIR_ABI_WSA(ERROR_FILE_NOT_FOUND, file_not_found);
WEIR_ABI_WSA(ERROR_PATH_NOT_FOUND, path_not_found);
WEIR_ABI_WSA(ERROR_TOO_MANY_OPEN_FILES, too_many_open_files);
WEIR_ABI_WSA(ERROR_ACCESS_DENIED, access_denied);
WEIR_ABI_WSA(ERROR_INVALID_HANDLE, invalid_handle);
WEIR_ABI_WSA(ERROR_NOT_ENOUGH_MEMORY, not_enough_memory);
WEIR_ABI_WSA(ERROR_OUTOFMEMORY, outofmemory);
WEIR_ABI_WSA(ERROR_SHARING_VIOLATION, sharing_violation);
WEIR_ABI_WSA(ERROR_HANDLE_EOF, handle_eof);
WEIR_ABI_WSA(ERROR_NOT_SUPPORTED, not_supported);
WEIR_ABI_WSA(ERROR_NETNAME_DELETED, netname_deleted);
WEIR_ABI_WSA(ERROR_FILE_EXISTS, file_exists);
WEIR_ABI_WSA(ERROR_INVALID_PARAMETER, invalid_parameter);
WEIR_ABI_WSA(ERROR_BROKEN_PIPE, broken_pipe);
WEIR_ABI_WSA(ERROR_SEM_TIMEOUT, sem_timeout);
WEIR_ABI_WSA(ERROR_INVALID_NAME, invalid_name);
WEIR_ABI_WSA(ERROR_ALREADY_EXISTS, already_exists);
WEIR_ABI_WSA(ERROR_FILENAME_EXCED_RANGE, filename_exced_range);
WEIR_ABI_WSA(ERROR_NO_DATA, no_data);
WEIR_ABI_WSA(WAIT_TIMEOUT, wait_timeout);
WEIR_ABI_WSA(ERROR_DIRECTORY, directory);
WEIR_ABI_WSA(ERROR_OPERATION_ABORTED, operation_aborted);
WEIR_ABI_WSA(ERROR_IO_INCOMPLETE, io_incomplete);
WEIR_ABI_WSA(ERROR_IO_PENDING, io_pending);
WEIR_ABI_WSA(WSA_IO_PENDING, io_pending);
WEIR_ABI_WSA(ERROR_CONNECTION_REFUSED, connection_refused);
WEIR_ABI_WSA(ERROR_GRACEFUL_DISCONNECT, graceful_disconnect);
WEIR_ABI_WSA(ERROR_NETWORK_UNREACHABLE, network_unreachable);
WEIR_ABI_WSA(ERROR_HOST_UNREACHABLE, host_unreachable);
WEIR_ABI_WSA(ERROR_PROTOCOL_UNREACHABLE, protocol_unreachable);
WEIR_ABI_WSA(ERROR_PORT_UNREACHABLE, port_unreachable);
WEIR_ABI_WSA(ERROR_REQUEST_ABORTED, request_aborted);
WEIR_ABI_WSA(ERROR_CONNECTION_ABORTED, connection_aborted);
WEIR_ABI_WSA(ERROR_NO_SYSTEM_RESOURCES, no_system_resources);
#undef WEIR_ABI_WSA

#define WEIR_ABI_EAI(macro, member) \
  WEIR_ABI_NAMED(#macro, macro, abi::resolver.member, "error_from_resolver gives it a meaning")
WEIR_ABI_EAI(EAI_AGAIN, again);
WEIR_ABI_EAI(EAI_BADFLAGS, badflags);
WEIR_ABI_EAI(EAI_FAIL, fail);
WEIR_ABI_EAI(EAI_FAMILY, family);
WEIR_ABI_EAI(EAI_MEMORY, memory);
WEIR_ABI_EAI(EAI_NONAME, noname);
WEIR_ABI_EAI(EAI_SERVICE, service);
WEIR_ABI_EAI(EAI_SOCKTYPE, socktype);
static_assert(abi::resolver.system == 0, "EAI_SYSTEM differs: Windows has none");
#undef WEIR_ABI_EAI

WEIR_ABI_STORAGE(SRWLOCK, abi::mutex_storage, "weir::mutex is storage of this size");
WEIR_ABI_STORAGE(CONDITION_VARIABLE, abi::condition_storage, "weir::condition is storage of it");

// What the IOCP backend relies on besides.
static_assert(offsetof(addrinfo, ai_addrlen) == 16 && sizeof(addrinfo::ai_addrlen) == 8);
static_assert(offsetof(addrinfo, ai_canonname) == 24);
static_assert(offsetof(addrinfo, ai_addr) == 32, "addrinfo differs: resolver.cpp reads ai_addr");
static_assert(sizeof(linger) == 4 && alignof(linger) == 2, "linger differs: two 16-bit members");
static_assert(sizeof(timeval) == 8 && alignof(timeval) == 4, "timeval differs");
static_assert(sizeof(SOCKET) == 8 && sizeof(HANDLE) == 8, "handles are pointers in width");
static_assert(sizeof(OVERLAPPED) == 32 && alignof(OVERLAPPED) == 8, "OVERLAPPED differs");
static_assert(sizeof(OVERLAPPED_ENTRY) == 32 && alignof(OVERLAPPED_ENTRY) == 8);
static_assert(sizeof(WSABUF) == 16 && offsetof(WSABUF, buf) == 8, "WSABUF: length first");
static_assert(sizeof(WSAPOLLFD) == 16, "WSAPOLLFD differs");
static_assert(sizeof(INIT_ONCE) == 8 && sizeof(CRITICAL_SECTION) == 40);
static_assert(SOL_SOCKET == 0xffff && SO_REUSEADDR == 4, "socket options differ");
static_assert(SO_EXCLUSIVEADDRUSE == -5, "set on every listener");
static_assert(SO_ERROR == 0x1007 && SO_LINGER == 0x80, "socket options differ");
static_assert(SO_SNDBUF == 0x1001 && SO_RCVBUF == 0x1002, "buffer options differ");
static_assert(SO_SNDTIMEO == 0x1005 && SO_RCVTIMEO == 0x1006, "time-out options differ");
static_assert(IPV6_V6ONLY == 27, "dual-stack listeners set it");
static_assert(SO_UPDATE_ACCEPT_CONTEXT == 0x700B && SO_UPDATE_CONNECT_CONTEXT == 0x7010);
#if defined(SO_REUSEPORT) || defined(MSG_NOSIGNAL)
#error "weir: Winsock is not expected to define SO_REUSEPORT or MSG_NOSIGNAL"
#endif

}  // namespace weir::platform
