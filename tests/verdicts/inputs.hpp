// verdicts/inputs.hpp - what is shown to our parsers and to those of others: the vectors of the
// tests and the committed corpora. Standard library only: the recorder is built without weir.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "http/chunked_vectors.hpp"
#include "http/head_vectors.hpp"

namespace weir::verdicts {

enum class input_kind : std::uint8_t {
  head,     // a request head, and maybe what follows
  chunked,  // a chunked body, and maybe what follows
};

struct input {
  input_kind kind;
  std::string name;  // "head/vector/plain GET", "chunked/corpus/basic.txt"
  std::string bytes;

  // FNV-1a: a row that was recorded for other bytes is noticed.
  std::uint64_t sum() const {
    std::uint64_t out = 0xcbf29ce484222325u;
    for (const char c : bytes) out = (out ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    return out;
  }
};

inline void add_corpus(std::vector<input>& to, input_kind kind, const std::string& prefix,
                       const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    to.push_back({kind, prefix + entry.path().filename().string(),
                  std::string(std::istreambuf_iterator<char>(file), {})});
  }
}

// `corpora` is tests/fuzz/corpus.
inline std::vector<input> all_inputs(const std::filesystem::path& corpora) {
  std::vector<input> out;
  for (const auto& v : http::test::head_vectors()) {
    out.push_back({input_kind::head, "head/vector/" + v.name, v.bytes});
  }
  for (const auto& v : http::test::chunk_vectors()) {
    out.push_back({input_kind::chunked, "chunked/vector/" + v.name, v.bytes});
  }
  add_corpus(out, input_kind::head, "head/corpus/", corpora / "head");
  add_corpus(out, input_kind::chunked, "chunked/corpus/", corpora / "chunked");
  return out;
}

}  // namespace weir::verdicts
