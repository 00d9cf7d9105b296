// Content-Length, Transfer-Encoding, chunks, trailers, Expect and pipelines: where a body ends.
#include "behaviour/probe.hpp"

namespace weir::http::behaviour {
namespace {

using namespace std::string_literals;

const std::string hello = "Hello, World!";
const std::string smuggled = get("/echo/smuggled");

// What a length-delimited attack carries: enough to tell a server that read it as another.
std::string lengths(std::string_view lines) {
  return post_with(lines, "{}");
}
std::string codings(std::string_view lines) {
  return post_with(lines, "5\r\nhello\r\n0\r\n\r\n");
}

void one_kib(limits& l) {
  l.body_bytes_max = 1'024;
}
void two_mib(limits& l) {
  l.body_bytes_max = 2 * 1'024 * 1'024;
}

std::vector<probe> content_lengths() {
  const auto bad = [](const std::string& name, const std::string& value) {
    return refused(name, lengths("Content-Length: " + value + "\r\n"), 400, "bad_content_length");
  };
  const auto padded = [](const std::string& name, const std::string& line) {
    return served(name, post_with(line, "hello"), {"hello"});
  };
  return {
      refused("F03 R54 V06 two Content-Length lines that differ: 400",
              lengths("Content-Length: 2\r\nContent-Length: 9\r\n"), 400,
              "duplicate_content_length"),
      refused("F04 R54 V06 the same Content-Length twice: 400",
              lengths("Content-Length: 2\r\nContent-Length: 2\r\n"), 400,
              "duplicate_content_length"),
      bad("F05 R54 a list of equal lengths: 400", "2, 2"),
      bad("V06 a list of lengths that differ: 400", "5, 6"),
      bad("F06 a length with a plus: 400", "+2"),
      bad("V06 a length with a plus that would fit its body: 400", "+5"),
      bad("F06 a length of minus one: 400", "-1"),
      bad("V06 a length with a minus: 400", "-5"),
      bad("F06 a length in hex: 400", "0x2"),
      bad("V06 a length in hex of two digits: 400", "0xff"),
      bad("F06 white space inside a length: 400", "2 2"),
      bad("F06 V06 an empty length: 400", ""),
      bad("F06 a TAB for a length: 400", "\t"),
      bad("F06 R52 a length of 2^64: 400, not a small number", "18446744073709551616"),
      bad("R52 a length of forty digits: 400", "1000000000000000000000000000000000000005"),
      bad("V06 a letter behind a length: 400", "5x"),
      bad("V06 zeros in front of a length: 400", "005"),
      bad("V06 two zeros: 400", "00"),
      bad("V06 a length that octal would read otherwise: 400", "010"),
      padded("V06 a space behind a length is no part of it", "Content-Length: 5 \r\n"),
      padded("V06 two spaces before a length are no part of it", "Content-Length:  5\r\n"),
      padded("V06 a TAB before a length is no part of it", "Content-Length:\t5\r\n"),
      refused("F07 R52 R94 J06 a length of 10^12: 413 before any byte of the body",
              "POST /submit HTTP/1.1\r\nHost: weir\r\nContent-Length: 1000000000000\r\n\r\n", 413,
              "body_too_large"),
      refused("F07 V10 too long a body that asks first: 413, and no 100",
              "POST /submit HTTP/1.1\r\nHost: weir\r\nContent-Length: 1000000000000\r\n"
              "Expect: 100-continue\r\n\r\n",
              413, "body_too_large")
          .seen_as([](const stage::seen& seen) { CHECK(seen.interim == 0); }),
      refused("J06 V10 a body of one byte past the limit: 413",
              post_with("Content-Length: 1025\r\n", std::string(1'025, 'x')), 413, "body_too_large")
          .under(one_kib),
      served("V10 a body as long as its limit is served",
             post_with("Content-Length: 1024\r\n", std::string(1'024, 'x')),
             {std::string(1'024, 'x')})
          .under(one_kib),
      refused(
          "V10 too long a length twice: refused once, and nothing behind it is read",
          post_with("Content-Length: 1025\r\nContent-Length: 1025\r\n", std::string(1'025, 'x')),
          400, "duplicate_content_length")
          .under(one_kib),
      served("R42 R56 neither length nor coding is a body of nothing",
             post_with("") + get("/echo/next"), {"", "next"}),
      served("R66 V13 a body nobody reads is skipped, and what follows is served",
             post("/ignore", "unread") + get("/echo/next"), {"ignored", "next"}),
  };
}

std::vector<probe> transfer_codings() {
  const auto unknown = [](const char* name, std::string_view value) {
    return refused(name, codings("Transfer-Encoding: " + std::string(value) + "\r\n"), 501,
                   "transfer_coding_not_implemented");
  };
  const auto bad = [](const char* name, std::string_view value) {
    return refused(name, codings("Transfer-Encoding: " + std::string(value) + "\r\n"), 400,
                   "bad_transfer_encoding");
  };
  const auto both = [](const char* name, std::string_view lines) {
    return refused(name, codings(lines), 400, "length_and_transfer_encoding");
  };
  return {
      both("F08 R45 V07 Content-Length, then Transfer-Encoding: 400",
           "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
      both("V07 Transfer-Encoding, then Content-Length: 400",
           "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
      both("V07 both, with a space more before chunked: 400",
           "Transfer-Encoding:  chunked\r\nContent-Length: 5\r\n"),
      both("V07 both, with a TAB before chunked: 400",
           "Content-Length: 5\r\nTransfer-Encoding:\tchunked\r\n"),
      unknown("F09 R44 V08 a coding we do not know: 501", "gzip"),
      unknown("F09 a coding we do not know before chunked: 501", "gzip, chunked"),
      unknown("F09 an empty Transfer-Encoding: 501", ""),
      unknown("F09 a Transfer-Encoding of spaces: 501", "   "),
      unknown("V07 a coding that only resembles chunked: 501", "xchunked"),
      refused("F09 V07 two Transfer-Encoding lines: 400",
              codings("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400,
              "duplicate_transfer_encoding"),
      refused("F10 a space before the colon of Transfer-Encoding: 400",
              codings("Transfer-Encoding : chunked\r\n"), 400, "bad_header_name"),
      refused("R46 Transfer-Encoding in HTTP/1.0: 400",
              "POST /submit HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
              "transfer_encoding_in_http10"),
      bad("R53 V08 chunked that is not the last coding: 400", "chunked, gzip"),
      bad("V08 chunked before a coding nobody knows: 400", "chunked, evil"),
      bad("R53 chunked twice in a list: 400", "chunked, chunked"),
      bad("R60 chunked with a parameter: 400", "chunked;q=1"),
      served("R57 the name of the coding in any case", codings("Transfer-Encoding: ChUnKeD\r\n"),
             {"hello"}),
  };
}

std::vector<probe> chunks() {
  const auto good = [](const char* name, std::string_view raw, std::string_view data) {
    return served(name, chunked(raw) + get("/echo/next"), {reply(std::string(data)), "next"});
  };
  const auto bad = [](const char* name, std::string_view raw, int status, const char* code) {
    return refused(name, chunked(raw), status, code);
  };
  std::string extensions;
  for (int i = 0; i < 200; ++i) extensions += "1;" + std::string(200, 'e') + "\r\nx\r\n";
  std::string trailers = "0\r\n";
  for (int i = 0; i < 1'000; ++i) trailers += "T: v\r\n";
  return {
      good("R43 V09 chunks are decoded", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"),
      good("V09 a chunked body of nothing", "0\r\n\r\n", ""),
      good("V09 sizes in upper case", "A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
      good("R61 V09 an unknown extension is ignored", "5;ext\r\nhello\r\n0\r\n\r\n", "hello"),
      good("V09 an extension of the last chunk is ignored", "5\r\nhello\r\n0;ext=1\r\n\r\n",
           "hello"),
      good("R39 white space before ; and around = of an extension is no part of it",
           "5 ;a = b\t;c=\"d\"\r\nhello\r\n0\r\n\r\n", "hello"),
      good("V09 a trailer is read", "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", "hello"),
      served("R63 a trailer does not become a header field",
             chunked("0\r\nX-Tag: late\r\n\r\n", "/tags") + get("/echo/next"), {"", "next"}),
      bad("R63 V09 a trailer that may not be one: 400", "0\r\nAuthorization: x\r\n\r\n", 400,
          "forbidden_trailer"),
      bad("F24 V09 a chunk size with 0x: 400", "0x5\r\nhello\r\n0\r\n\r\n", 400, "bad_chunk_size"),
      bad("F24 a chunk size with a letter behind: 400", "5g\r\nhello\r\n0\r\n\r\n", 400,
          "bad_chunk_size"),
      bad("F24 V09 a chunk size with a minus: 400", "-1\r\nhello\r\n0\r\n\r\n", 400,
          "bad_chunk_size"),
      bad("V09 a chunk size of minus five: 400", "-5\r\nhello\r\n0\r\n\r\n", 400, "bad_chunk_size"),
      bad("V09 a chunk size with a plus: 400", "+0\r\n\r\n", 400, "bad_chunk_size"),
      bad("V09 a chunk size with an underscore: 400", "1_0\r\n", 400, "bad_chunk_size"),
      bad("V09 a chunk size that is no number: 400", "XYZ\r\n", 400, "bad_chunk_size"),
      bad("F24 V09 an empty chunk size: 400", "\r\nhello\r\n0\r\n\r\n", 400, "bad_chunk_size"),
      bad("V09 a space before a chunk size: 400", " 5\r\nhello\r\n0\r\n\r\n", 400,
          "bad_chunk_size"),
      bad("V09 a space behind a chunk size: 400", "5 \r\nhello\r\n0\r\n\r\n", 400,
          "bad_chunk_extension"),
      bad("V09 an extension without a name: 400", "5;\r\nhello\r\n0\r\n\r\n", 400,
          "bad_chunk_extension"),
      bad("V09 an extension with a bad name: 400", "5;a@b=c\r\nhello\r\n0\r\n\r\n", 400,
          "bad_chunk_extension"),
      bad("F24 R58 a chunk size of 17 digits: 400, not a small number",
          "10000000000000005\r\nhello\r\n0\r\n\r\n", 400, "bad_chunk_size"),
      bad("R58 the largest chunk size of 64 bits: 413", "FFFFFFFFFFFFFFFF\r\n", 413,
          "body_too_large"),
      bad("F24 a bare LF behind a chunk size: 400", "5\nhello\r\n0\r\n\r\n", 400, "bare_lf"),
      bad("F25 a bare LF in an extension: 400", "5;a\nhello\r\n0\r\n\r\n", 400, "bare_lf"),
      bad("R59 a bare CR in an extension: 400", "5;a\rhello\r\n0\r\n\r\n", 400, "bare_cr"),
      bad("F25 R62 V09 an extension of 64 KiB: 400 at its limit",
          "5;" + std::string(65'536, 'a') + "\r\nhello\r\n0\r\n\r\n", 400, "chunk_line_too_long"),
      bad("F25 R62 many small extensions: 400 at their sum", extensions + "0\r\n\r\n", 400,
          "chunk_extensions_too_large"),
      bad("F25 1,000 trailers: 431", trailers + "\r\n", 431, "too_many_trailers"),
      bad("R59 F26 V09 chunk data longer than its size: 400", "3\r\nhello\r\n0\r\n\r\n", 400,
          "bad_chunk_end"),
      bad("F26 chunk data without its CRLF: 400", "5\r\nhello0\r\n\r\n", 400, "bad_chunk_end"),
      bad("V09 trailers that end in a bare LF: 400 at once", "0\r\n\n", 400, "bare_lf"),
      refused("F27 V10 chunks whose sum passes the limit: 413 at the size line",
              chunked("3e8\r\n" + std::string(1'000, 'x') + "\r\n19\r\n"), 413, "body_too_large")
          .under(one_kib),
      served("V10 chunks whose sum is the limit are served",
             chunked("3e8\r\n" + std::string(1'000, 'x') + "\r\n18\r\n" + std::string(24, 'y') +
                     "\r\n0\r\n\r\n"),
             {std::string(1'000, 'x') + std::string(24, 'y')})
          .under(one_kib),
  };
}

std::vector<probe> expectations_and_pipelines() {
  const std::string patient =
      "POST /submit HTTP/1.1\r\nHost: weir\r\nContent-Length: 5\r\nExpect: 100-continue\r\n";
  const std::string options = "OPTIONS * HTTP/1.1\r\nHost: weir\r\n";
  return {
      refused("F28 R86 an expectation we do not know: 417",
              "POST /submit HTTP/1.1\r\nHost: weir\r\nContent-Length: 5\r\nExpect: x\r\n\r\n", 417,
              "expectation_failed"),
      refused("F28 an expectation under a head that is refused: the 4xx alone",
              patient + "A b\r\n\r\n", 400, "bad_header_name")
          .seen_as([](const stage::seen& seen) { CHECK(seen.interim == 0); }),
      served("R85 R87 a body that is there already needs no 100, and gets its final answer",
             patient + "\r\nhello", {"hello"}),
      served("V11 no 100 is owed to a request without a body", get_with("Expect: 100-continue\r\n"),
             {hello})
          .seen_as([](const stage::seen& seen) { CHECK(seen.interim == 0); }),
      served("F29 R65 a body that looks like a request is a body",
             post("/submit", smuggled) + get("/echo/next"), {reply(smuggled), "next"}),
      served("F29 a GET whose body looks like a request is one request",
             get("/plaintext", "Content-Length: " + std::to_string(smuggled.size()) + "\r\n") +
                 smuggled + get("/echo/next"),
             {hello, "next"}),
      served("R65 V13 three pipelined requests are answered in order",
             get("/echo/one") + get("/delay/3") + get("/echo/three"), {"one", "late", "three"}),
      served("V13 two requests on one connection", get("/echo/one") + get("/echo/two"),
             {"one", "two"}),
      served("V13 a body by length keeps the next request in its place",
             post("/submit", "hello") + get("/echo/next"), {"hello", "next"}),
      served("V13 a chunked body with trailers keeps the next request in its place",
             chunked("5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n") + get("/echo/next"), {"hello", "next"}),
      served("V13 the body of OPTIONS * is skipped, by length",
             options + "Content-Length: 5\r\n\r\nhello" + get("/echo/next"), {204, "next"}),
      served(
          "V13 the body of OPTIONS * is skipped, by chunks",
          options + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + get("/echo/next"),
          {204, "next"}),
      served(
          "V13 a body of exactly 64 KiB is skipped",
          options + "Content-Length: 65536\r\n\r\n" + std::string(65'536, 'x') + get("/echo/next"),
          {204, "next"}),
      last("R66 V13 a body past 64 KiB that nobody reads ends the connection",
           options + "Content-Length: 65537\r\n\r\n" + std::string(65'537, 'x'), {204}),
      last("V13 an empty line, then a request with close",
           "\r\nGET /plaintext HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n\r\n", {hello}),
      served("R47 R48 R49 R50 R93 an answer of 204 has neither content nor framing fields",
             get("/status/204") + get("/echo/next"), {204, "next"})
          .seen_as([](const stage::seen& seen) {
            CHECK(seen.answers[0].field("content-length") == "");
            CHECK(seen.answers[0].field("transfer-encoding") == "");
          }),
      served("R51 R93 an answer of 304 has no content and no length of its own",
             get("/status/304") + get("/echo/next"), {304, "next"})
          .seen_as([](const stage::seen& seen) {
            CHECK(seen.answers[0].field("content-length") == "");
            CHECK(seen.answers[0].field("transfer-encoding") == "");
          }),
      served("R51 HEAD has the length of GET, and no other",
             "HEAD /plaintext HTTP/1.1\r\nHost: weir\r\n\r\n" + get("/plaintext"),
             {reply(200).with("content-length", "13"), reply(hello).with("content-length", "13")})
          .asked_with({"HEAD", "GET"}),
      last("R47 a stream to HTTP/1.0 has no Transfer-Encoding, and ends with the connection",
           "GET /firehose/70000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
           {reply(std::string(pattern(70'000)))})
          .seen_as([](const stage::seen& seen) {
            CHECK(seen.answers[0].field("transfer-encoding") == "");
            CHECK(seen.answers[0].until_close);
          }),
      served("R49 an answer in chunks has no Content-Length", get("/firehose/70000"),
             {reply(std::string(pattern(70'000))).with("transfer-encoding", "chunked")})
          .seen_as([](const stage::seen& seen) {
            CHECK(seen.answers[0].field("content-length") == "");
          }),
      served("R37 a Location as long as the longest target can be sent and asked for",
             get("/location") + get("/" + std::string(8'191, 'l')),
             {reply(302).with("location", "/" + std::string(8'191, 'l')), {404, "not_found"}}),
      served(
          "V14 an Upgrade beside a body is a request with a body",
          post_with("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n", "hello") +
              get("/echo/next"),
          {"hello", "next"})
          .under(two_mib),
  };
}

const bool registered[] = {register_probes(content_lengths()), register_probes(transfer_codings()),
                           register_probes(chunks()),
                           register_probes(expectations_and_pipelines())};

}  // namespace
}  // namespace weir::http::behaviour
