// verdicts/verdicts_test.cpp - our verdicts on shared inputs are those of llhttp, http_parser and
// picohttpparser, or the difference is meant and stands in differences.txt with its reason.
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <catch_amalgamated.hpp>

#include "http/outcome.hpp"
#include "verdicts/inputs.hpp"

namespace http = weir::http;
using http::parse_step;
using weir::verdicts::input;
using weir::verdicts::input_kind;

namespace {

constexpr std::array<const char*, 3> others = {"llhttp", "http_parser", "picohttpparser"};

std::vector<std::vector<std::string>> rows(const std::string& file) {
  std::vector<std::vector<std::string>> out;
  std::ifstream in(std::string(WEIR_VERDICTS) + "/" + file, std::ios::binary);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream cells(line);
    out.emplace_back();
    for (std::string cell; std::getline(cells, cell, '\t');) out.back().push_back(cell);
  }
  return out;
}

struct verdict {
  std::string word;  // as the recorder writes it, without a position when it is not accepted
  std::string code;  // why it was refused
};

verdict ours(const input& one) {
  if (one.kind == input_kind::chunked) {
    const auto run = http::test::run_chunked(one.bytes, {});
    if (run.step == parse_step::more) return {"more", ""};
    if (run.step == parse_step::refused) return {"reject", std::string(run.why.code())};
    return {"accept@" + std::to_string(run.consumed) + ":" + std::to_string(run.data.size()), ""};
  }
  http::head_storage storage{http::limits()};
  http::head_parser parser(http::head_rules(http::limits(), false));
  http::request head;
  const parse_step step = parser.parse(one.bytes, storage, head);
  if (step == parse_step::more) return {"more", ""};
  if (step == parse_step::refused) return {"reject", std::string(parser.why().code())};
  std::string out = "accept@" + std::to_string(parser.consumed());
  switch (head.framing.kind) {
    case http::body_kind::none: return {out + ":none", ""};
    case http::body_kind::chunked: return {out + ":chunked", ""};
    case http::body_kind::length: break;
  }
  return {out + ":length=" + std::to_string(head.framing.length), ""};
}

std::string first_word(const std::string& verdict) {
  return verdict.substr(0, verdict.find('@'));
}

// picohttpparser says how long a head is, and knows nothing of its framing.
bool agrees(const verdict& we, const std::string& they) {
  if (first_word(they) != "accept") return first_word(we.word) == first_word(they);
  return we.word == they || we.word.substr(0, we.word.rfind(':')) == they;
}

}  // namespace

TEST_CASE("verdicts: ours are those of other parsers, or differ on purpose", "[http][verdicts]") {
  std::map<std::string, input> inputs;
  for (input& one : weir::verdicts::all_inputs(WEIR_CORPORA)) inputs.emplace(one.name, one);
  std::map<std::string, bool> meant;  // and whether it was met
  for (const auto& row : rows("differences.txt")) {
    INFO(row.at(0));
    REQUIRE(row.size() == 2);  // each with its reason
    CHECK_FALSE(row[1].empty());
    CHECK(meant.emplace(row[0], false).second);
  }
  std::size_t compared = 0;
  std::set<std::string> unmeant;
  for (const auto& row : rows("verdicts.txt")) {
    REQUIRE(row.size() == 2 + others.size());
    const auto found = inputs.find(row[0]);
    INFO(row[0] << ": gone or changed since it was recorded; tests/verdicts/README.md says how");
    REQUIRE(found != inputs.end());
    REQUIRE(std::stoull(row[1], nullptr, 16) == found->second.sum());
    const verdict we = ours(found->second);
    for (std::size_t i = 0; i < others.size(); ++i) {
      ++compared;
      const std::string& they = row[2 + i];
      if (agrees(we, they)) continue;
      // What we refuse is told apart by why; what we do not, by the input.
      const std::string key = std::string(others[i]) + " " + first_word(they) + ", we " +
                              (we.code.empty() ? "do not: " + row[0] : "refuse: " + we.code);
      const auto known = meant.find(key);
      if (known == meant.end()) {
        unmeant.insert(key);
      } else {
        known->second = true;
      }
    }
  }
  CHECK(compared >= 800);
  for (const std::string& key : unmeant) {
    UNSCOPED_INFO(key);
    CHECK(key.empty());
  }
  for (const auto& [key, met] : meant) {
    INFO(key << ": no such difference any more");
    CHECK(met);
  }
}
