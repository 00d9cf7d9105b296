// http/field_scanner.hpp - the one state machine for field lines: header and trailer sections.
//
// It looks at each byte once however the bytes arrive, decides at the first byte that is wrong, and
// keeps positions, not pointers, so the buffer may move between calls. Whoever wants the fields
// passes a sink in a call that sees the section from its first byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <weir/http/field_progress.hpp>
#include <weir/http/refusal.hpp>

#include "class_scan.hpp"

namespace weir::http::detail {

struct field_rules {
  std::uint32_t fields_max;
  const refusal_kind* too_many;  // the answer to one field more
};

// Goes on in `buffer`, which begins where it began in the call before; progress.at is the first
// byte not yet looked at. `sink(name, value)` is called for each complete line (value trimmed) when
// `Collect` is set. Afterwards progress.at is, for `done`, the byte after the section, for
// `refused` the offending byte, with the reason in `why`.
//
// A state is where the input may end, and falls through to the next: one turn of the loop a line.
template <bool Collect, class Sink>
parse_step scan_fields(field_progress& progress, const field_rules& rules, std::string_view buffer,
                       scan_kernel kernel, const refusal_kind*& why, Sink&& sink) noexcept {
  using state = field_progress::state;
  class_scan scan(kernel, field_classes, buffer);
  const char* const base = buffer.data();
  const char* const end = base + buffer.size();
  const char* p = base + progress.at;
  const char* name = p;
  const char* name_end = p;
  const char* value = p;
  state now = progress.now;
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
          goto refused;
        }
        if (progress.fields == rules.fields_max) {
          why = rules.too_many;
          goto refused;
        }
        ++progress.fields;
        name = p;
        now = state::name;
        [[fallthrough]];
      case state::name:
        p = scan.skip_first(p);  // token_chars
        if (p == end) break;
        if (*p != ':') {
          why = *p == '\n' ? &refusals::bare_lf : &refusals::bad_header_name;
          goto refused;
        }
        name_end = p++;
        now = state::value_start;
        [[fallthrough]];
      case state::value_start:
        while (p != end && (*p == ' ' || *p == '\t')) ++p;
        value = p;
        now = state::value;
        [[fallthrough]];
      case state::value:
        p = scan.skip_second(p);  // value_chars
        if (p == end) break;
        if (*p != '\r') {
          why = *p == '\n' ? &refusals::bare_lf : &refusals::bad_header_value;
          goto refused;
        }
        if constexpr (Collect) {
          const char* value_end = p;
          while (value_end != value && (value_end[-1] == ' ' || value_end[-1] == '\t')) {
            --value_end;
          }
          sink(std::string_view(name, static_cast<std::size_t>(name_end - name)),
               std::string_view(value, static_cast<std::size_t>(value_end - value)));
        }
        ++p;
        now = state::line_lf;
        [[fallthrough]];
      case state::line_lf:
        if (p == end) break;
        if (*p != '\n') {
          why = &refusals::bare_cr;
          goto refused;
        }
        ++p;
        now = state::line_start;
        break;
      case state::end_lf:
        if (*p != '\n') {
          why = &refusals::bare_cr;
          goto refused;
        }
        progress.at = static_cast<std::size_t>(p + 1 - base);
        return parse_step::done;
    }
  }
  progress.at = static_cast<std::size_t>(p - base);
  progress.now = now;
  return parse_step::more;
refused:
  progress.at = static_cast<std::size_t>(p - base);
  return parse_step::refused;
}

}  // namespace weir::http::detail
