// platform/error_map.hpp - every number of every system means one thing, on any system.
#include <cerrno>
#include <set>
#include <span>

#include <catch_amalgamated.hpp>

#include <weir/platform/abi.hpp>
#include <weir/platform/error_map.hpp>

using weir::errc;
namespace p = weir::platform;

namespace {

// The specification's table, written out once more: a second pair of eyes on the rows. Numbers
// are Linux, macOS, FreeBSD, Windows; -1 where a system has none.
struct spec_row {
  const char* name;
  int linux_number;
  int darwin_number;
  int freebsd_number;
  int windows_number;
  errc meaning;
};

constexpr spec_row spec_rows[] = {
    {"EINTR", 4, 4, 4, 10004, errc::interrupted},
    {"EBADF", 9, 9, 9, 10009, errc::bad_handle},
    {"ENOTSOCK", 88, 38, 38, 10038, errc::bad_handle},
    {"EAGAIN", 11, 35, 35, 10035, errc::would_block},
    {"EACCES", 13, 13, 13, 10013, errc::permission},
    {"EINVAL", 22, 22, 22, 10022, errc::invalid},
    {"ENFILE", 23, 23, 23, -1, errc::handles_exhausted},
    {"EMFILE", 24, 24, 24, 10024, errc::handles_exhausted},
    {"EPIPE", 32, 32, 32, 10058, errc::broken_pipe},
    {"EINPROGRESS", 115, 36, 36, 10036, errc::in_progress},
    {"EALREADY", 114, 37, 37, 10037, errc::in_progress},
    {"EMSGSIZE", 90, 40, 40, 10040, errc::message_too_long},
    {"EOPNOTSUPP", 95, 102, 45, 10045, errc::not_supported},
    {"ENOTSUP", 95, 45, 45, -1, errc::not_supported},
    {"EAFNOSUPPORT", 97, 47, 47, 10047, errc::family_unsupported},
    {"EADDRINUSE", 98, 48, 48, 10048, errc::address_in_use},
    {"EADDRNOTAVAIL", 99, 49, 49, 10049, errc::address_unavailable},
    {"ENETDOWN", 100, 50, 50, 10050, errc::network_down},
    {"ENETUNREACH", 101, 51, 51, 10051, errc::unreachable},
    {"ENETRESET", 102, 52, 52, 10052, errc::reset},
    {"ECONNABORTED", 103, 53, 53, 10053, errc::aborted},
    {"ECONNRESET", 104, 54, 54, 10054, errc::reset},
    {"ENOBUFS", 105, 55, 55, 10055, errc::memory_exhausted},
    {"EISCONN", 106, 56, 56, 10056, errc::already_connected},
    {"ENOTCONN", 107, 57, 57, 10057, errc::not_connected},
    {"ESHUTDOWN", 108, 58, 58, 10058, errc::broken_pipe},
    {"ETIMEDOUT", 110, 60, 60, 10060, errc::timed_out},
    {"ECONNREFUSED", 111, 61, 61, 10061, errc::refused},
    {"EHOSTDOWN", 112, 64, 64, 10064, errc::unreachable},
    {"EHOSTUNREACH", 113, 65, 65, 10065, errc::unreachable},
    {"EPROTO", 71, 100, 92, -1, errc::protocol},
    {"ECANCELED", 125, 89, 85, 995, errc::cancelled},
};

}  // namespace

TEST_CASE("error map: every row of the specification, on all four systems", "[platform]") {
  for (const spec_row& row : spec_rows) {
    INFO(row.name);
    CHECK(p::map_linux(row.linux_number) == row.meaning);
    CHECK(p::map_darwin(row.darwin_number) == row.meaning);
    CHECK(p::map_freebsd(row.freebsd_number) == row.meaning);
    if (row.windows_number != -1) CHECK(p::map_windows(row.windows_number) == row.meaning);
  }
}

TEST_CASE("error map: an overlapped completion speaks Win32, and is understood", "[platform]") {
  CHECK(p::map_windows(64) == errc::reset);
  CHECK(p::map_windows(121) == errc::timed_out);
  CHECK(p::map_windows(995) == errc::cancelled);
  CHECK(p::map_windows(997) == errc::in_progress);
  CHECK(p::map_windows(1225) == errc::refused);
  CHECK(p::map_windows(1234) == errc::refused);
  CHECK(p::map_windows(1236) == errc::aborted);
  CHECK(p::map_windows(258) == errc::timed_out);
}

TEST_CASE("error map: errno values of the Windows C run-time are not taken for Winsock answers",
          "[platform]") {
  // EWOULDBLOCK 140, EINPROGRESS 112, ECONNRESET 108, ECONNREFUSED 107, ETIMEDOUT 138,
  // EADDRINUSE 100, ECONNABORTED 106, ENOTCONN 126, ECANCELED 105: Winsock never says them.
  for (const int code : {140, 112, 108, 107, 138, 100, 106, 126, 105}) {
    INFO(code);
    CHECK(p::map_windows(code) == errc::other);
  }
}

TEST_CASE("error map: one number has one meaning within a system", "[platform]") {
  const auto check = [](const char* system, std::span<const p::error_row> rows) {
    for (const p::error_row& a : rows) {
      INFO(system << " " << a.number);
      CHECK(a.number != 0);
      CHECK(p::find_error(rows, a.number) == a.meaning);
    }
  };
  check("linux", p::linux_rows.rows);
  check("darwin", p::darwin_rows.rows);
  check("freebsd", p::freebsd_rows.rows);
  check("windows", p::windows_rows);
}

TEST_CASE("error map: an unknown number is `other` and keeps its number", "[platform]") {
  for (const int code : {0, -1, 99'999, 2'147'483'647}) {
    CHECK(p::map_linux(code) == errc::other);
    CHECK(p::map_darwin(code) == errc::other);
    CHECK(p::map_freebsd(code) == errc::other);
    CHECK(p::map_windows(code) == errc::other);
    const weir::error why = weir::error_from_system("call", code);
    CHECK(why.code == errc::other);
    CHECK(why.os_code == code);
    CHECK(std::string_view(why.where) == "call");
  }
}

TEST_CASE("error map: this system's own numbers go through its own table", "[platform]") {
#if defined(_WIN32)
  CHECK(weir::error_from_system("recv", 10054) == errc::reset);
#else
  CHECK(weir::error_from_system("recv", ECONNRESET) == errc::reset);
  CHECK(weir::error_from_system("recv", EAGAIN) == errc::would_block);
  CHECK(weir::error_from_system("accept", EMFILE) == errc::handles_exhausted);
  CHECK(weir::error_from_system("recv", ECONNRESET).os_code == ECONNRESET);
#endif
}

TEST_CASE("error map: resolver answers of every system", "[platform]") {
  for (const p::resolver_numbers* n : {&p::abi_linux::resolver, &p::abi_darwin::resolver,
                                       &p::abi_freebsd::resolver, &p::abi_windows::resolver}) {
    CHECK(p::map_resolver(*n, n->again) == errc::name_temporary);
    CHECK(p::map_resolver(*n, n->noname) == errc::not_found);
    CHECK(p::map_resolver(*n, n->fail) == errc::name_failure);
    CHECK(p::map_resolver(*n, n->memory) == errc::memory_exhausted);
    CHECK(p::map_resolver(*n, n->family) == errc::family_unsupported);
    CHECK(p::map_resolver(*n, n->service) == errc::invalid);
    CHECK(p::map_resolver(*n, n->socktype) == errc::not_supported);
    CHECK(p::map_resolver(*n, n->badflags) == errc::invalid);
    CHECK(p::map_resolver(*n, 424'242) == errc::other);
  }
  CHECK(p::map_resolver(p::abi_linux::resolver, -3) == errc::name_temporary);
  CHECK(p::map_resolver(p::abi_darwin::resolver, 8) == errc::not_found);
  CHECK(p::map_resolver(p::abi_windows::resolver, 11001) == errc::not_found);
}

#if !defined(_WIN32)
TEST_CASE("error map: EAI_SYSTEM means errno, not itself", "[platform]") {
  errno = EMFILE;
  const weir::error why = weir::error_from_resolver("resolve", p::abi::resolver.system);
  CHECK(why.code == errc::handles_exhausted);
  CHECK(why.os_code == EMFILE);
}
#endif
