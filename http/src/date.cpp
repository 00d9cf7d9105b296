// http/date.cpp - civil dates by arithmetic: no locale, no time zone data, no system call.
#include <weir/http/date.hpp>

namespace weir::http {
namespace {

constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> long_days = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};

constexpr std::int64_t day_seconds = 86'400;
constexpr std::int64_t first_second = -62'167'219'200;  // 0000-01-01 00:00:00
constexpr std::int64_t last_second = 253'402'300'799;   // 9999-12-31 23:59:59

struct civil {
  std::int64_t year = 0;
  int month = 1;  // 1 to 12
  int day = 1;
};

// Days since 1970-01-01 in the proleptic Gregorian calendar. Years are counted from March, so
// that the leap day is the last day of a year and months follow one linear rule.
std::int64_t days_from(civil date) noexcept {
  const std::int64_t year = date.month <= 2 ? date.year - 1 : date.year;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t month_from_march = (date.month + 9) % 12;
  const std::int64_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
  const std::int64_t day_of_era =
      year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

civil civil_from(std::int64_t day_number) noexcept {
  const std::int64_t shifted = day_number + 719'468;
  const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
  const std::int64_t day_of_era = shifted - era * 146'097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month_from_march = (5 * day_of_year + 2) / 153;
  civil out;
  out.day = static_cast<int>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  out.month = static_cast<int>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  out.year = year_of_era + era * 400 + (out.month <= 2 ? 1 : 0);
  return out;
}

int days_in_month(std::int64_t year, int month) noexcept {
  constexpr std::array<int, 12> lengths = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return lengths[static_cast<std::size_t>(month - 1)] + (month == 2 && leap ? 1 : 0);
}

void put_digits(char* out, std::int64_t value, int width) noexcept {
  for (int i = width - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

// Reads a date from left to right; the first mismatch makes it fail for good.
class reader {
 public:
  explicit reader(std::string_view text) noexcept : rest_(text) {}

  bool literal(std::string_view expected) noexcept {
    if (ok_ && rest_.substr(0, expected.size()) == expected) {
      rest_.remove_prefix(expected.size());
    } else {
      ok_ = false;
    }
    return ok_;
  }
  int number(int width) noexcept {
    int value = 0;
    for (int i = 0; i < width; ++i) {
      if (!ok_ || rest_.empty() || rest_[0] < '0' || rest_[0] > '9') return fail();
      value = value * 10 + (rest_[0] - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }
  // asctime writes days below ten with a space in front.
  int padded_day() noexcept {
    if (ok_ && !rest_.empty() && rest_[0] == ' ') {
      rest_.remove_prefix(1);
      return number(1);
    }
    return number(2);
  }
  template <std::size_t N>
  int name(const std::array<std::string_view, N>& names) noexcept {
    for (std::size_t i = 0; ok_ && i < N; ++i) {
      if (rest_.substr(0, names[i].size()) == names[i]) {
        rest_.remove_prefix(names[i].size());
        return static_cast<int>(i);
      }
    }
    return fail();
  }
  bool finished() const noexcept { return ok_ && rest_.empty(); }

 private:
  int fail() noexcept {
    ok_ = false;
    return 0;
  }
  std::string_view rest_;
  bool ok_ = true;
};

struct parts {
  civil date;
  int hour = 0, minute = 0, second = 0, weekday = 0;
};

void read_clock(reader& in, parts& out) noexcept {
  out.hour = in.number(2);
  in.literal(":");
  out.minute = in.number(2);
  in.literal(":");
  out.second = in.number(2);
}

std::optional<std::int64_t> seconds_of(const parts& p) noexcept {
  if (p.date.day < 1 || p.date.day > days_in_month(p.date.year, p.date.month)) return {};
  // 60 is a leap second; it counts as the second after 59.
  if (p.hour > 23 || p.minute > 59 || p.second > 60) return {};
  return days_from(p.date) * day_seconds + p.hour * 3'600 + p.minute * 60 + p.second;
}

}  // namespace

void format_date(std::int64_t unix_seconds, std::span<char, date_bytes> out) noexcept {
  if (unix_seconds < first_second) unix_seconds = first_second;
  if (unix_seconds > last_second) unix_seconds = last_second;
  std::int64_t day_number = unix_seconds / day_seconds;
  std::int64_t second = unix_seconds % day_seconds;
  if (second < 0) {
    second += day_seconds;
    --day_number;
  }
  const civil date = civil_from(day_number);
  const std::int64_t weekday = ((day_number + 4) % 7 + 7) % 7;  // 1970-01-01 was a Thursday
  char* const p = out.data();
  std::string_view("???, ?? ??? ???? ??:??:?? GMT").copy(p, date_bytes);
  days[static_cast<std::size_t>(weekday)].copy(p, 3);
  put_digits(p + 5, date.day, 2);
  months[static_cast<std::size_t>(date.month - 1)].copy(p + 8, 3);
  put_digits(p + 12, date.year, 4);
  put_digits(p + 17, second / 3'600, 2);
  put_digits(p + 20, second / 60 % 60, 2);
  put_digits(p + 23, second % 60, 2);
}

std::optional<std::int64_t> parse_date(std::string_view text, std::int64_t now_seconds) noexcept {
  {  // Sun, 06 Nov 1994 08:49:37 GMT
    parts p;
    reader in(text);
    p.weekday = in.name(days);
    in.literal(", ");
    p.date.day = in.number(2);
    in.literal(" ");
    p.date.month = in.name(months) + 1;
    in.literal(" ");
    p.date.year = in.number(4);
    in.literal(" ");
    read_clock(in, p);
    in.literal(" GMT");
    if (in.finished()) return seconds_of(p);
  }
  {  // Sunday, 06-Nov-94 08:49:37 GMT
    parts p;
    reader in(text);
    p.weekday = in.name(long_days);
    in.literal(", ");
    p.date.day = in.number(2);
    in.literal("-");
    p.date.month = in.name(months) + 1;
    in.literal("-");
    const int two_digits = in.number(2);
    in.literal(" ");
    read_clock(in, p);
    in.literal(" GMT");
    if (in.finished()) {
      const std::int64_t year = civil_from(now_seconds / day_seconds).year;
      p.date.year = year - year % 100 + two_digits;
      if (p.date.year > year + 50) p.date.year -= 100;
      return seconds_of(p);
    }
  }
  {  // Sun Nov  6 08:49:37 1994
    parts p;
    reader in(text);
    p.weekday = in.name(days);
    in.literal(" ");
    p.date.month = in.name(months) + 1;
    in.literal(" ");
    p.date.day = in.padded_day();
    in.literal(" ");
    read_clock(in, p);
    in.literal(" ");
    p.date.year = in.number(4);
    if (in.finished()) return seconds_of(p);
  }
  return {};
}

}  // namespace weir::http
