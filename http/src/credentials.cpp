// http/credentials.cpp - see the header.
#include <weir/http/credentials.hpp>

#include <weir/http/problem.hpp>

namespace weir::http {

bool equal_secrets(std::string_view sent, std::string_view secret) noexcept {
  // Volatile, so that no compiler leaves the loop at the first difference.
  volatile unsigned char differs = sent.size() == secret.size() ? 0 : 1;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    const auto expected = secret.empty() ? '\0' : secret[i % secret.size()];
    differs = static_cast<unsigned char>(differs | (sent[i] ^ expected));
  }
  return differs == 0;
}

bool has_api_key(const request& from, std::string_view key) noexcept {
  return !key.empty() && equal_secrets(from.find("x-api-key").value_or(""), key);
}

response unauthorized(std::string_view challenge) {
  response out = problem_response(problems::unauthorized);
  out.header("WWW-Authenticate", challenge);
  return out;
}

}  // namespace weir::http
