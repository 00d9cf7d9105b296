// http/head_parser.hpp - accepted and refused heads, in one piece and in every other way.
#include <catch_amalgamated.hpp>

#include "head_vectors.hpp"
#include "outcome.hpp"
#include "support/allocation_count.hpp"

namespace http = weir::http;
using namespace weir::http::test;
using http::limits;
using http::parse_step;

namespace {

// Parses one good head in one piece and keeps what its views point into.
struct parsed {
  explicit parsed(std::string_view bytes, limits bounds = {})
      : text(bytes), storage(bounds), parser(http::head_rules(bounds, false)) {
    step = parser.parse(text.view(), storage, head);
  }
  exact_copy text;
  http::head_storage storage;
  http::head_parser parser;
  http::request head;
  parse_step step;
};

std::string padded_head(std::size_t bytes) {
  const std::string front = "GET / HTTP/1.1\r\nHost: a\r\nPad: ";
  return front + std::string(bytes - front.size() - 4, 'x') + "\r\n\r\n";
}

std::string many_fields(std::size_t count) {
  std::string out = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (std::size_t i = 1; i < count; ++i) out += "A: b\r\n";
  return out + "\r\n";
}

}  // namespace

TEST_CASE("head: every vector gets its one answer", "[http][head]") {
  for (const head_vector& vector : head_vectors()) {
    INFO(vector.name);
    const head_run run = run_head(vector.bytes, {});
    CHECK(run.step == (vector.status == 200 ? parse_step::done : parse_step::refused));
    CHECK(std::string(run.why.code()) == vector.code);
    CHECK((run.why ? run.why.status() : 200) == vector.status);
  }
}

TEST_CASE("head: every vector gets the same answer a byte at a time", "[http][head]") {
  for (const head_vector& vector : head_vectors()) {
    if (vector.bytes.size() > 20'000) continue;
    INFO(vector.name);
    const head_run whole = run_head(vector.bytes, {});
    const head_run dripped = run_head(vector.bytes, every_byte(vector.bytes.size()));
    CHECK(dripped.text == whole.text);
    CHECK(dripped.examined <= 2 * vector.bytes.size());
    CHECK(whole.examined <= vector.bytes.size());
  }
}

TEST_CASE("head: every vector gets the same answer at every split point", "[http][head]") {
  for (const head_vector& vector : head_vectors()) {
    const std::string whole = run_head(vector.bytes, {}).text;
    const std::size_t step = vector.bytes.size() > 1'000 ? 4'099 : 1;
    std::size_t first_difference = std::string::npos;
    for (std::size_t cut = 0; cut <= vector.bytes.size(); cut += step) {
      const std::size_t cuts[] = {cut};
      if (run_head(vector.bytes, cuts).text == whole) continue;
      first_difference = cut;
      break;
    }
    INFO(vector.name);
    CHECK(first_difference == std::string::npos);
  }
}

TEST_CASE("head: a refusal falls at the first byte that is wrong, not at the end", "[http][head]") {
  const struct {
    std::string_view bytes;
    std::size_t decided_at;  // bytes needed
  } cases[] = {
      {"\nGET", 1},
      {"G@T / HTTP/1.1", 2},
      {"get / HTTP/1.1", 4},
      {"GET  / HTTP/1.1", 5},
      {"GET /a\nb", 7},
      {"GET * HTTP/1.1", 6},
      {"GET /../x HTTP/1.1", 10},
      {"GET / HTTx", 10},
      {"GET / HTTP/1.1\n", 15},
      {"GET / HTTP/2.0\r\n", 15},
      {"GET / HTTP/1.1\r\nA b", 18},
      {"GET / HTTP/1.1\r\nA: b\nC", 21},
      {"GET / HTTP/1.1\r\nA: b\r\n c", 23},
      {"GET / HTTP/1.1\r\nA: \x01", 20},
      {"GET / HTTP/1.1\r\n\n", 17},
  };
  for (const auto& c : cases) {
    INFO(c.bytes);
    const head_run run = run_head(c.bytes, every_byte(c.bytes.size()));
    CHECK(run.step == parse_step::refused);
    CHECK(run.decided_at == c.decided_at);
  }
}

TEST_CASE("head: cost is linear in bytes when they come one at a time", "[http][head]") {
  const std::string head = padded_head(32 * 1024);
  limits bounds;
  http::head_storage storage(bounds);
  http::head_parser parser(http::head_rules(bounds, false));
  http::request out;
  for (std::size_t size = 0; size < head.size(); ++size) {
    REQUIRE(parser.parse(std::string_view(head).substr(0, size), storage, out) == parse_step::more);
    REQUIRE(parser.bytes_examined() <= size);
  }
  CHECK(parser.parse(head, storage, out) == parse_step::done);
  CHECK(parser.bytes_examined() <= 2 * head.size());
}

TEST_CASE("head: at each limit it is accepted, one past it is refused", "[http][head]") {
  const limits bounds;
  SECTION("head_bytes_max") {
    CHECK(run_head(padded_head(bounds.head_bytes_max), {}).step == parse_step::done);
    CHECK(run_head(padded_head(bounds.head_bytes_max + 1), {}).why.code() == "head_too_large");
    // CRLFs in front do not count.
    CHECK(run_head("\r\n\r\n" + padded_head(bounds.head_bytes_max), {}).step == parse_step::done);
    // The limit is known as soon as it is reached without an end.
    const std::string cut = padded_head(bounds.head_bytes_max + 1);
    CHECK(run_head(std::string_view(cut).substr(0, bounds.head_bytes_max), {}).why.status() == 431);
  }
  SECTION("target_bytes_max") {
    const auto head = [](std::size_t target) {
      return with_target("/" + std::string(target - 1, 'a'));
    };
    CHECK(run_head(head(8'000), {}).step == parse_step::done);
    CHECK(run_head(head(bounds.target_bytes_max), {}).step == parse_step::done);
    const head_run run = run_head(head(bounds.target_bytes_max + 1), {});
    CHECK(run.why.status() == 414);
    // Before the end of the line.
    const std::string open = "GET /" + std::string(bounds.target_bytes_max, 'a');
    CHECK(run_head(open, {}).why.status() == 414);
    CHECK(run_head(std::string_view(open).substr(0, open.size() - 1), {}).step == parse_step::more);
  }
  SECTION("header_fields_max") {
    CHECK(run_head(many_fields(bounds.header_fields_max), {}).step == parse_step::done);
    CHECK(run_head(many_fields(bounds.header_fields_max + 1), {}).why.code() == "too_many_headers");
  }
  SECTION("body_bytes_max") {
    const auto head = [](std::uint64_t n) {
      return with_fields("Content-Length: " + std::to_string(n) + "\r\n");
    };
    CHECK(run_head(head(bounds.body_bytes_max), {}).step == parse_step::done);
    CHECK(run_head(head(bounds.body_bytes_max + 1), {}).why.status() == 413);
    limits open = bounds;
    open.body_bytes_max = limits::unbounded;
    CHECK(run_head(head(~std::uint64_t{0}), {}, open).step == parse_step::done);
  }
  SECTION("method") {
    const auto head = [](std::size_t n) { return std::string(n, 'M') + " / HTTP/1.1\r\n"; };
    CHECK(run_head(head(32), {}).decided_at == head(32).size());
    CHECK(run_head(std::string(32, 'M'), {}).step == parse_step::more);
    CHECK(run_head(std::string(33, 'M'), {}).why.status() == 501);
  }
}

TEST_CASE("head: a small table of fields is enough for limits that are small", "[http][head]") {
  limits bounds;
  bounds.head_bytes_max = 64;
  bounds.target_bytes_max = 16;
  bounds.header_fields_max = 1'000;
  CHECK(
      run_head("GET / HTTP/1.0\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\n\r\n", {}, bounds)
          .step == parse_step::done);
}

TEST_CASE("head: what a handler sees of a good head", "[http][head]") {
  const parsed p(
      "\r\nPOST /a%20b/./c/../d?x=1&y HTTP/1.1\r\nhOST: Example.org:81\r\n"
      "Content-Length: 5\r\nX-Empty:\r\nx-two:  one \r\nX-Two: two\r\nExpect: "
      "100-continue\r\n\r\nhello");
  REQUIRE(p.step == parse_step::done);
  CHECK(p.head.verb == http::method::post);
  CHECK(p.head.form == http::target_form::origin);
  CHECK(p.head.target == "/a%20b/./c/../d?x=1&y");
  CHECK(p.head.path == "/a b/d");
  CHECK(p.head.query == "x=1&y");
  CHECK(p.head.has_query);
  CHECK(p.head.authority == "Example.org:81");
  CHECK(p.head.version_minor == 1);
  CHECK(p.head.keep_alive);
  CHECK(p.head.expects_continue);
  CHECK(p.head.framing == http::body_framing{http::body_kind::length, 5});
  CHECK(p.head.find("HOST") == "Example.org:81");
  CHECK(p.head.find("x-empty") == "");
  CHECK(p.head.find("X-Two") == "one");
  CHECK_FALSE(p.head.find("X-Three"));
  CHECK(p.text.view().substr(p.parser.consumed()) == "hello");
}

TEST_CASE("head: keep-alive by version and Connection", "[http][head]") {
  const auto keeps = [](std::string_view version, std::string_view fields) {
    const parsed p("GET / HTTP/" + std::string(version) + "\r\nHost: a\r\n" + std::string(fields) +
                   "\r\n");
    REQUIRE(p.step == parse_step::done);
    return p.head.keep_alive;
  };
  CHECK(keeps("1.1", ""));
  CHECK(keeps("1.7", ""));
  CHECK_FALSE(keeps("1.1", "Connection: close\r\n"));
  CHECK_FALSE(keeps("1.1", "Connection: foo,  CLOSE ,\r\n"));
  CHECK_FALSE(keeps("1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
  CHECK(keeps("1.1", "Connection: closed\r\n"));
  CHECK_FALSE(keeps("1.0", ""));
  CHECK(keeps("1.0", "Connection: Keep-Alive\r\n"));
  CHECK_FALSE(keeps("1.0", "Connection: keep-alive, close\r\n"));
}

TEST_CASE("head: 100 is expected only by 1.1 and only before a body", "[http][head]") {
  const auto expects = [](std::string_view line, std::string_view fields) {
    const parsed p(std::string(line) + "\r\nHost: a\r\nExpect: 100-continue\r\n" +
                   std::string(fields) + "\r\n");
    REQUIRE(p.step == parse_step::done);
    return p.head.expects_continue;
  };
  CHECK(expects("POST / HTTP/1.1", "Content-Length: 1\r\n"));
  CHECK(expects("POST / HTTP/1.1", "Transfer-Encoding: chunked\r\n"));
  CHECK_FALSE(expects("POST / HTTP/1.1", "Content-Length: 0\r\n"));
  CHECK_FALSE(expects("POST / HTTP/1.1", ""));
  CHECK_FALSE(expects("POST / HTTP/1.0", "Content-Length: 1\r\n"));
}

TEST_CASE("head: the authority of an absolute target wins over Host", "[http][head]") {
  const parsed p("GET http://real.example/x HTTP/1.1\r\nHost: other\r\n\r\n");
  REQUIRE(p.step == parse_step::done);
  CHECK(p.head.authority == "real.example");
  CHECK(p.head.path == "/x");
  const parsed bare("GET http://real.example?q HTTP/1.1\r\nHost: other\r\n\r\n");
  CHECK(bare.head.path == "/");
  CHECK(bare.head.query == "q");
  const parsed options("OPTIONS http://real.example HTTP/1.1\r\nHost: other\r\n\r\n");
  CHECK(options.head.form == http::target_form::asterisk);
  CHECK(options.head.path == "*");
  CHECK(run_head(with_target("https://a/"), {}, {}, true).step == parse_step::done);
  CHECK(run_head(with_target("http://a/"), {}, {}, true).why.status() == 421);
}

TEST_CASE("head: cookie lines are joined, beside a decoded path", "[http][head]") {
  const parsed p(
      "GET /%61/b HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nX: y\r\ncookie: b=2\r\nCOOKIE: c=3\r\nZ: "
      "z\r\n\r\n");
  REQUIRE(p.step == parse_step::done);
  CHECK(p.head.path == "/a/b");
  CHECK(p.head.find("cookie") == "a=1; b=2; c=3");
  REQUIRE(p.head.fields.size() == 4);
  CHECK(p.head.fields[2].name == "X");
  CHECK(p.head.fields[3].name == "Z");
  // Empty lines add nothing, wherever they stand: a value has no white space around it.
  for (const char* lines : {"Cookie: a=1\r\nCookie: \r\n", "Cookie:\r\nCookie: a=1\r\n",
                            "Cookie:\r\nCookie: a=1\r\nCookie:\r\nCookie:\r\n"}) {
    INFO(lines);
    const parsed one(with_fields(lines));
    CHECK(one.step == parse_step::done);
    CHECK(one.head.find("cookie") == "a=1");
  }
  // As many cookies as the limits allow.
  std::string many = "GET /%61 HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 99; ++i) many += "Cookie: " + std::string(230, 'c') + "\r\n";
  const parsed full(many + "\r\n");
  REQUIRE(full.step == parse_step::done);
  CHECK(full.head.find("cookie")->size() == 99 * 230 + 98 * 2);
}

TEST_CASE("head: pipelined requests are parsed one after the other", "[http][head]") {
  const std::string two =
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
  const limits bounds;
  http::head_storage storage(bounds);
  http::head_parser parser(http::head_rules(bounds, false));
  http::request out;
  std::string_view rest = two;
  CHECK_FALSE(parser.begun());
  REQUIRE(parser.parse(rest, storage, out) == parse_step::done);
  CHECK(out.path == "/1");
  rest.remove_prefix(parser.consumed());
  parser.reset();
  CHECK_FALSE(parser.begun());
  CHECK(parser.parse(rest.substr(0, 2), storage, out) == parse_step::more);
  CHECK_FALSE(parser.begun());
  CHECK(parser.parse(rest.substr(0, 3), storage, out) == parse_step::more);
  CHECK(parser.begun());
  REQUIRE(parser.parse(rest, storage, out) == parse_step::done);
  CHECK(out.path == "/2");
  CHECK(parser.consumed() == rest.size());
}

TEST_CASE("head: a refused HEAD is known to be one, so its answer has no body", "[http][head]") {
  const parsed p("HEAD / HTTP/1.0\r\nA b\r\n\r\n");
  REQUIRE(p.step == parse_step::refused);
  CHECK(p.head.verb == http::method::head);
  CHECK(p.head.version_minor == 0);
}

TEST_CASE("head: a copied request survives its buffer", "[http][head]") {
  const std::string text =
      "POST /%61?q HTTP/1.1\r\nHost: a.example\r\nCookie: x\r\nCookie: y\r\nContent-Length: "
      "3\r\n\r\n";
  auto p = std::make_unique<parsed>(text);
  REQUIRE(p->step == parse_step::done);
  p->head.params.add("name", p->head.path.substr(1));
  const std::string before = describe(p->head);
  std::vector<std::max_align_t> arena(http::copy_request_bytes(p->head) / sizeof(std::max_align_t) +
                                      1);
  const http::request copy = http::copy_request(p->head, std::as_writable_bytes(std::span(arena)));
  p->text.scribble();
  CHECK(describe(p->head) != before);
  p.reset();
  CHECK(describe(copy) == before);
  CHECK(copy.param("name") == "a");
  CHECK(copy.param("other").empty());
}

TEST_CASE("head: parsing allocates nothing, in one piece or in many", "[http][head]") {
  const limits bounds;
  http::head_storage storage(bounds);
  http::head_parser parser(http::head_rules(bounds, false));
  http::request out;
  const std::string text =
      "GET /a%20b?c HTTP/1.1\r\nHost: a\r\nCookie: x\r\nCookie: y\r\nAccept: */*\r\n\r\n";
  const std::size_t before = weir::test::allocations();
  const parse_step whole = parser.parse(text, storage, out);
  parser.reset();
  parse_step dripped = parse_step::more;
  for (std::size_t size = 0; size <= text.size(); ++size) {
    dripped = parser.parse(std::string_view(text).substr(0, size), storage, out);
  }
  const std::size_t after = weir::test::allocations();
  CHECK(whole == parse_step::done);
  CHECK(dripped == parse_step::done);
  CHECK(after == before);
}

TEST_CASE("head: after a refusal nothing is parsed", "[http][head]") {
  const limits bounds;
  http::head_storage storage(bounds);
  http::head_parser parser(http::head_rules(bounds, false));
  http::request out;
  REQUIRE(parser.parse("GET /\n", storage, out) == parse_step::refused);
  CHECK(parser.parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n", storage, out) == parse_step::refused);
  CHECK(parser.why().code() == "bare_lf");
}

TEST_CASE("head: a target that fills the head is too long, not the head too large",
          "[http][head]") {
  limits bounds;
  bounds.head_bytes_max = bounds.target_bytes_max = 64;
  CHECK(run_head("GET /" + std::string(100, 'a'), {}, bounds).why.code() == "target_too_long");
  CHECK(run_head("GET / HTTP/1.1\r\nA: " + std::string(100, 'a'), {}, bounds).why.code() ==
        "head_too_large");
}
