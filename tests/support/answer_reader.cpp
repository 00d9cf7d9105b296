// support/answer_reader.cpp - see the header.
#include "support/answer_reader.hpp"

#include <algorithm>

namespace weir::test {
namespace {

constexpr std::size_t line_bytes_max = 16 * 1024;

bool is_token(std::string_view text) {
  static constexpr std::string_view more = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           more.find(c) != std::string_view::npos;
  });
}

bool is_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return (u >= 0x20 && u != 0x7f) || c == '\t';
  });
}

bool has_edge_space(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  return !text.empty() && (blank(text.front()) || blank(text.back()));
}

// Plain digits, no sign, no leading zero, and small enough to believe.
bool number(std::string_view text, unsigned base, std::uint64_t& out) {
  if (text.empty() || text.size() > 15 || (text.size() > 1 && text.front() == '0')) return false;
  out = 0;
  for (const char c : text) {
    unsigned digit = 99;
    if (c >= '0' && c <= '9') digit = static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') digit = static_cast<unsigned>(c - 'a') + 10;
    if (c >= 'A' && c <= 'F') digit = static_cast<unsigned>(c - 'A') + 10;
    if (digit >= base) return false;
    out = out * base + digit;
  }
  return true;
}

std::size_t count(const answer& a, std::string_view name) {
  return static_cast<std::size_t>(std::count_if(a.fields.begin(), a.fields.end(),
                                                [&](const auto& f) { return f.first == name; }));
}

}  // namespace

std::string_view answer::field(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (key == name) return value;
  }
  return {};
}

void answer_reader::fail(std::string what) {
  if (broken_.empty()) {
    broken_ = "answer " + std::to_string(answers_.size() + 1) + ": " + std::move(what);
  }
  at_ = state::over;
}

void answer_reader::feed(std::string_view bytes) {
  buffer_.append(bytes);
  while (broken_.empty() && step()) {
  }
  if (used_ > 64 * 1024) {
    buffer_.erase(0, used_);
    used_ = 0;
  }
}

bool answer_reader::line(std::string_view& out) {
  const std::string_view rest = std::string_view(buffer_).substr(used_);
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) {
    if (rest.size() > line_bytes_max) fail("a line without end");
    return false;
  }
  if (end == 0 || rest[end - 1] != '\r') {
    fail("a line ends in a lone LF");
    return false;
  }
  out = rest.substr(0, end - 1);
  used_ += end + 1;
  if (out.find('\r') != std::string_view::npos) {
    fail("a CR inside a line");
    return false;
  }
  return true;
}

// One line or one stretch of a body; false when more bytes are needed.
bool answer_reader::step() {
  const std::string_view rest = std::string_view(buffer_).substr(used_);
  std::string_view text;
  switch (at_) {
    case state::status_line:
      if (rest.empty() || !line(text)) return false;
      status_line(text);
      return true;
    case state::fields:
      if (!line(text)) return false;
      if (text.empty()) {
        head_done();
      } else {
        field_line(text, now_.fields);
      }
      return true;
    case state::counted_body:
    case state::chunk_data: {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest.size()));
      now_.body.append(rest.substr(0, n));
      used_ += n;
      left_ -= n;
      if (left_ > 0) return false;
      if (at_ == state::counted_body) {
        answer_done();
      } else {
        at_ = state::chunk_end;
      }
      return true;
    }
    case state::chunk_end:
      if (rest.size() < 2) return false;
      if (!rest.starts_with("\r\n")) {
        fail("chunk data is not followed by CRLF");
        return false;
      }
      used_ += 2;
      at_ = state::chunk_size;
      return true;
    case state::chunk_size:
      if (!line(text)) return false;
      chunk_size(text);
      return true;
    case state::trailers:
      if (!line(text)) return false;
      if (text.empty()) {
        answer_done();
      } else {
        field_line(text, now_.trailers);
      }
      return true;
    case state::body_until_close:
      now_.body.append(rest);
      used_ += rest.size();
      return false;
    case state::over:
      if (!rest.empty()) fail("bytes behind the answer that closes");
      return false;
  }
  return false;
}

void answer_reader::status_line(std::string_view text) {
  now_ = answer();
  std::uint64_t status = 0;
  if (!text.starts_with("HTTP/1.1 ") || text.size() < 13 || text[12] != ' ' ||
      !number(text.substr(9, 3), 10, status) || status < 100 || status > 599 ||
      !is_text(text.substr(13)) || has_edge_space(text.substr(13))) {
    return fail("a bad status line: " + std::string(text));
  }
  now_.status = static_cast<int>(status);
  now_.reason = text.substr(13);
  if (status >= 200 && !methods_.empty() && asked_ == methods_.size()) {
    return fail("more answers than requests");
  }
  at_ = state::fields;
}

void answer_reader::field_line(std::string_view text,
                               std::vector<std::pair<std::string, std::string>>& into) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  if (colon == std::string_view::npos || !is_token(name)) {
    return fail("a bad field line: " + std::string(text));
  }
  std::string_view value = text.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (has_edge_space(value) || !is_text(value))
    return fail("a bad field value: " + std::string(text));
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  into.emplace_back(std::move(lower), value);
}

void answer_reader::head_done() {
  for (const std::string_view once :
       {"content-length", "transfer-encoding", "connection", "date", "server", "content-type"}) {
    if (count(now_, once) > 1) return fail("more than one " + std::string(once));
  }
  const bool counted = count(now_, "content-length") == 1;
  const bool coded = count(now_, "transfer-encoding") == 1;
  if (now_.status < 200) {
    if (counted || coded) return fail("a 1xx answer with framing");
    ++interim_;
    interim_now_.push_back(now_.status);
    at_ = state::status_line;
    return;
  }
  now_.interim = std::exchange(interim_now_, {});
  if (counted && coded) return fail("Content-Length beside Transfer-Encoding");
  if (coded && now_.field("transfer-encoding") != "chunked") return fail("an odd transfer coding");
  if (counted && !number(now_.field("content-length"), 10, left_)) return fail("a bad length");
  if (count(now_, "date") == 0 && now_.status < 500) return fail("no Date");
  const std::string_view connection = now_.field("connection");
  const std::string_view known[] = {"", "close", "keep-alive", "upgrade, close",
                                    "upgrade, keep-alive"};
  if (std::find(std::begin(known), std::end(known), connection) == std::end(known)) {
    return fail("an odd Connection: " + std::string(connection));
  }
  const bool head = asked_ < methods_.size() && methods_[asked_] == "HEAD";
  if (asked_ < methods_.size()) ++asked_;
  now_.chunked = coded;
  if (now_.status == 204 && (counted || coded)) return fail("204 with framing");
  if (head || now_.status == 204 || now_.status == 304) return answer_done();
  if (coded) {
    at_ = state::chunk_size;
  } else if (counted) {
    at_ = state::counted_body;
  } else if (!now_.closes()) {
    return fail("a body that nothing ends");
  } else {
    now_.until_close = true;
    at_ = state::body_until_close;
  }
}

void answer_reader::chunk_size(std::string_view text) {
  if (!number(text, 16, left_)) return fail("a bad chunk size: " + std::string(text));
  at_ = left_ == 0 ? state::trailers : state::chunk_data;
}

void answer_reader::answer_done() {
  now_.complete = true;
  ++complete_;
  at_ = now_.closes() ? state::over : state::status_line;
  answers_.push_back(std::move(now_));
}

void answer_reader::end() {
  if (!broken_.empty()) return;
  switch (at_) {
    case state::body_until_close: answer_done(); return;
    case state::over: return;
    case state::status_line:
      if (!between()) fail("the stream ends inside a status line");
      if (!interim_now_.empty()) fail("the stream ends behind a 1xx answer");
      return;
    default: fail("the stream ends inside an answer");
  }
}

answer_reader read_answers(std::string_view bytes, bool ended,
                           const std::vector<std::string>& methods) {
  answer_reader reader;
  for (const std::string& method : methods) reader.expect(method);
  reader.feed(bytes);
  if (ended) reader.end();
  return reader;
}

}  // namespace weir::test
