// apps/access_log.hpp - one line for each answered request, written by a thread of its own.
//
// Loops never wait for whoever reads the log: a line goes into a bounded buffer, and when that is
// full the line is dropped and counted; the next lines say how many are missing. What peers send is
// escaped: no target, however made, begins a line or a field of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>

#include <weir/http/server.hpp>
#include <weir/platform/mutex.hpp>
#include <weir/platform/time.hpp>

namespace weir::apps {

enum class log_format : std::uint8_t { off, plain, json };

// One line with its end, for an answer and for a handler that held the loop. Plain:
//   2026-01-02T03:04:05Z 127.0.0.1:40000 "GET /echo/a" /echo/{text} 200 1 0.052ms
//   2026-01-02T03:04:05Z held /echo/{text} 64.000ms
// with anything but printable ASCII, and `"` and `\`, as \xNN; an unknown part is `-`. JSON: the
// members time, peer, method, target, pattern, status, bytes, duration_ms, or
// time, held (the pattern), duration_ms; bytes of the target
// beyond ASCII are given as \u0080 to \u00ff, one for each byte.
void append_log_line(std::string& to, log_format how, const http::access_record& record,
                     std::int64_t unix_seconds);
void append_log_line(std::string& to, log_format how, const http::hold_record& record,
                     std::int64_t unix_seconds);

class access_log {
 public:
  static constexpr std::size_t pending_bytes_max = 1024 * 1024;

  // Writes to standard output.
  explicit access_log(log_format how) : how_(how) {}
  access_log(const access_log&) = delete;
  access_log& operator=(const access_log&) = delete;
  // stop() has returned true, or start() was never called.
  ~access_log() = default;

  void start();
  // Writes out what is there. False when that was not done within `bound`: somebody holds the
  // output and does not read; the thread is then stuck in its write, and only the end of the
  // process ends it.
  bool stop(time_ns bound) noexcept;

  // One thread's door to the log: keeps the room for a line.
  class channel {
   public:
    explicit channel(access_log& to) noexcept : to_(to) {}
    // For http::server_options::observe; `context` is the channel.
    static void observe(void* context, const http::access_record& record) noexcept;
    // For server_options::observe_hold, likewise.
    static void observe_hold(void* context, const http::hold_record& record) noexcept;

   private:
    template <class Record>
    void write(const Record& record) noexcept;
    access_log& to_;
    std::string line_;
  };

  std::uint64_t dropped() noexcept;

 private:
  void add(const std::string& line) noexcept;
  void run() noexcept;

  const log_format how_;
  std::thread writer_;
  mutex mutex_;
  condition changed_;
  // Under mutex_.
  std::string pending_;
  std::uint64_t dropped_ = 0;
  std::uint64_t dropped_told_ = 0;
  bool waiting_ = false;  // the writer: spares a busy loop the wake
  bool stopping_ = false;
  bool ended_ = false;
};

}  // namespace weir::apps
