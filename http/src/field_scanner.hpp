// http/field_scanner.hpp - the one state machine for field lines: header and trailer sections.
//
// It decides at the first byte that is wrong, however the bytes arrive, looks at none of them
// twice, and keeps positions, not pointers, so the buffer may move between calls. Whoever wants the
// fields passes room for them in a call that sees the section from its first byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <weir/http/field_progress.hpp>
#include <weir/http/header.hpp>
#include <weir/http/refusal.hpp>

#include "class_scan.hpp"

namespace weir::http::detail {

struct field_rules {
  std::uint32_t fields_max;
  const refusal_kind* too_many;  // the answer to one field more
};

// What stands between the colon and the CR, without the white space around it. Nearly always that
// is one space in front; of value_chars, only white space is not above ' '.
inline std::string_view trimmed_value(const char* begin, const char* end) noexcept {
  if (*begin == ' ') ++begin;
  const std::string_view value(begin, static_cast<std::size_t>(end - begin));
  const auto above_space = [](char c) { return static_cast<unsigned char>(c) > ' '; };
  return above_space(*begin) && above_space(end[-1]) ? value : trim_ows(value);
}

// Goes on in `buffer`, which begins where it began in the call before; progress.at is the first
// byte not yet looked at. Each complete line becomes one field in `into`, which has room for
// rules.fields_max and may be null. Afterwards progress.fields says how many lines began, and
// progress.at is, for `done`, the byte after the section, for `refused` the offending byte, with
// the reason in `why`.
//
// A state is a place where the input may end. A turn of the loop is a line, and a call that goes on
// inside a line enters the loop there.
inline parse_step scan_fields(field_progress& progress, const field_rules& rules,
                              std::string_view buffer, scan_kernel kernel, header_field* into,
                              const refusal_kind*& why) noexcept {
  using state = field_progress::state;
  const char* const base = buffer.data();
  const char* const end = base + buffer.size();
  const char* p = base + progress.at;
  if (p == end) return parse_step::more;
  const char* name = p;
  const char* colon = p;
  std::uint32_t fields = progress.fields;
  class_scan scan(kernel, field_classes, buffer, p);
  const auto leave = [&](parse_step step, state now) {
    progress.at = static_cast<std::size_t>(p - base);
    progress.fields = fields;
    progress.now = now;
    return step;
  };
  const auto refuse = [&](const refusal_kind& kind) {
    why = &kind;
    return leave(parse_step::refused, progress.now);
  };
  if (progress.now == state::name) p = scan.skip_first(p);
  switch (progress.now) {
    case state::line_start:
      for (;;) {
        name = p;
        p = scan.skip_first(p);  // token_chars
        if (p == name) {
          if (p == end) return leave(parse_step::more, state::line_start);
          if (*p == '\r') break;
          return refuse(*p == '\n'                ? refusals::bare_lf
                        : *p == ' ' || *p == '\t' ? refusals::obs_fold
                                                  : refusals::bad_header_name);
        }
        if (fields == rules.fields_max) {
          p = name;
          return refuse(*rules.too_many);
        }
        ++fields;
        [[fallthrough]];
        case state::name:
          if (p == end) return leave(parse_step::more, state::name);
          if (*p != ':') return refuse(*p == '\n' ? refusals::bare_lf : refusals::bad_header_name);
          colon = p++;
          [[fallthrough]];
        case state::value:
          p = scan.skip_second(p);  // value_chars, white space among them
          if (p == end) return leave(parse_step::more, state::value);
          if (*p != '\r') {
            return refuse(*p == '\n' ? refusals::bare_lf : refusals::bad_header_value);
          }
          if (into != nullptr) {
            *into++ = {std::string_view(name, static_cast<std::size_t>(colon - name)),
                       trimmed_value(colon + 1, p)};
          }
          ++p;
          if (p == end) return leave(parse_step::more, state::line_lf);
          [[fallthrough]];
        case state::line_lf:
          if (*p != '\n') return refuse(refusals::bare_cr);
          ++p;
      }
      ++p;
      if (p == end) return leave(parse_step::more, state::end_lf);
      [[fallthrough]];
    case state::end_lf:
      if (*p != '\n') return refuse(refusals::bare_cr);
      ++p;
  }
  return leave(parse_step::done, state::line_start);
}

}  // namespace weir::http::detail
