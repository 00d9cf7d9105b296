// bench/micro/response_cases.cpp - the head of an answer, from the response to bytes.
#include <array>

#include <weir/http/response.hpp>
#include <weir/platform/assert.hpp>

#include "micro.hpp"

namespace weir::bench {

namespace {

void encode(std::uint64_t times) {
  std::array<char, 1'024> out;
  http::response_context context;
  context.date = "Thu, 01 Jan 1970 00:00:00 GMT";
  for (; times > 0; --times) {
    const http::response answer = http::response::view("Hello, World!");
    const result<http::encoded_head> head = http::encode_head(answer, context, out);
    WEIR_ASSERT(head.ok());
    keep(out);
  }
}

constexpr micro_case cases[] = {
    {"encode_head", "a response made and its head written, five fields", &encode},
};

}  // namespace

std::span<const micro_case> response_cases() noexcept {
  return cases;
}

}  // namespace weir::bench
