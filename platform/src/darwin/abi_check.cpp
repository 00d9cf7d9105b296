// platform/darwin/abi_check.cpp - compares abi_darwin.hpp with the headers of macOS.
#include <sys/types.h>

#include <sys/event.h>

#include <posix/abi_check.hpp>

namespace weir::platform {

static_assert(abi::address.has_length, "has_length differs: sockaddr has one, see sin_len below");
static_assert(offsetof(sockaddr_in, sin_len) == 0 && sizeof(sockaddr_in::sin_len) == 1);
static_assert(offsetof(sockaddr_in6, sin6_len) == 0 && sizeof(sockaddr_in6::sin6_len) == 1);
static_assert(offsetof(sockaddr_un, sun_len) == 0 && sizeof(sockaddr_un::sun_len) == 1);
static_assert(offsetof(sockaddr_storage, ss_len) == 0 && sizeof(sockaddr_storage::ss_len) == 1);
static_assert(offsetof(addrinfo, ai_addrlen) == 16 && sizeof(addrinfo::ai_addrlen) == 4);
static_assert(offsetof(addrinfo, ai_canonname) == 24);
static_assert(offsetof(addrinfo, ai_addr) == 32, "addrinfo differs: resolver.cpp reads ai_addr");
static_assert(sizeof(timeval::tv_usec) == 4 && offsetof(timeval, tv_usec) == 8);

static_assert(sizeof(struct kevent) == 32 && alignof(struct kevent) == 4, "kevent differs");
static_assert(EVFILT_READ == -1 && EVFILT_WRITE == -2 && EVFILT_TIMER == -7, "filters differ");
static_assert(EVFILT_USER == -10, "wake() triggers it");
static_assert(EV_ADD == 1 && EV_DELETE == 2 && EV_ONESHOT == 0x10 && EV_CLEAR == 0x20);
static_assert(EV_RECEIPT == 0x40 && EV_DISPATCH == 0x80 && EV_ERROR == 0x4000 && EV_EOF == 0x8000);

static_assert(SOL_SOCKET == 0xffff && SO_REUSEADDR == 4 && SO_REUSEPORT == 0x200);
static_assert(SO_ERROR == 0x1007 && SO_LINGER == 0x80 && SO_KEEPALIVE == 8);
static_assert(SO_SNDBUF == 0x1001 && SO_RCVBUF == 0x1002);
static_assert(SO_SNDTIMEO == 0x1005 && SO_RCVTIMEO == 0x1006);
static_assert(IPV6_V6ONLY == 27, "dual-stack listeners set it");
static_assert(SO_NOSIGPIPE == 0x1022, "set on every socket: no SIGPIPE, ever");
#if defined(SOCK_NONBLOCK) || defined(SOCK_CLOEXEC)
#error "weir: this macOS has SOCK_NONBLOCK or SOCK_CLOEXEC; the backend was written without them"
#endif

}  // namespace weir::platform
