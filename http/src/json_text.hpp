// http/json_text.hpp - the little JSON this floor writes: problem documents.
#pragma once

#include <string>
#include <string_view>

#include <weir/http/status.hpp>

namespace weir::http {

// In quotes, with what JSON needs escaped.
inline void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += hex[byte >> 4];
      out += hex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

// A problem document. `members`: further ones, as JSON, without braces; "" for none.
inline std::string problem_body(status_code status, std::string_view code, std::string_view detail,
                                std::string_view members = {}) {
  std::string out = R"({"type":"about:blank","title":)";
  append_json_string(out, reason_phrase(status));
  out += R"(,"status":)" + std::to_string(status) + R"(,"code":)";
  append_json_string(out, code);
  out += R"(,"detail":)";
  append_json_string(out, detail);
  if (!members.empty()) out.append(",").append(members);
  out += '}';
  return out;
}

}  // namespace weir::http
