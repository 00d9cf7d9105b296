// http/head_parser.cpp - the walk over a request head, and the judgement of a complete one.
#include <weir/http/head_parser.hpp>

#include <algorithm>
#include <cstring>

#include <weir/platform/assert.hpp>

#include "class_scan.hpp"
#include "field_scanner.hpp"
#include "known_name.hpp"
#include "target_scan.hpp"

namespace weir::http {

namespace {

// A field line takes four bytes at least, so a table that large holds every head.
constexpr std::size_t fields_room(std::size_t header_fields_max, std::size_t head_bytes_max) {
  return std::min(header_fields_max, head_bytes_max / 4 + 1);
}

}  // namespace

head_storage::head_storage(const limits& bounds)
    : fields_max_(fields_room(bounds.header_fields_max, bounds.head_bytes_max)),
      scratch_bytes_(bounds.head_bytes_max),
      fields_(std::make_unique<header_field[]>(fields_max_)),
      scratch_(std::make_unique_for_overwrite<char[]>(scratch_bytes_)),
      kernel_(detail::best_kernel()) {}

head_rules::head_rules(const limits& bounds, bool is_secure) noexcept
    : head_bytes_max(static_cast<std::uint32_t>(bounds.head_bytes_max)),
      target_bytes_max(static_cast<std::uint32_t>(bounds.target_bytes_max)),
      header_fields_max(bounds.header_fields_max),
      body_bytes_max(bounds.body_bytes_max),
      secure(is_secure) {
  WEIR_ASSERT(bounds.head_bytes_max <= 16 * 1024 * 1024);  // validate() said so
  WEIR_ASSERT(bounds.target_bytes_max <= bounds.head_bytes_max);
}

parse_step head_parser::parse(std::string_view buffer, head_storage& storage,
                              request& out) noexcept {
  WEIR_ASSERT(buffer.size() >= at_);
  WEIR_ASSERT(storage.scratch_bytes_ >= rules_.head_bytes_max);
  WEIR_ASSERT(storage.fields_max_ >= fields_room(rules_.header_fields_max, rules_.head_bytes_max));
  WEIR_ASSERT(state_ != state::done);
  if (state_ == state::refused) return parse_step::refused;
  const bool in_one_piece = state_ == state::leading || state_ == state::leading_lf;
  parse_step step = walk(buffer, storage, in_one_piece);
  if (step == parse_step::done && !in_one_piece) {
    // It came in pieces and is known to be well-formed: walk it again to collect the fields.
    const std::size_t end = at_;
    state_ = state::method;
    at_ = begin_;
    step = walk(buffer.substr(0, end), storage, true);
    WEIR_ASSERT(step == parse_step::done);
    WEIR_ASSERT(at_ == end);
  }
  if (step == parse_step::more) return step;
  out.clear();
  out.verb = verb_;
  out.version_minor = minor_ == '0' ? 0 : 1;
  if (step == parse_step::refused) return step;
  fill(buffer, storage, out);
  const refusal why = judge(out, storage);
  if (!why) return parse_step::done;
  why_ = why;
  state_ = state::refused;
  return parse_step::refused;
}

parse_step head_parser::refuse(const refusal_kind& kind, std::size_t at) noexcept {
  const std::size_t in_head =
      state_ == state::leading || state_ == state::leading_lf ? at : at - begin_;
  state_ = state::refused;
  why_ = refusal(kind, in_head);
  return parse_step::refused;
}

parse_step head_parser::walk(std::string_view buffer, head_storage& storage,
                             bool collect) noexcept {
  const std::size_t from = at_;
  parse_step step = skip_blank_lines(buffer);
  if (step == parse_step::done) {
    // What lies past the limit is not looked at, so that its arrival cannot change the answer.
    const std::string_view head = buffer.substr(0, begin_ + rules_.head_bytes_max);
    step = read_request_line(head, storage);
    if (step == parse_step::done) step = read_fields(head, storage, collect);
    if (step == parse_step::more && at_ - begin_ == rules_.head_bytes_max) {
      step = refuse(state_ == state::target ? refusals::target_too_long : refusals::head_too_large,
                    at_);
    }
  }
  examined_ += at_ - from;
  return step;
}

// RFC 9112 2.2: at least one empty line before a request line is ignored.
parse_step head_parser::skip_blank_lines(std::string_view buffer) noexcept {
  for (;; ++at_) {
    if (state_ != state::leading && state_ != state::leading_lf) return parse_step::done;
    if (at_ == buffer.size()) return parse_step::more;
    const char c = buffer[at_];
    if (state_ == state::leading_lf) {
      if (c != '\n') return refuse(refusals::bare_cr, at_);
      ++blank_lines_;
      state_ = state::leading;
    } else if (c == '\r') {
      if (blank_lines_ == blank_lines_max) return refuse(refusals::too_many_blank_lines, at_);
      state_ = state::leading_lf;
    } else if (c == '\n') {
      return refuse(refusals::bare_lf, at_);
    } else {
      begin_ = at_;
      state_ = state::method;
      return parse_step::done;
    }
  }
}

parse_step head_parser::read_request_line(std::string_view head, head_storage& storage) noexcept {
  if (state_ == state::method) {
    const parse_step step = read_method(head);
    if (step != parse_step::done) return step;
  }
  if (state_ == state::target) {
    const parse_step step = read_target(head, storage);
    if (step != parse_step::done) return step;
  }
  return state_ == state::fields ? parse_step::done : read_version(head);
}

parse_step head_parser::read_method(std::string_view head) noexcept {
  const char* const base = head.data();
  if (at_ == begin_ && head.substr(at_, 4) == "GET ") {  // nearly all there are
    verb_ = method::get;
    target_at_ = at_ += 4;
    state_ = state::target;
    return parse_step::done;
  }
  // One byte more than a method may have decides.
  const std::size_t stop = std::min(head.size(), begin_ + method_bytes_max + 1);
  at_ = static_cast<std::size_t>(detail::skip(base + at_, base + stop, detail::token_chars) - base);
  if (at_ - begin_ > method_bytes_max) return refuse(refusals::method_not_implemented, at_ - 1);
  if (at_ == head.size()) return parse_step::more;
  if (head[at_] != ' ' || at_ == begin_) {
    return refuse(head[at_] == '\n' ? refusals::bare_lf : refusals::bad_method, at_);
  }
  verb_ = parse_method(head.substr(begin_, at_ - begin_));
  if (verb_ == method::unknown) return refuse(refusals::method_not_implemented, begin_);
  target_at_ = ++at_;
  state_ = state::target;
  return parse_step::done;
}

parse_step head_parser::read_target(std::string_view head, head_storage& storage) noexcept {
  const char* const base = head.data();
  const std::size_t stop =
      std::min<std::size_t>(head.size(), target_at_ + rules_.target_bytes_max + 1);
  detail::class_scan scan(storage.kernel_, detail::target_classes, head, base + at_);
  at_ = std::min(static_cast<std::size_t>(scan.skip_second(base + at_) - base), stop);
  if (at_ - target_at_ > rules_.target_bytes_max) {
    return refuse(refusals::target_too_long, at_ - 1);
  }
  if (at_ == head.size()) return parse_step::more;
  if (head[at_] != ' ') {
    return refuse(head[at_] == '\n' ? refusals::bare_lf : refusals::bad_target, at_);
  }
  target_end_ = at_;
  const std::string_view raw = head.substr(target_at_, target_end_ - target_at_);
  const refusal why = detail::parse_target_in(
      verb_, raw, rules_.secure, {storage.scratch_.get(), storage.scratch_bytes_}, scan, target_);
  if (why) return refuse(*why.kind(), target_at_);
  // Known, well-formed, and not offered by an origin server.
  if (verb_ == method::connect) return refuse(refusals::method_not_implemented, begin_);
  version_at_ = ++at_;
  state_ = state::version;
  return parse_step::done;
}

// RFC 9112 2.3: "HTTP/" DIGIT "." DIGIT, case-sensitive, directly followed by CRLF.
parse_step head_parser::read_version(std::string_view head) noexcept {
  constexpr std::string_view name = "HTTP/";
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (at_ == version_at_ && head.size() - at_ >= 10) {
    // All of it is there, and nearly always says 1.1 or 1.0.
    const char* const line = head.data() + at_;
    if (std::memcmp(line, "HTTP/1.", 7) == 0 && is_digit(line[7]) &&
        std::memcmp(line + 8, "\r\n", 2) == 0) {
      minor_ = line[7];
      at_ += 10;
      return end_request_line();
    }
  }
  for (; at_ < head.size(); ++at_) {
    const char c = head[at_];
    if (state_ == state::version_lf) {
      if (c != '\n') return refuse(refusals::bare_cr, at_);
      ++at_;
      return end_request_line();
    }
    const std::size_t i = at_ - version_at_;
    bool good = false;
    if (i < name.size()) {
      good = c == name[i];
    } else if (i == 5) {
      good = is_digit(c);
      major_ = c;
    } else if (i == 6) {
      good = c == '.';
    } else if (i == 7) {
      good = is_digit(c);
      minor_ = c;
    } else if (c == '\n') {
      return refuse(refusals::bare_lf, at_);
    } else {
      good = c == '\r';
      if (good && major_ != '1') return refuse(refusals::version_not_supported, version_at_);
      state_ = state::version_lf;
    }
    if (!good) {
      minor_ = '1';  // answered as 1.1
      return refuse(refusals::bad_version, at_);
    }
  }
  return parse_step::more;
}

parse_step head_parser::end_request_line() noexcept {
  fields_ = {};
  fields_.at = at_;
  state_ = state::fields;
  return parse_step::done;
}

parse_step head_parser::read_fields(std::string_view head, head_storage& storage,
                                    bool collect) noexcept {
  const detail::field_rules rules{rules_.header_fields_max, &refusals::too_many_headers};
  const refusal_kind* why = nullptr;
  header_field* const into = collect ? storage.fields_.get() : nullptr;
  const parse_step step = detail::scan_fields(fields_, rules, head, storage.kernel_, into, why);
  at_ = fields_.at;
  if (step == parse_step::refused) return refuse(*why, at_);
  if (step == parse_step::done) state_ = state::done;
  return step;
}

void head_parser::fill(std::string_view buffer, const head_storage& storage,
                       request& out) const noexcept {
  out.form = target_.form;
  out.has_query = target_.has_query;
  out.target = buffer.substr(target_at_, target_end_ - target_at_);
  out.path = target_.path;
  out.query = target_.query;
  out.authority = target_.authority;
  out.fields = {storage.fields_.get(), fields_.fields};
}

namespace {

// The fields that a head is judged by, found in one pass.
struct known_fields {
  const header_field* host = nullptr;
  bool host_repeated = false;
  bool sensitive_repeated = false;
  bool close = false;
  bool keep_alive = false;
  bool expects_continue = false;
  bool expects_other = false;
  std::uint32_t cookies = 0;
  framing_fields framing;
};

void read_connection(std::string_view value, known_fields& out) noexcept {
  constexpr auto keep_alive = detail::known("keep-alive");
  constexpr auto close = detail::known("close");
  if (keep_alive.matches(value)) {  // what nearly everybody says
    out.keep_alive = true;
    return;
  }
  list_elements options(value);
  for (std::string_view option; options.next(option);) {
    if (keep_alive.matches(option)) out.keep_alive = true;
    if (close.matches(option)) out.close = true;
  }
}

void read_expect(std::string_view value, known_fields& out) noexcept {
  list_elements expectations(value);
  for (std::string_view expectation; expectations.next(expectation);) {
    (iequals(expectation, "100-continue") ? out.expects_continue : out.expects_other) = true;
  }
}

known_fields read_known(std::span<const header_field> fields) noexcept {
  known_fields out;
  // Two of these and two programs may each believe another one.
  const header_field* content_type = nullptr;
  const header_field* authorization = nullptr;
  const header_field* api_key = nullptr;
  const auto once = [&out](const header_field*& seen, const header_field& field) {
    if (seen != nullptr) out.sensitive_repeated = true;
    seen = &field;
  };
  for (const header_field& field : fields) {
    switch (field.name.size()) {  // the length tells nearly all apart
      case 4:
        if (!detail::known("host").matches(field.name)) break;
        if (out.host != nullptr) out.host_repeated = true;
        out.host = &field;
        break;
      case 6:
        if (detail::known("cookie").matches(field.name)) ++out.cookies;
        if (detail::known("expect").matches(field.name)) read_expect(field.value, out);
        break;
      case 9:
        if (detail::known("x-api-key").matches(field.name)) once(api_key, field);
        break;
      case 10:
        if (detail::known("connection").matches(field.name)) read_connection(field.value, out);
        break;
      case 12:
        if (detail::known("content-type").matches(field.name)) once(content_type, field);
        break;
      case 13:
        if (detail::known("authorization").matches(field.name)) once(authorization, field);
        break;
      case framing_fields::length_name_bytes:
      case framing_fields::coding_name_bytes: out.framing.look_at(field); break;
      default: break;
    }
  }
  return out;
}

// RFC 6265 5.4 and RFC 9113 8.2.3: cookie lines mean what one line joined with "; " means. The
// first line becomes the joined one, the others go. Returns the number of fields left. `room` has
// as many bytes as the lines had in the head: a line costs more there than "; " costs here.
std::size_t join_cookies(std::span<header_field> fields, std::span<char> room) noexcept {
  std::size_t kept = 0;
  std::size_t size = 0;
  header_field* cookie = nullptr;
  for (const header_field& field : fields) {
    if (!iequals(field.name, "cookie")) {
      fields[kept++] = field;
      continue;
    }
    // An empty line adds nothing: "; " at an end would be white space around a value.
    const bool separated = size != 0 && !field.value.empty();
    for (const std::string_view part : {std::string_view(separated ? "; " : ""), field.value}) {
      WEIR_ASSERT(part.size() <= room.size() - size);
      part.copy(room.data() + size, part.size());
      size += part.size();
    }
    if (cookie == nullptr) {
      cookie = &fields[kept];
      fields[kept++] = field;
    }
  }
  WEIR_ASSERT(cookie != nullptr);
  cookie->value = {room.data(), size};
  return kept;
}

}  // namespace

// The order is part of the behaviour: Host, repeats, framing, expectation.
refusal head_parser::judge(request& out, head_storage& storage) const noexcept {
  const known_fields known = read_known(out.fields);
  const bool is_1_0 = out.version_minor == 0;
  if (known.host_repeated) return refusals::duplicate_host;
  if (known.host == nullptr) {
    if (!is_1_0) return refusals::missing_host;
  } else {
    if (!is_authority(known.host->value)) return refusals::bad_host;
    // RFC 9112 3.2.2: the authority of an absolute-form target wins over Host.
    if (out.authority.empty()) out.authority = known.host->value;
  }
  if (known.sensitive_repeated) return refusals::duplicate_header;
  const refusal why =
      decide_framing(known.framing, out.version_minor, rules_.body_bytes_max, out.framing);
  if (why) return why;
  // RFC 9112 9.3: 1.1 persists unless told otherwise, 1.0 only when asked; close wins.
  out.keep_alive = !known.close && (!is_1_0 || known.keep_alive);
  // RFC 9110 10.1.1: an expectation of 1.0 is ignored.
  if (!is_1_0) {
    if (known.expects_other) return refusals::expectation_failed;
    out.expects_continue = known.expects_continue && out.framing.has_body();
  }
  if (known.cookies > 1) {
    // The decoded path may lie at the front of the scratch; it is no longer than the target.
    const std::size_t used = out.target.size();
    const std::span<char> room(storage.scratch_.get() + used, storage.scratch_bytes_ - used);
    out.fields = out.fields.first(join_cookies({storage.fields_.get(), out.fields.size()}, room));
  }
  return {};
}

}  // namespace weir::http
