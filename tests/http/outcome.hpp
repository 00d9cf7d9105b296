// tests/http/outcome.hpp - runs the parsers over pieces of input and writes down all they said.
//
// Two runs agree exactly when their texts are equal. Each call of a parser sees its bytes in a heap
// block of exactly that size, so that AddressSanitizer sees a read one past the end. Used by the
// unit tests and by the fuzz targets; no test framework in here.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weir/http/chunked.hpp>
#include <weir/http/head_parser.hpp>

namespace weir::http::test {

// A copy of `text` in a block of its own.
class exact_copy {
 public:
  explicit exact_copy(std::string_view text)
      : bytes_(std::make_unique<char[]>(text.size())), size_(text.size()) {
    text.copy(bytes_.get(), size_);
  }
  std::string_view view() const { return {bytes_.get(), size_}; }
  // Whoever still looks at the bytes sees something else now.
  void scribble() { std::memset(bytes_.get(), '#', size_); }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_;
};

inline std::string describe(const refusal& why) {
  return std::to_string(why.status()) + " " + std::string(why.code()) + " @" +
         std::to_string(why.at());
}

inline std::string describe(const request& r) {
  std::string out(to_string(r.verb));
  const auto add = [&out](std::string_view label, std::string_view value) {
    out.append(" ").append(label).append("=[").append(value).append("]");
  };
  add("form", std::to_string(static_cast<int>(r.form)));
  add("minor", std::to_string(r.version_minor));
  add("keep", r.keep_alive ? "1" : "0");
  add("expect", r.expects_continue ? "1" : "0");
  add("target", r.target);
  add("path", r.path);
  add(r.has_query ? "query" : "no-query", r.query);
  add("authority", r.authority);
  add("body",
      std::to_string(static_cast<int>(r.framing.kind)) + "," + std::to_string(r.framing.length));
  for (const header_field& field : r.fields) add(field.name, field.value);
  return out;
}

struct head_run {
  std::string text;
  parse_step step = parse_step::more;
  refusal why;
  std::size_t consumed = 0;
  std::uint64_t examined = 0;
  std::size_t decided_at = 0;  // bytes received when the decision fell
};

// Feeds `text` with cuts before the given positions (ascending).
inline head_run run_head(std::string_view text, std::span<const std::size_t> cuts,
                         const limits& bounds = {}, bool secure = false) {
  head_storage storage(bounds);
  head_parser parser(head_rules(bounds, secure));
  request out;
  head_run run;
  const auto feed = [&](std::size_t size) {
    if (run.step != parse_step::more) return;
    const exact_copy bytes(text.substr(0, size));
    run.step = parser.parse(bytes.view(), storage, out);
    run.decided_at = size;
    if (run.step == parse_step::done) {
      run.text = describe(out) + " consumed=" + std::to_string(parser.consumed());
    }
  };
  for (const std::size_t cut : cuts) feed(cut);
  feed(text.size());
  if (run.step == parse_step::refused) run.text = describe(parser.why());
  if (run.step == parse_step::more) run.text = "more";
  run.why = parser.why();
  run.consumed = parser.consumed();
  run.examined = parser.bytes_examined();
  return run;
}

inline std::vector<std::size_t> every_byte(std::size_t size) {
  std::vector<std::size_t> cuts(size);
  for (std::size_t i = 0; i < size; ++i) cuts[i] = i;
  return cuts;
}

struct body_run {
  std::string text;  // verdict, trailers and how much was consumed
  std::string data;
  parse_step step = parse_step::more;
  refusal why;
  std::size_t consumed = 0;
};

inline body_run run_chunked(std::string_view text, std::span<const std::size_t> cuts,
                            const limits& bounds = {}) {
  chunked_decoder decoder(bounds);
  body_run run;
  const auto feed = [&](std::size_t from, std::size_t to) {
    const exact_copy bytes(text.substr(from, to - from));
    std::string_view rest = bytes.view();
    while (!rest.empty() && run.step == parse_step::more) {
      const chunked_decoder::piece piece = decoder.decode(rest);
      run.step = piece.step;
      run.data.append(piece.data);
      run.consumed += piece.consumed;
      rest.remove_prefix(piece.consumed);
    }
  };
  std::size_t from = 0;
  for (const std::size_t cut : cuts) {
    feed(from, cut);
    from = cut;
  }
  feed(from, text.size());
  run.why = decoder.why();
  switch (run.step) {
    case parse_step::more: run.text = "more"; break;
    case parse_step::refused: run.text = describe(run.why); break;
    case parse_step::done:
      run.text = "done";
      for (const header_field& field : decoder.trailers()) {
        run.text.append(" ").append(field.name).append("=[").append(field.value).append("]");
      }
      break;
  }
  run.text += " consumed=" + std::to_string(run.consumed);
  return run;
}

}  // namespace weir::http::test
