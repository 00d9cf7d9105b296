// http/head_parser.hpp - request heads, pushed as bytes arrive. No I/O, no clock, no allocation.
//
// How it works: one state machine walks the head and refuses at the first byte that no valid head
// can have there. It keeps positions only, so a parser is small, the buffer may move, and an idle
// connection holds no tables. When a head arrived in one piece (nearly always) the fields are
// collected on the way; when it came in pieces, the complete head is walked once more to collect
// them. So at most two looks at a byte, whatever the pieces, and every split of the same bytes
// gives the same answer.
//
// A maintainer must not break: (1) what is refused may depend on the bytes only, never on where
// they were split; (2) syntax is judged in the order of the bytes, meaning (Host, framing,
// expectations) only when the head is complete, in the fixed order of `judge`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <weir/http/field_progress.hpp>
#include <weir/http/limits.hpp>
#include <weir/http/refusal.hpp>
#include <weir/http/request.hpp>
#include <weir/platform/export.hpp>

namespace weir::http {

namespace detail {
struct block_stops;
struct class_pair;
using scan_kernel = block_stops (*)(const char* block, const class_pair& classes);
}  // namespace detail

// Tables and scratch that a finished head points into. Allocated once, by the constructor, for the
// largest head the limits allow (about 36 KiB by default); one per scheduler is enough, because
// between two calls only finished requests need it. The views of a request die with the next
// parse() that uses the same storage.
class head_storage {
 public:
  WEIR_EXPORT explicit head_storage(const limits& bounds);

 private:
  friend class head_parser;
  std::size_t fields_max_;
  std::size_t scratch_bytes_;
  std::unique_ptr<header_field[]> fields_;
  std::unique_ptr<char[]> scratch_;  // decoded path, then joined cookies
  detail::scan_kernel kernel_;
};

// What the parser must know. A part of `limits`, copied so that a parser stays small.
struct head_rules {
  std::uint32_t head_bytes_max = 0;
  std::uint32_t target_bytes_max = 0;
  std::uint32_t header_fields_max = 0;
  std::uint64_t body_bytes_max = 0;
  bool secure = false;  // the connection is TLS: decides which absolute-form targets are ours

  head_rules() = default;
  WEIR_EXPORT head_rules(const limits& bounds, bool is_secure) noexcept;
};

// One connection's parser. Not for two threads.
class head_parser {
 public:
  explicit head_parser(const head_rules& rules) noexcept : rules_(rules) {}

  // Whether the connection is TLS, when the rules were made for other connections too.
  void speak(bool secure) noexcept { rules_.secure = secure; }

  // Looks at `buffer`: all bytes of this request received so far, from its first byte (leading
  // CRLFs included); a later call passes the same bytes and more, at any address. A buffer of
  // buffer_bytes_max() bytes is enough for every head. On `done`, `out` is filled with views into
  // `buffer` and `storage`, and the body starts at byte consumed(); call reset() before the next
  // request. On `refused`, why() says why, and `out` has the version and method where known.
  WEIR_EXPORT parse_step parse(std::string_view buffer, head_storage& storage,
                               request& out) noexcept;

  // Ready for the next request of the connection.
  void reset() noexcept {  // the rest is written before it is read
    state_ = state::leading;
    at_ = 0;
    blank_lines_ = 0;
    verb_ = method::unknown;
    minor_ = '1';
    examined_ = 0;
    why_ = {};
  }

  refusal why() const noexcept { return why_; }
  // Of the request that has begun, as soon as that much of it is here; unknown before.
  http::method verb() const noexcept { return verb_; }
  // Bytes of the head, leading CRLFs included, once parse() said `done`.
  std::size_t consumed() const noexcept { return at_; }
  // Whether a request has begun: a byte other than leading CRLF was seen. An idle connection that
  // ends before is closed silently, after it with 408.
  bool begun() const noexcept { return state_ != state::leading && state_ != state::leading_lf; }
  // Bytes the scan loops have looked at since reset(): never more than twice what was received.
  std::uint64_t bytes_examined() const noexcept { return examined_; }

  // A buffer that holds this many bytes holds every head that is not refused.
  std::size_t buffer_bytes_max() const noexcept {
    return rules_.head_bytes_max + 2 * blank_lines_max;
  }

  static constexpr std::uint32_t blank_lines_max = 4;    // CRLFs before the request line
  static constexpr std::uint32_t method_bytes_max = 32;  // a longer token is answered 501

 private:
  enum class state : std::uint8_t {
    leading,
    leading_lf,
    method,
    target,
    version,
    version_lf,
    fields,
    done,
    refused,
  };
  parse_step walk(std::string_view buffer, head_storage& storage, bool collect) noexcept;
  parse_step skip_blank_lines(std::string_view buffer) noexcept;
  parse_step read_request_line(std::string_view head, head_storage& storage) noexcept;
  parse_step read_method(std::string_view head) noexcept;
  parse_step read_target(std::string_view head, head_storage& storage) noexcept;
  parse_step read_version(std::string_view head) noexcept;
  parse_step end_request_line() noexcept;
  parse_step read_fields(std::string_view head, head_storage& storage, bool collect) noexcept;
  void fill(std::string_view buffer, const head_storage& storage, request& out) const noexcept;
  refusal judge(request& out, head_storage& storage) const noexcept;
  parse_step refuse(const refusal_kind& kind, std::size_t at) noexcept;

  head_rules rules_;
  refusal why_;
  std::uint64_t examined_ = 0;
  std::size_t at_ = 0;     // the next byte to look at
  std::size_t begin_ = 0;  // first byte of the method
  std::size_t target_at_ = 0;
  std::size_t target_end_ = 0;
  std::size_t version_at_ = 0;
  target_parts target_;  // valid within one call only
  state state_ = state::leading;
  std::uint8_t blank_lines_ = 0;
  http::method verb_ = http::method::unknown;
  char major_ = '1';
  char minor_ = '1';
  detail::field_progress fields_;
};

}  // namespace weir::http
