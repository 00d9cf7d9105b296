// http/response.hpp, problem.hpp - heads that are written, and what a handler may not write.
#include <string>
#include <vector>

#include <catch_amalgamated.hpp>

#include <weir/http/problem.hpp>
#include <weir/http/response.hpp>

#include "support/allocation_count.hpp"

namespace http = weir::http;
using http::body_kind;
using http::response;
using http::response_context;
using namespace std::string_view_literals;

namespace {

struct encoded {
  std::string text;
  http::encoded_head head;
};

encoded encode(const response& from, const response_context& context = {}) {
  std::vector<char> out(http::encoded_head_bytes_max(from, context));
  const auto head = http::encode_head(from, context, out);
  REQUIRE(head.ok());
  return {std::string(out.data(), head.value().bytes), head.value()};
}

response_context one_zero(bool keep_alive) {
  response_context context;
  context.version_minor = 0;
  context.keep_alive = keep_alive;
  return context;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

TEST_CASE("response: a plain answer, byte for byte", "[http][response]") {
  response_context context;
  context.date = "Sun, 06 Nov 1994 08:49:37 GMT";
  const encoded e = encode(response::view("Hello, World!", "text/plain"), context);
  CHECK(e.text ==
        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: weir\r\n"
        "Content-Type: text/plain\r\nContent-Length: 13\r\n\r\n");
  CHECK(e.head.framing == body_kind::length);
  CHECK(e.head.sends_body);
  CHECK(e.head.keep_alive);
}

TEST_CASE("response: HEAD has the fields of GET and no body", "[http][response]") {
  for (const bool streamed : {false, true}) {
    response answer = response::view("Hello", "text/plain");
    if (streamed) answer.set_stream(std::nullopt, "text/plain");
    response_context context;
    const encoded get = encode(answer, context);
    context.head_request = true;
    const encoded head = encode(answer, context);
    CHECK(head.text == get.text);
    CHECK(get.head.sends_body);
    CHECK_FALSE(head.head.sends_body);
    CHECK(head.head.framing == body_kind::none);
  }
}

TEST_CASE("response: 204 and 304 have neither body nor length", "[http][response]") {
  for (const http::status_code code : {http::status_code{204}, http::status_code{304}}) {
    const encoded e = encode(response::view("ignored").set_status(code));
    CHECK_FALSE(contains(e.text, "Content-Length"));
    CHECK_FALSE(contains(e.text, "Transfer-Encoding"));
    CHECK_FALSE(contains(e.text, "Content-Type"));
    CHECK_FALSE(e.head.sends_body);
    CHECK(e.head.keep_alive);
    CHECK_FALSE(contains(encode(response(code).set_stream()).text, "Transfer-Encoding"));
  }
  CHECK(contains(encode(response(200)).text, "Content-Length: 0\r\n"));
}

TEST_CASE("response: a stream is chunked to 1.1 and ends with the connection to 1.0",
          "[http][response]") {
  const encoded e = encode(response().set_stream());
  CHECK(contains(e.text, "Transfer-Encoding: chunked\r\n"));
  CHECK_FALSE(contains(e.text, "Content-Length"));
  CHECK(e.head.framing == body_kind::chunked);
  CHECK(e.head.keep_alive);

  const encoded old = encode(response().set_stream(), one_zero(true));
  CHECK_FALSE(contains(old.text, "Transfer-Encoding"));
  CHECK(contains(old.text, "Connection: close\r\n"));
  CHECK(old.head.until_close);
  CHECK_FALSE(old.head.keep_alive);

  const encoded sized = encode(response().set_stream(7), one_zero(true));
  CHECK(contains(sized.text, "Content-Length: 7\r\nConnection: keep-alive\r\n"));
  CHECK(sized.head.framing == body_kind::length);
}

TEST_CASE("response: Connection says what will happen", "[http][response]") {
  response_context context;
  CHECK_FALSE(contains(encode(response(), context).text, "Connection"));
  context.keep_alive = false;
  CHECK(contains(encode(response(), context).text, "Connection: close\r\n"));
  CHECK(contains(encode(response().set_close()).text, "Connection: close\r\n"));
  CHECK(contains(encode(response(), one_zero(true)).text, "Connection: keep-alive\r\n"));
  CHECK(contains(encode(response(), one_zero(false)).text, "Connection: close\r\n"));
  // The version in the answer is ours (RFC 9110 6.2).
  CHECK(encode(response(), one_zero(false)).text.substr(0, 8) == "HTTP/1.1");
}

TEST_CASE("response splitting: no field can end its line or frame the message",
          "[http][response]") {
  const auto breaks = [](std::string_view name, std::string_view value) {
    response answer;
    answer.header("X-Good", "1").header(name, value);
    std::vector<char> out(4'096);
    const auto head = http::encode_head(answer, {}, out);
    if (!head.ok()) CHECK(head.why() == weir::errc::malformed);
    return !head.ok();
  };
  CHECK_FALSE(breaks("Location", "/x?y=\xc3\xa9\t"));
  CHECK(breaks("Location", "/x\r\nSet-Cookie: a=b"));
  CHECK(breaks("Location", "/x\nSet-Cookie: a=b"));
  CHECK(breaks("Location", "/x\r"));
  CHECK(breaks("Location", "/x\0y"sv));
  CHECK(breaks("Location", "\x7f"));
  CHECK(breaks("X\r\nY", "a"));
  CHECK(breaks("X:", "a"));
  CHECK(breaks("X Y", "a"));
  CHECK(breaks("", "a"));
  for (const std::string_view name :
       {"Content-Length", "content-length", "Transfer-Encoding", "Connection", "Date", "Server",
        "Keep-Alive", "Upgrade", "Trailer"}) {
    INFO(name);
    CHECK(breaks(name, "1"));
  }
}

TEST_CASE("response: the 101 of an upgrade, byte for byte, and who may not have one",
          "[http][response]") {
  response_context context;
  context.date = "Sun, 06 Nov 1994 08:49:37 GMT";
  char room[2'048];
  response fields(101);
  fields.header("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  const weir::result<std::size_t> head = encode_switch(fields, context, "websocket", room);
  REQUIRE(head.ok());
  CHECK(
      std::string_view(room, head.value()) ==
      "HTTP/1.1 101 Switching Protocols\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: weir\r\n"
      "Connection: upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
  const std::size_t needed = encoded_head_bytes_max(fields, context) + 9;
  CHECK(encode_switch(fields, context, "websocket", std::span(room, needed)).ok());
  CHECK(encode_switch(fields, context, "websocket", std::span(room, needed - 1)).why() ==
        weir::errc::limit);
  for (const std::string_view protocol : {"", "a\r\nX: y", "a\nb"}) {
    CHECK(encode_switch(fields, context, protocol, room).why() == weir::errc::malformed);
  }
  CHECK(encode_switch(response(200), context, "websocket", room).why() == weir::errc::malformed);
  CHECK(encode_switch(response(101).set_body_view("x"), context, "a", room).why() ==
        weir::errc::malformed);
  response split(101);
  split.header("X", "a\r\nb");
  CHECK(encode_switch(split, context, "websocket", room).why() == weir::errc::malformed);
  // It is no answer that a handler could send as one.
  CHECK(encode_head(fields, context, room).why() == weir::errc::malformed);
}

TEST_CASE("response: an offered upgrade has one line of Connection", "[http][response]") {
  char room[2'048];
  for (const bool keep_alive : {true, false}) {
    response_context context;
    context.keep_alive = keep_alive;
    response offer(426);
    offer.offer_upgrade("websocket");
    const weir::result<http::encoded_head> head = encode_head(offer, context, room);
    REQUIRE(head.ok());
    const std::string_view text(room, head.value().bytes);
    CHECK(text.find("\r\nUpgrade: websocket\r\n") != std::string_view::npos);
    CHECK(text.find(keep_alive ? "\r\nConnection: upgrade, keep-alive\r\n"
                               : "\r\nConnection: upgrade, close\r\n") != std::string_view::npos);
    CHECK(text.find("Connection", text.find("Connection") + 1) == std::string_view::npos);
  }
  for (const std::string_view protocol : {"", "a\r\nX: y"}) {
    http::response bad(426);
    bad.offer_upgrade(protocol);
    CHECK(bad.why_broken() == weir::errc::malformed);
  }
  response twice(426);
  twice.offer_upgrade("a");
  twice.offer_upgrade("b");
  CHECK(twice.why_broken() == weir::errc::malformed);
}

TEST_CASE("response: a status that is no final status is not sent", "[http][response]") {
  std::vector<char> out(4'096);
  for (const http::status_code code : {http::status_code{0}, http::status_code{99},
                                       http::status_code{101}, http::status_code{1'000}}) {
    CHECK_FALSE(http::encode_head(response(code), {}, out).ok());
  }
  CHECK(encode(response(299)).text.substr(0, 15) == "HTTP/1.1 299 \r\n");
  CHECK_FALSE(http::encode_head(response::view("", "a\r\nb"), {}, out).ok());
}

TEST_CASE("response: fields keep their order, short or long", "[http][response]") {
  response answer;
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const std::string name = "X-" + std::to_string(i);
    const std::string value(static_cast<std::size_t>(i), 'v');
    answer.header(name, value);
    expected += name + ": " + value + "\r\n";
  }
  CHECK(contains(encode(answer).text, expected));
  answer.header("Big", std::string(response::fields_bytes_max, 'x'));
  CHECK(answer.why_broken() == weir::errc::malformed);
}

TEST_CASE("response: Content-Type of the handler wins, and only one is sent", "[http][response]") {
  const encoded e = encode(response::view("x").header("content-type", "image/png"));
  CHECK(contains(e.text, "content-type: image/png\r\n"));
  CHECK_FALSE(contains(e.text, "text/plain"));
  CHECK(
      response::view("x").header("Content-Type", "a/b").header("Content-Type", "c/d").why_broken());
}

TEST_CASE("response: a buffer that is too small is an error, not a cut head", "[http][response]") {
  const response answer = response::view("Hello").header("X-Long", std::string(500, 'x'));
  const std::size_t needed = http::encoded_head_bytes_max(answer, {});
  for (std::size_t size = 0; size < needed; size += 7) {
    std::vector<char> out(size);
    const auto head = http::encode_head(answer, {}, out);
    REQUIRE_FALSE(head.ok());
    REQUIRE(head.why() == weir::errc::limit);
  }
  std::vector<char> exact(needed);
  CHECK(http::encode_head(answer, {}, exact).ok());
}

TEST_CASE("response: the bound on a head holds for the longest of everything", "[http][response]") {
  response_context context = one_zero(true);
  context.date = "Sun, 06 Nov 1994 08:49:37 GMT";
  response answer(431);
  answer.set_stream(~std::uint64_t{0}, http::application_problem_json);
  CHECK(encode(answer, context).text.size() <= http::encoded_head_bytes_max(answer, context));
}

TEST_CASE("response: a static answer with a few fields allocates nothing", "[http][response]") {
  std::vector<char> out(1'024);
  const std::size_t before = weir::test::allocations();
  response answer = response::view("Hello, World!");
  answer.header("X-One", "1").header("Cache-Control", "no-store");
  const auto head = http::encode_head(answer, {}, out);
  const std::size_t after = weir::test::allocations();
  CHECK(head.ok());
  CHECK(after == before);
}

TEST_CASE("response: what is chained on a temporary is moved, not copied", "[http][response]") {
  std::string body(1'000, 'b');
  const std::size_t before = weir::test::allocations();
  const response answer =
      response::text(std::move(body)).set_status(201).header("Location", "/1").set_close();
  CHECK(weir::test::allocations() == before);
  CHECK(answer.status() == 201);
  CHECK(answer.close());
  CHECK(answer.fields_front() == "Location: /1\r\n");
  CHECK(answer.body().size() == 1'000);
}

TEST_CASE("problem: every prepared answer is JSON with the five members and can be sent",
          "[http][response]") {
  for (const http::refusal_kind* const kind : http::refusals::all) {
    const response answer = http::problem_response(*kind);
    INFO(kind->code);
    const encoded e = encode(answer);
    CHECK(contains(e.text, "Content-Type: application/problem+json\r\n"));
    CHECK(contains(e.text, "Connection: close\r\n"));
    CHECK(contains(answer.body(), R"("type":"about:blank","title":")"));
    CHECK(contains(answer.body(), R"("code":")" + std::string(kind->code) + "\""));
    CHECK(contains(answer.body(), R"("status":)" + std::to_string(kind->status) + ","));
    CHECK(answer.source() == http::body_source::view);
  }
  CHECK_FALSE(contains(encode(http::problem_response(http::problems::not_found)).text, "close"));
  CHECK(contains(encode(http::problem_response(http::problems::overloaded)).text,
                 "Retry-After: 1\r\n"));
  const std::size_t before = weir::test::allocations();
  {
    const response again = http::problem_response(http::refusals::bare_lf);
  }
  CHECK(weir::test::allocations() == before);
}

TEST_CASE("problem: text of the application is escaped", "[http][response]") {
  const response answer = http::problem_response(422, "bad_field", "a \"b\" \\ \n \xc3\xa9");
  CHECK(answer.body() ==
        R"({"type":"about:blank","title":"Unprocessable Content","status":422,"code":"bad_field",)"
        "\"detail\":\"a \\\"b\\\" \\\\ \\u000a \xc3\xa9\"}");
}
