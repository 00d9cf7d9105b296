// http/method.cpp - names of methods.
#include <weir/http/method.hpp>

#include <cstring>

#include <weir/platform/assert.hpp>

namespace weir::http {
namespace {

constexpr std::array<std::string_view, methods_known> method_names = {
    "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"};

}  // namespace

method parse_method(std::string_view token) noexcept {
  // Literals of known length: no call to compare them.
  const auto is = [token]<std::size_t N>(const char(&name)[N]) {
    return token.size() == N - 1 && std::memcmp(token.data(), name, N - 1) == 0;
  };
  if (is("GET")) return method::get;
  if (is("POST")) return method::post;
  if (is("HEAD")) return method::head;
  if (is("PUT")) return method::put;
  if (is("DELETE")) return method::delete_;
  if (is("PATCH")) return method::patch;
  if (is("OPTIONS")) return method::options;
  if (is("CONNECT")) return method::connect;
  if (is("TRACE")) return method::trace;
  return method::unknown;
}

std::string_view to_string(method which) noexcept {
  const auto index = static_cast<std::size_t>(which);
  return index < method_names.size() ? method_names[index] : std::string_view{};
}

allow_value::allow_value(method_set methods) noexcept {
  for (std::size_t i = 0; i < method_names.size(); ++i) {
    if (!methods.has(static_cast<method>(i))) continue;
    const std::string_view separator = size_ == 0 ? "" : ", ";
    WEIR_ASSERT(size_ + separator.size() + method_names[i].size() <= bytes_.size());
    for (const std::string_view part : {separator, method_names[i]}) {
      part.copy(bytes_.data() + size_, part.size());
      size_ += part.size();
    }
  }
}

}  // namespace weir::http
