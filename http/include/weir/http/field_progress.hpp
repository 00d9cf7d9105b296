// http/field_progress.hpp - what a parser remembers between two pieces of input. An implementation
// detail of the parsers, public only because they hold it by value.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weir::http {

enum class parse_step : std::uint8_t {
  more,     // no decision yet: call again when there are more bytes
  done,     // the whole head, or the whole body, was read
  refused,  // see why(); nothing that follows may be parsed
};

namespace detail {

// Where a walk over field lines stands. Positions, not pointers: the buffer may move.
struct field_progress {
  enum class state : std::uint8_t { line_start, name, value, line_lf, end_lf };

  std::size_t at = 0;        // the next byte to look at
  std::uint32_t fields = 0;  // lines begun
  state now = state::line_start;
};

}  // namespace detail
}  // namespace weir::http
