// support/answer_reader.hpp - reads a server's answers for tests: strict, and not weir's parser.
//
// It shares no code with what it tests. Anything a client could stumble over is remembered as
// broken(), with a sentence: a tool that repairs what it reads would hide what it is for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::test {

struct answer {
  int status = 0;
  std::string reason;
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case
  std::string body;
  std::vector<std::pair<std::string, std::string>> trailers;
  std::vector<int> interim;  // 1xx that came before it
  bool chunked = false;
  bool until_close = false;  // the end of the stream ended the body
  bool complete = false;

  // The value of the first field of that name (lower case), "" when there is none.
  std::string_view field(std::string_view name) const;
  bool closes() const { return field("connection").ends_with("close"); }
};

class answer_reader {
 public:
  // The methods of the requests sent, in order: an answer to HEAD has no body, and more answers
  // than requests are broken. Unknown requests (none told) are taken for GET without end.
  void expect(std::string_view method) { methods_.emplace_back(method); }

  void feed(std::string_view bytes);
  // The stream ended in order. Ends a body that the end ends; anything else cut short is broken.
  void end();

  // Complete answers in order; the last one may be incomplete.
  const std::vector<answer>& answers() const { return answers_; }
  std::size_t complete() const { return complete_; }
  // 1xx answers so far, also those whose final answer has not come.
  std::size_t interim() const { return interim_; }
  // "" or the first rule the server broke.
  const std::string& broken() const { return broken_; }
  // Whether the bytes so far end between two answers.
  bool between() const { return at_ == state::status_line && buffer_.size() == used_; }

 private:
  enum class state : std::uint8_t {
    status_line,
    fields,
    counted_body,
    chunk_size,
    chunk_data,
    chunk_end,
    trailers,
    body_until_close,
    over,  // nothing may follow
  };
  bool step();
  bool line(std::string_view& out);
  void status_line(std::string_view text);
  void field_line(std::string_view text, std::vector<std::pair<std::string, std::string>>& into);
  void head_done();
  void answer_done();
  void chunk_size(std::string_view text);
  void fail(std::string what);

  std::deque<std::string> methods_;
  std::size_t asked_ = 0;  // methods used
  std::string buffer_;
  std::size_t used_ = 0;
  state at_ = state::status_line;
  answer now_;
  std::uint64_t left_ = 0;
  std::vector<answer> answers_;
  std::size_t complete_ = 0;
  std::size_t interim_ = 0;
  std::vector<int> interim_now_;
  std::string broken_;
};

// All of `bytes`; `ended` when the stream ended in order behind them.
answer_reader read_answers(std::string_view bytes, bool ended,
                           const std::vector<std::string>& methods = {});

}  // namespace weir::test
