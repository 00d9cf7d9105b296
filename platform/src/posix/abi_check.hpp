// platform/posix/abi_check.hpp - the entries that Linux, macOS and FreeBSD share by name.
//
// Included once, by the abi_check.cpp of each of the three.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/un.h>
#include <time.h>

#include <abi_check.hpp>

namespace weir::platform {

WEIR_ABI_CHECK_ADDRESSES(abi::address);
WEIR_ABI_CHECK_COMMON();

#define WEIR_ABI_ERRNO(macro, member) \
  WEIR_ABI_NAMED(#macro, macro, abi::errors.member, "error_map.hpp gives it a meaning")
WEIR_ABI_ERRNO(EAGAIN, again);
WEIR_ABI_ERRNO(EWOULDBLOCK, again);
WEIR_ABI_ERRNO(EINTR, intr);
WEIR_ABI_ERRNO(EPERM, perm);
WEIR_ABI_ERRNO(ENOENT, noent);
WEIR_ABI_ERRNO(EIO, io);
WEIR_ABI_ERRNO(ENXIO, nxio);
WEIR_ABI_ERRNO(EBADF, badf);
WEIR_ABI_ERRNO(ENOMEM, nomem);
WEIR_ABI_ERRNO(EACCES, acces);
WEIR_ABI_ERRNO(EEXIST, exist);
WEIR_ABI_ERRNO(ENOTDIR, notdir);
WEIR_ABI_ERRNO(EISDIR, isdir);
WEIR_ABI_ERRNO(EINVAL, inval);
WEIR_ABI_ERRNO(ENFILE, nfile);
WEIR_ABI_ERRNO(EMFILE, mfile);
WEIR_ABI_ERRNO(EPIPE, pipe);
WEIR_ABI_ERRNO(ENAMETOOLONG, nametoolong);
WEIR_ABI_ERRNO(ENOSYS, nosys);
WEIR_ABI_ERRNO(ELOOP, loop);
WEIR_ABI_ERRNO(EPROTO, proto);
WEIR_ABI_ERRNO(ENOTSOCK, notsock);
WEIR_ABI_ERRNO(EMSGSIZE, msgsize);
WEIR_ABI_ERRNO(EPROTONOSUPPORT, protonosupport);
WEIR_ABI_ERRNO(EOPNOTSUPP, opnotsupp);
WEIR_ABI_ERRNO(ENOTSUP, notsup);
WEIR_ABI_ERRNO(EAFNOSUPPORT, afnosupport);
WEIR_ABI_ERRNO(EADDRINUSE, addrinuse);
WEIR_ABI_ERRNO(EADDRNOTAVAIL, addrnotavail);
WEIR_ABI_ERRNO(ENETDOWN, netdown);
WEIR_ABI_ERRNO(ENETUNREACH, netunreach);
WEIR_ABI_ERRNO(ENETRESET, netreset);
WEIR_ABI_ERRNO(ECONNABORTED, connaborted);
WEIR_ABI_ERRNO(ECONNRESET, connreset);
WEIR_ABI_ERRNO(ENOBUFS, nobufs);
WEIR_ABI_ERRNO(EISCONN, isconn);
WEIR_ABI_ERRNO(ENOTCONN, notconn);
WEIR_ABI_ERRNO(ESHUTDOWN, shutdown);
WEIR_ABI_ERRNO(ETIMEDOUT, timedout);
WEIR_ABI_ERRNO(ECONNREFUSED, connrefused);
WEIR_ABI_ERRNO(EHOSTDOWN, hostdown);
WEIR_ABI_ERRNO(EHOSTUNREACH, hostunreach);
WEIR_ABI_ERRNO(EALREADY, already);
WEIR_ABI_ERRNO(EINPROGRESS, inprogress);
WEIR_ABI_ERRNO(ECANCELED, canceled);
#undef WEIR_ABI_ERRNO

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
WEIR_ABI_EAI(EAI_SYSTEM, system);
#undef WEIR_ABI_EAI

WEIR_ABI_NUMBER(O_NONBLOCK, abi::open_nonblock,
                "file.cpp opens with it, so that a FIFO cannot hang us");
WEIR_ABI_NUMBER(O_CLOEXEC, abi::open_cloexec, "file.cpp: children inherit no descriptor");
WEIR_ABI_NUMBER(CLOCK_MONOTONIC, abi::clock_monotonic_id, "every deadline is read from it");
WEIR_ABI_STORAGE(pthread_mutex_t, abi::mutex_storage, "weir::mutex is storage of this size");
WEIR_ABI_STORAGE(pthread_cond_t, abi::condition_storage, "weir::condition is storage of this size");

// What the readiness backends rely on besides.
static_assert(sizeof(linger) == 8, "linger differs: a reset is sent by linger{1, 0}");
static_assert(sizeof(timeval) == 16, "timeval differs: socket time-outs are given as one");
static_assert(sizeof(pollfd) == 8, "pollfd differs: blocking probes poll one descriptor");
static_assert(POLLIN == 1 && POLLOUT == 4 && POLLERR == 8 && POLLHUP == 16, "poll bits differ");

}  // namespace weir::platform
