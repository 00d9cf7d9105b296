// apps/serve.hpp - `weir serve`: what it was told, and running it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <weir/http/limits.hpp>
#include <weir/platform/time.hpp>

#include "access_log.hpp"
#include "tls_setup.hpp"

namespace weir::apps {

struct serve_options {
  std::vector<std::string> listen;  // empty: 127.0.0.1:8080, with TLS 127.0.0.1:8443
  std::string admin_listen;         // for the health routes alone; "": they are beside all others
  std::uint32_t threads = 1;
  log_format log = log_format::off;
  bool print_port = false;
  tls_settings tls;              // with certificates everything at `listen` is https
  time_ns tls_watch = never_ns;  // how often its files are looked at
  std::string redirect_listen;   // plain HTTP, answered with where https is; "" for none
  std::string redirect_to;       // host[:port] of that; "": the first address of `listen`
  std::string files;             // the folder under /files/; "" for none
  http::limits bounds;
  // connections_max was asked for: if it does not fit, that is an error and not a note.
  bool connections_max_asked = false;
};

inline constexpr std::uint32_t threads_max = 256;
inline constexpr time_ns tls_watch_min = 100 * millisecond_ns;

// Serves until a signal and the drain after it, and returns the exit code. What is wrong goes to
// standard error as one line; standard output has the ports, then the access log.
int serve(const serve_options& options);

}  // namespace weir::apps
