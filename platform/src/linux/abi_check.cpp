// platform/linux/abi_check.cpp - compares abi_linux.hpp with the headers of glibc or musl.
#include <sys/epoll.h>

#include <posix/abi_check.hpp>

namespace weir::platform {

static_assert(!abi::address.has_length, "has_length differs: sockaddr has none here");

static_assert(offsetof(addrinfo, ai_addrlen) == 16 && sizeof(addrinfo::ai_addrlen) == 4);
static_assert(offsetof(addrinfo, ai_addr) == 24, "addrinfo differs: resolver.cpp reads ai_addr");
static_assert(offsetof(addrinfo, ai_canonname) == 32);
static_assert(sizeof(timeval::tv_usec) == 8 && offsetof(timeval, tv_usec) == 8);

// The x86-64 kernel packs epoll_event; an unpacked copy would shift every token by 4 bytes.
#if defined(__x86_64__)
static_assert(sizeof(epoll_event) == 12 && alignof(epoll_event) == 1, "epoll_event differs");
static_assert(offsetof(epoll_event, data) == 4, "epoll_event::data holds the token");
#else
static_assert(sizeof(epoll_event) == 16 && alignof(epoll_event) == 8, "epoll_event differs");
static_assert(offsetof(epoll_event, data) == 8, "epoll_event::data holds the token");
#endif
static_assert(sizeof(epoll_data_t) == 8, "a token must fit beside the event");

static_assert(SOCK_NONBLOCK == 0x800 && SOCK_CLOEXEC == 0x80000, "accept4 flags differ");
static_assert(SOL_SOCKET == 1, "socket options differ");
static_assert(SO_REUSEADDR == 2 && SO_REUSEPORT == 15, "listener options differ");
static_assert(SO_ERROR == 4 && SO_LINGER == 13 && SO_KEEPALIVE == 9, "socket options differ");
static_assert(SO_SNDBUF == 7 && SO_RCVBUF == 8, "buffer options differ");
static_assert(SO_RCVTIMEO == 20 && SO_SNDTIMEO == 21, "time-out options differ");
static_assert(IPV6_V6ONLY == 26, "dual-stack listeners set it");
static_assert(MSG_NOSIGNAL == 0x4000, "every send carries it: no SIGPIPE, ever");

}  // namespace weir::platform
