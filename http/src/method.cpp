// http/method.cpp - names of methods.
#include <weir/http/method.hpp>

#include <cstring>

#include <weir/platform/assert.hpp>

namespace weir::http {
namespace {

constexpr std::array<std::string_view, methods_known> names = {
    "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"};

}  // namespace

method parse_method(std::string_view token) noexcept {
  // The length leaves two names at most.
  const auto either = [token](method a, method b) {
    return token == to_string(a) ? a : token == to_string(b) ? b : method::unknown;
  };
  switch (token.size()) {
    case 3: return either(method::get, method::put);
    case 4: return either(method::post, method::head);
    case 5: return either(method::patch, method::trace);
    case 6: return either(method::delete_, method::delete_);
    case 7: return either(method::options, method::connect);
    default: return method::unknown;
  }
}

std::string_view to_string(method which) noexcept {
  const auto index = static_cast<std::size_t>(which);
  return index < names.size() ? names[index] : std::string_view{};
}

allow_value::allow_value(method_set methods) noexcept {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!methods.has(static_cast<method>(i))) continue;
    const std::string_view separator = size_ == 0 ? "" : ", ";
    WEIR_ASSERT(size_ + separator.size() + names[i].size() <= bytes_.size());
    for (const std::string_view part : {separator, names[i]}) {
      part.copy(bytes_.data() + size_, part.size());
      size_ += part.size();
    }
  }
}

}  // namespace weir::http
