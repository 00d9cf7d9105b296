// apps/home_page.cpp - see the header.
#include "home_page.hpp"

#include <algorithm>

#include "demo_routes.hpp"

namespace weir::apps {

namespace {

std::string_view trim(std::string_view text) noexcept {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// The part of `text` before `mark`, which `text` loses with the mark.
std::string_view take(std::string_view& text, char mark) noexcept {
  const std::size_t at = std::min(text.find(mark), text.size());
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return trim(part);
}

bool same(std::string_view text, std::string_view lower_case) noexcept {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

// A quality (RFC 9110 12.4.2) in thousandths; what cannot be read is 0.
int quality(std::string_view text) noexcept {
  if (text.empty() || (text[0] != '0' && text[0] != '1') || text.size() > 5) return 0;
  int thousandths = (text[0] - '0') * 1'000;
  if (text.size() > 1 && text[1] != '.') return 0;
  int place = 100;
  for (std::size_t i = 2; i < text.size(); ++i, place /= 10) {
    if (text[i] < '0' || text[i] > '9') return 0;
    thousandths += (text[i] - '0') * place;
  }
  return thousandths <= 1'000 ? thousandths : 0;
}

void append_escaped(std::string& to, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '<': to += "&lt;"; break;
      case '>': to += "&gt;"; break;
      case '&': to += "&amp;"; break;
      case '"': to += "&quot;"; break;
      default: to += c;
    }
  }
}

constexpr std::string_view html_front = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>weir</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; }
table { border-collapse: collapse; width: 100%; margin-top: 1.5rem; }
th, td { text-align: left; padding: .45rem .75rem; border-bottom: 1px solid #8884; }
code { font-family: ui-monospace, monospace; }
</style>
</head>
<body>
<h1>weir</h1>
<p>This server is up. It lets through what the bed can carry.</p>
<table>
<thead><tr><th>Method</th><th>Path</th><th>Answer</th></tr></thead>
<tbody>
)";
// It needs its own style and nothing else, in no frame: what somebody slips into it does nothing.
constexpr std::string_view html_policy =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

constexpr std::string_view html_back = R"(</tbody>
</table>
</body>
</html>
)";

}  // namespace

bool prefers_html(std::string_view accept) noexcept {
  int html = 0;
  int text = 0;
  while (!accept.empty()) {
    std::string_view range = take(accept, ',');
    const std::string_view type = take(range, ';');
    int weight = 1'000;
    while (!range.empty()) {
      std::string_view parameter = take(range, ';');
      if (same(take(parameter, '='), "q")) weight = quality(trim(parameter));
    }
    if (same(type, "text/html")) html = weight;
    if (same(type, "text/plain")) text = weight;
  }
  return html > 0 && html >= text;
}

home_page::home_page(bool files, bool health) : text_("weir: this server is up. It answers\n\n") {
  html_ = html_front;
  const auto row = [this](std::string_view verb, std::string_view path, std::string_view help,
                          std::string_view example) {
    text_.append("  ").append(verb).append(5 - verb.size(), ' ').append(path);
    text_.append(18 - std::min<std::size_t>(path.size(), 17), ' ').append(help).append("\n");
    html_.append("<tr><td>").append(verb).append("</td><td><code>");
    if (!example.empty()) html_.append("<a href=\"").append(example).append("\">");
    append_escaped(html_, path);
    if (!example.empty()) html_ += "</a>";
    html_ += "</code></td><td>";
    append_escaped(html_, help);
    html_ += "</td></tr>\n";
  };
  row("GET", "/", "this page", "/");
  for (const demo_route& each : demo_routes()) {
    row(http::to_string(each.verb), each.pattern, each.help, each.example);
  }
  if (files) row("GET", "/files/{path...}", "a file of the folder that is served", "");
  if (health) {
    row("GET", "/livez", "whether this process answers", "/livez");
    row("GET", "/startupz", "whether it has started", "/startupz");
    row("GET", "/readyz", "whether it wants requests, or why not", "/readyz");
  }
  html_ += html_back;
}

error home_page::add_to(http::routes& to) const {
  return to.get("/", [this](const http::request& asked) {
    const bool html = prefers_html(asked.find("Accept").value_or(""));
    http::response answer =
        html ? http::response::view(html_, http::text_html) : http::response::view(text_);
    answer.header("Vary", "Accept");
    answer.header("X-Content-Type-Options", "nosniff");
    answer.header("Content-Security-Policy", html_policy);
    return answer;
  });
}

}  // namespace weir::apps
