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
// A state is a place where the input may end; from one to the next it falls through, so that a turn
// of the loop is a line.
inline parse_step scan_fields(field_progress& progress, const field_rules& rules,
                              std::string_view buffer, scan_kernel kernel, header_field* into,
                              const refusal_kind*& why) noexcept {
  using state = field_progress::state;
  const char* const base = buffer.data();
  const char* const end = base + buffer.size();
  const char* p = base + progress.at;
  const char* name = p;
  const char* colon = p;
  std::uint32_t fields = progress.fields;
  state now = progress.now;
  class_scan scan(kernel, field_classes, buffer, p);
  const auto leave = [&](parse_step step) {
    progress.at = static_cast<std::size_t>(p - base);
    progress.fields = fields;
    progress.now = now;
    return step;
  };
  while (p != end) {
    switch (now) {
      case state::line_start:
        if (*p == '\r') {
          ++p;
          now = state::end_lf;
          break;
        }
        if (!is(*p, token_chars)) {
          why = *p == '\n'                ? &refusals::bare_lf
                : *p == ' ' || *p == '\t' ? &refusals::obs_fold
                                          : &refusals::bad_header_name;
          return leave(parse_step::refused);
        }
        if (fields == rules.fields_max) {
          why = rules.too_many;
          return leave(parse_step::refused);
        }
        ++fields;
        name = p;
        now = state::name;
        [[fallthrough]];
      case state::name:
        p = scan.skip_first(p);  // token_chars
        if (p == end) break;
        if (*p != ':') {
          why = *p == '\n' ? &refusals::bare_lf : &refusals::bad_header_name;
          return leave(parse_step::refused);
        }
        colon = p++;
        now = state::value;
        [[fallthrough]];
      case state::value:
        p = scan.skip_second(p);  // value_chars, white space among them
        if (p == end) break;
        if (*p != '\r') {
          why = *p == '\n' ? &refusals::bare_lf : &refusals::bad_header_value;
          return leave(parse_step::refused);
        }
        if (into != nullptr) {
          *into++ = {std::string_view(name, static_cast<std::size_t>(colon - name)),
                     trimmed_value(colon + 1, p)};
        }
        ++p;
        now = state::line_lf;
        if (p == end) break;
        [[fallthrough]];
      case state::line_lf:
        if (*p != '\n') {
          why = &refusals::bare_cr;
          return leave(parse_step::refused);
        }
        ++p;
        now = state::line_start;
        break;
      case state::end_lf:
        if (*p != '\n') {
          why = &refusals::bare_cr;
          return leave(parse_step::refused);
        }
        ++p;
        return leave(parse_step::done);
    }
  }
  return leave(parse_step::more);
}

}  // namespace weir::http::detail
