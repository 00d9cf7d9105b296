// apps/home_page.hpp - GET /: what is served here, as text; as HTML for who prefers it.
#pragma once

#include <string>
#include <string_view>

#include <weir/http/handler.hpp>

namespace weir::apps {

// Whether an Accept field asks for HTML rather than plain text: text/html is named, with a quality
// above zero and not below that of text/plain. Wildcards ask for nothing in particular.
bool prefers_html(std::string_view accept) noexcept;

// The page in both forms, made once. Outlives the routes it is added to.
class home_page {
 public:
  // `files` adds the row of the served folder, `health` those of the health routes.
  home_page(bool files, bool health);
  error add_to(http::routes& to) const;

  const std::string& text() const noexcept { return text_; }
  const std::string& html() const noexcept { return html_; }

 private:
  std::string text_;
  std::string html_;
};

}  // namespace weir::apps
