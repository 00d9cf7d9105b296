// bench/micro/parser_cases.cpp - request heads: ours with every check, and picohttpparser's without
// any where its sources are at hand (WEIR_PICOHTTPPARSER_DIR).
#include <string_view>

#include <weir/http/head_parser.hpp>
#include <weir/http/limits.hpp>
#include <weir/platform/assert.hpp>

#include "micro.hpp"

#if defined(WEIR_BENCH_PICO)
#include "picohttpparser.h"
#endif

namespace weir::bench {

namespace {

constexpr std::string_view short_request =
    "GET /plaintext HTTP/1.1\r\n"
    "Host: server.example:8080\r\n"
    "User-Agent: a-client-of-some-length/1\r\n"
    "Accept: text/plain,*/*;q=0.8\r\n"
    "Connection: keep-alive\r\n"
    "Pragma: none\r\n"
    "\r\n";
static_assert(short_request.size() == 161);

constexpr std::string_view browser_request =
    "GET /articles/2024/how-a-river-is-held-back?ref=front-page&lang=en HTTP/1.1\r\n"
    "Host: www.server.example\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Connection: keep-alive\r\n"
    "Cookie: session=6f1d0c9a7b3e4f52; theme=dark; consent=granted; "
    "visited=1718200000; list=wide-and-longer1\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Priority: u=0, i\r\n"
    "Cache-Control: max-age=0\r\n"
    "\r\n";
static_assert(browser_request.size() == 632);

void parse(std::string_view text, std::uint64_t times) {
  const http::limits bounds;
  http::head_storage storage(bounds);
  http::head_parser parser(http::head_rules(bounds, false));
  http::request out;
  for (; times > 0; --times) {
    parser.reset();
    const http::parse_step step = parser.parse(text, storage, out);
    WEIR_ASSERT(step == http::parse_step::done);
    keep(out);
  }
}

#if defined(WEIR_BENCH_PICO)
void parse_pico(std::string_view text, std::uint64_t times) {
  for (; times > 0; --times) {
    const char* method = nullptr;
    const char* path = nullptr;
    std::size_t method_bytes = 0;
    std::size_t path_bytes = 0;
    int minor = 0;
    phr_header fields[100];
    std::size_t count = 100;
    const int used = phr_parse_request(text.data(), text.size(), &method, &method_bytes, &path,
                                       &path_bytes, &minor, fields, &count, 0);
    WEIR_ASSERT(used == static_cast<int>(text.size()));
    keep(fields);
  }
}
#endif

constexpr micro_case cases[] = {
    {"parse_short", "a head of 161 bytes, every check",
     [](std::uint64_t times) { parse(short_request, times); }},
    {"parse_browser", "a head of 632 bytes, every check",
     [](std::uint64_t times) { parse(browser_request, times); }},
#if defined(WEIR_BENCH_PICO)
    {"pico_short", "picohttpparser, 161 bytes, no check",
     [](std::uint64_t times) { parse_pico(short_request, times); }},
    {"pico_browser", "picohttpparser, 632 bytes, no check",
     [](std::uint64_t times) { parse_pico(browser_request, times); }},
#endif
};

}  // namespace

std::span<const micro_case> parser_cases() noexcept {
  return cases;
}

}  // namespace weir::bench
