// apps/access_log.cpp - see the header.
#include "access_log.hpp"

#include <cinttypes>
#include <cstdio>
#include <exception>
#include <string_view>
#include <utility>

#include <weir/platform/clock.hpp>
#include <weir/platform/process.hpp>

namespace weir::apps {

namespace {

constexpr char hex[] = "0123456789abcdef";

template <class... Values>
void append_format(std::string& to, const char* format, Values... values) {
  char text[64];
  const int bytes = std::snprintf(text, sizeof text, format, values...);
  if (bytes > 0) to.append(text, static_cast<std::size_t>(bytes));
}

// RFC 3339, UTC. The civil calendar from a count of days, for the years that matter here.
void append_time(std::string& to, std::int64_t unix_seconds) {
  const std::int64_t seconds = unix_seconds < 0 ? 0 : unix_seconds;
  const auto of_day = static_cast<int>(seconds % 86'400);
  // Years begin in March, so that the day that comes and goes is the last one.
  const std::int64_t days = seconds / 86'400 + 719'468;
  const std::int64_t era = days / 146'097;
  const std::int64_t of_era = days % 146'097;
  const std::int64_t year_of_era =
      (of_era - of_era / 1'460 + of_era / 36'524 - of_era / 146'096) / 365;
  const std::int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month_from_march = (5 * of_year + 2) / 153;
  const auto day = static_cast<int>(of_year - (153 * month_from_march + 2) / 5 + 1);
  const auto month =
      static_cast<int>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  const auto year = static_cast<int>(year_of_era + era * 400 + (month <= 2 ? 1 : 0));
  append_format(to, "%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, day, of_day / 3'600,
                of_day / 60 % 60, of_day % 60);
}

void append_plain(std::string& to, std::string_view text) {
  if (text.empty()) {
    to += '-';
    return;
  }
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f && c != '"' && c != '\\') {
      to += c;
    } else {
      to += "\\x";
      to += hex[byte >> 4];
      to += hex[byte & 15];
    }
  }
}

void append_json(std::string& to, std::string_view text) {
  to += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      if (c == '"' || c == '\\') to += '\\';
      to += c;
    } else {
      to += "\\u00";
      to += hex[byte >> 4];
      to += hex[byte & 15];
    }
  }
  to += '"';
}

bool write_out(log_format how, std::string_view lines, std::uint64_t missing) noexcept {
  if (platform::write_output(lines)) return false;
  if (missing == 0) return true;
  char told[64];
  const char* const form =
      how == log_format::json ? "{\"dropped\":%" PRIu64 "}\n" : "- dropped %" PRIu64 " lines\n";
  const int bytes = std::snprintf(told, sizeof told, form, missing);
  return !platform::write_output({told, static_cast<std::size_t>(bytes)});
}

}  // namespace

void append_log_line(std::string& to, log_format how, const http::access_record& record,
                     std::int64_t unix_seconds) {
  char peer_text[address::text_bytes_max];
  const std::string_view peer =
      record.peer != nullptr ? record.peer->to_text(peer_text) : std::string_view{};
  const double milliseconds =
      static_cast<double>(record.duration_ns) / static_cast<double>(millisecond_ns);
  if (how == log_format::json) {
    to += "{\"time\":\"";
    append_time(to, unix_seconds);
    to += "\",\"peer\":";
    append_json(to, peer);
    to += ",\"method\":";
    append_json(to, record.method);
    to += ",\"target\":";
    append_json(to, record.target);
    to += ",\"pattern\":";
    append_json(to, record.pattern);
    append_format(to, ",\"status\":%u", static_cast<unsigned>(record.status));
    append_format(to, ",\"bytes\":%" PRIu64, record.response_bytes);
    append_format(to, ",\"duration_ms\":%.3f}\n", milliseconds);
    return;
  }
  append_time(to, unix_seconds);
  to += ' ';
  append_plain(to, peer);
  to += " \"";
  append_plain(to, record.method);
  to += ' ';
  append_plain(to, record.target);
  to += "\" ";
  append_plain(to, record.pattern);
  append_format(to, " %u", static_cast<unsigned>(record.status));
  append_format(to, " %" PRIu64, record.response_bytes);
  append_format(to, " %.3fms\n", milliseconds);
}

void append_log_line(std::string& to, log_format how, const http::hold_record& record,
                     std::int64_t unix_seconds) {
  const double milliseconds =
      static_cast<double>(record.held_ns) / static_cast<double>(millisecond_ns);
  if (how == log_format::json) {
    to += "{\"time\":\"";
    append_time(to, unix_seconds);
    to += "\",\"held\":";
    append_json(to, record.pattern);
    append_format(to, ",\"duration_ms\":%.3f}\n", milliseconds);
    return;
  }
  append_time(to, unix_seconds);
  to += " held ";
  append_plain(to, record.pattern);
  append_format(to, " %.3fms\n", milliseconds);
}

template <class Record>
void access_log::channel::write(const Record& record) noexcept {
  try {
    line_.clear();
    append_log_line(line_, to_.how_, record, system_clock().unix_seconds());
    to_.add(line_);
  } catch (const std::exception&) {
    // No memory for a line of log: the request is answered all the same.
    lock held(to_.mutex_);
    ++to_.dropped_;
  }
}

void access_log::channel::observe(void* context, const http::access_record& record) noexcept {
  static_cast<channel*>(context)->write(record);
}

void access_log::channel::observe_hold(void* context, const http::hold_record& record) noexcept {
  static_cast<channel*>(context)->write(record);
}

void access_log::add(const std::string& line) noexcept {
  lock held(mutex_);
  if (ended_ || line.size() > pending_bytes_max - pending_.size()) {
    ++dropped_;
    return;
  }
  try {
    pending_ += line;
  } catch (const std::exception&) {
    ++dropped_;
    return;
  }
  if (waiting_) changed_.wake_all();
}

void access_log::start() {
  writer_ = std::thread([this] { run(); });
}

bool access_log::stop(time_ns bound) noexcept {
  if (!writer_.joinable()) return true;
  {
    lock held(mutex_);
    stopping_ = true;
    changed_.wake_all();
    const time_ns due_ns = due_after(system_clock().now_ns(), bound);
    while (!ended_) {
      if (!changed_.wait_until(mutex_, due_ns) && !ended_) return false;
    }
  }
  writer_.join();
  return true;
}

std::uint64_t access_log::dropped() noexcept {
  lock held(mutex_);
  return dropped_;
}

void access_log::run() noexcept {
  std::string taken;
  bool more = true;
  while (more) {
    std::uint64_t missing = 0;
    {
      lock held(mutex_);
      waiting_ = true;
      while (pending_.empty() && dropped_ == dropped_told_ && !stopping_) changed_.wait(mutex_);
      waiting_ = false;
      taken.clear();
      std::swap(taken, pending_);
      missing = dropped_ - std::exchange(dropped_told_, dropped_);
      more = !stopping_;
    }
    if (!write_out(how_, taken, missing)) {
      std::fputs("weir: the access log cannot be written any more; requests go on unlogged\n",
                 stderr);
      more = false;
    }
  }
  lock held(mutex_);
  ended_ = true;
  changed_.wake_all();
}

}  // namespace weir::apps
