// platform/freebsd/abi_check.cpp - compares abi_freebsd.hpp with the headers of FreeBSD.
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
static_assert(sizeof(timeval::tv_usec) == 8 && offsetof(timeval, tv_usec) == 8);

static_assert(sizeof(struct kevent) == 64 && alignof(struct kevent) == 8, "kevent differs");
static_assert(EVFILT_READ == -1 && EVFILT_WRITE == -2 && EVFILT_TIMER == -7, "filters differ");
static_assert(EVFILT_USER == -11, "wake() triggers it");
static_assert(EV_ADD == 1 && EV_DELETE == 2 && EV_ONESHOT == 0x10 && EV_CLEAR == 0x20);
static_assert(EV_RECEIPT == 0x40 && EV_DISPATCH == 0x80 && EV_ERROR == 0x4000 && EV_EOF == 0x8000);

static_assert(SOCK_NONBLOCK == 0x20000000 && SOCK_CLOEXEC == 0x10000000, "accept4 flags differ");
static_assert(SOL_SOCKET == 0xffff && SO_REUSEADDR == 4 && SO_REUSEPORT == 0x200);
static_assert(SO_REUSEPORT_LB == 0x10000, "the port option that balances");
static_assert(SO_ERROR == 0x1007 && SO_LINGER == 0x80 && SO_KEEPALIVE == 8);
static_assert(SO_SNDBUF == 0x1001 && SO_RCVBUF == 0x1002);
static_assert(SO_SNDTIMEO == 0x1005 && SO_RCVTIMEO == 0x1006);
static_assert(IPV6_V6ONLY == 27, "dual-stack listeners set it");
static_assert(SO_NOSIGPIPE == 0x800 && MSG_NOSIGNAL == 0x20000, "no SIGPIPE, ever");

}  // namespace weir::platform
