// Request line, versions, targets, Host and field lines: every answer there is to a head.
#include "behaviour/probe.hpp"

namespace weir::http::behaviour {
namespace {

using namespace std::string_literals;

const std::string host = "Host: weir\r\n";
const std::string hello = "Hello, World!";

std::string target(std::string_view t, std::string_view method = "GET") {
  return request_line(std::string(method) + " " + std::string(t) + " HTTP/1.1");
}

std::string fields(int count) {
  std::string out = "GET /plaintext HTTP/1.1\r\n" + host;
  for (int i = 1; i < count; ++i) out += "X-" + std::to_string(i) + ": y\r\n";
  return out + "\r\n";
}

void sixty_four_fields(limits& l) {
  l.header_fields_max = 64;
}
void small_target(limits& l) {
  l.target_bytes_max = 4'096;
}
void small_head(limits& l) {
  l.head_bytes_max = 16 * 1'024;
}
void eight_kib(limits& l) {
  l.head_bytes_max = 8 * 1'024;
  l.target_bytes_max = 4 * 1'024;
}

std::vector<probe> request_lines() {
  return {
      // -- lines --
      refused("R02 F15 V01 a bare LF ends the request line: 400",
              "GET /plaintext HTTP/1.1\n" + host + "\r\n", 400, "bare_lf"),
      refused("R02 R32 F15 a bare LF ends a field line: 400", get_with("A: b\nC: d\r\n"), 400,
              "bare_lf"),
      refused("R03 R32 F15 a bare CR inside a value: 400", get_with("A: b\rc\r\n"), 400, "bare_cr"),
      refused("R03 a bare CR ends the request line: 400",
              "GET /plaintext HTTP/1.1\r" + host + "\r\n", 400, "bare_cr"),
      served("R04 V01 one empty line before the request line is skipped",
             "\r\n" + get("/plaintext"), {hello}),
      served("R04 four empty lines before the request line are skipped",
             "\r\n\r\n\r\n\r\n" + get("/plaintext"), {hello}),
      refused("R04 five empty lines before the request line: 400",
              "\r\n\r\n\r\n\r\n\r\n" + get("/plaintext"), 400, "too_many_blank_lines"),
      refused("R05 white space before the first field line: 400",
              "GET /plaintext HTTP/1.1\r\n " + host + "\r\n", 400, "obs_fold"),
      refused("R06 bytes of another protocol: 400, and the end", "\x16\x03\x01\x02\x00\x01"s, 400,
              "bad_method"),
      // -- versions --
      served("R07 F20 V02 HTTP/1.2 is served as 1.1", request_line("GET /plaintext HTTP/1.2"),
             {hello}),
      served("R07 F20 HTTP/1.7 is served as 1.1", request_line("GET /plaintext HTTP/1.7"), {hello}),
      served("R07 HTTP/1.9 is served as 1.1", request_line("GET /plaintext HTTP/1.9"), {hello}),
      refused("R08 F20 HTTP/2.0 in the clear: 505", request_line("GET / HTTP/2.0"), 505,
              "version_not_supported"),
      refused("R08 V02 HTTP/9.9: 505 and the end", request_line("GET / HTTP/9.9"), 505,
              "version_not_supported"),
      refused("R08 HTTP/0.9 written out: 505", request_line("GET / HTTP/0.9"), 505,
              "version_not_supported"),
      refused("R09 F20 another protocol name: 400", request_line("GET / FOO/1.1"), 400,
              "bad_version"),
      refused("R09 F20 something behind the version: 400", request_line("GET / HTTP/1.1x"), 400,
              "bad_version"),
      refused("R09 http in lower case: 400", request_line("GET / http/1.1"), 400, "bad_version"),
      refused("R09 two digits behind the point: 400", request_line("GET / HTTP/1.10"), 400,
              "bad_version"),
      refused("R11 V01 two spaces before the target: 400", request_line("GET  / HTTP/1.1"), 400,
              "bad_target"),
      refused("R11 V01 two spaces before the version: 400", request_line("GET /  HTTP/1.1"), 400,
              "bad_version"),
      refused("R11 a space at the end of the request line: 400", request_line("GET / HTTP/1.1 "),
              400, "bad_version"),
      refused("R11 V01 a TAB for the first space: 400", request_line("GET\t/ HTTP/1.1"), 400,
              "bad_method"),
      refused("R11 V01 a TAB for the second space: 400", request_line("GET /\tHTTP/1.1"), 400,
              "bad_target"),
      // -- length of the parts --
      refused("R12 a method longer than any we know: 501",
              request_line(std::string(40, 'M') + " / HTTP/1.1"), 501, "method_not_implemented"),
      refused("R12 V01 70,000 bytes of a method without an end: 501", std::string(70'000, 'M'), 501,
              "method_not_implemented"),
      refused("V01 70,000 bytes that begin no method: 400", "(" + std::string(70'000, 'a'), 400,
              "bad_method"),
      refused("R13 V01 70,000 bytes of a target without an end: 414",
              "GET /" + std::string(70'000, 'a'), 414, "target_too_long"),
      refused("R13 F13 a target of one byte past its limit: 414",
              target("/" + std::string(4'096, 'a')), 414, "target_too_long")
          .under(small_target),
      served("R13 F13 a target as long as its limit is looked up",
             target("/" + std::string(4'095, 'a')), {{404, "not_found"}})
          .under(small_target),
      served("R14 a request line of 8,000 bytes is read",
             target("/plaintext?" + std::string(8'000, 'q')), {hello}),
      refused("R36 V01 70,000 bytes of a field without an end: 431",
              "GET / HTTP/1.1\r\nX: " + std::string(70'000, 'a'), 431, "head_too_large"),
      // -- what is no request line --
      refused("R15 V01 no version, as HTTP/0.9: 400, not repaired", "GET /\r\n", 400, "bad_target"),
      refused("R15 V01 no target: 400", request_line("GET HTTP/1.1"), 400, "bad_target"),
      refused("V01 an HTTP/0.9 request with a bare LF: 400", "GET /\n", 400, "bare_lf"),
      refused("R15 an empty method: 400", request_line(" / HTTP/1.1"), 400, "bad_method"),
      // -- methods --
      served("R76 GET and HEAD are served", get("/plaintext") + target("/plaintext", "HEAD"),
             {hello, ""})
          .asked_with({"GET", "HEAD"}),
      refused("R77 F21 V12 an unknown method: 501", target("/", "BREW"), 501,
              "method_not_implemented"),
      refused("R77 V12 a method of an extension: 501", target("/", "PROPFIND"), 501,
              "method_not_implemented"),
      refused("F21 V01 get in lower case: 501", target("/", "get"), 501, "method_not_implemented"),
      refused("V01 Get in mixed case: 501", target("/", "Get"), 501, "method_not_implemented"),
      served("R78 R79 F21 J09 a known method that this path lacks: 405 with Allow, and goes on",
             target("/submit", "DELETE") + get("/plaintext"),
             {reply(405, "method_not_allowed").with("allow", "POST"), hello}),
      served("J09 an unknown path: 404, and goes on", get("/nowhere") + get("/plaintext"),
             {{404, "not_found"}, hello}),
      served("V12 GET with a body is served, and its body skipped",
             "GET /plaintext HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nhello" +
                 get("/echo/next"),
             {hello, "next"}),
      served("V12 POST of nothing is served", post_with("Content-Length: 0\r\n"), {""}),
      served("R80 V12 HEAD says what GET would, and sends no body",
             target("/plaintext", "HEAD") + get("/plaintext"),
             {reply(200).with("content-length", "13"), hello})
          .asked_with({"HEAD", "GET"}),
      refused("R81 CONNECT without a port: 400", target("a.example", "CONNECT"), 400,
              "bad_target_authority"),
      refused("R81 CONNECT with an empty port: 400", target("a.example:", "CONNECT"), 400,
              "bad_target_authority"),
      refused("R81 CONNECT with a port past the last: 400", target("a:65536", "CONNECT"), 400,
              "bad_target_authority"),
      refused("F21 V03 CONNECT: 501", target("a.example:443", "CONNECT"), 501,
              "method_not_implemented"),
      served("R82 TRACE: 405, and nothing of the request comes back",
             "TRACE /plaintext HTTP/1.1\r\n" + host + "Cookie: secret\r\n\r\n",
             {{405, "method_not_allowed"}})
          .seen_as([](const stage::seen& seen) {
            CHECK(seen.answers[0].body.find("secret") == std::string::npos);
          }),
  };
}

std::vector<probe> targets() {
  const auto bad = [](const char* name, std::string_view t, const char* code) {
    return refused(name, target(t), 400, code);
  };
  return {
      bad("R19 a target without its slash: 400", "plaintext", "bad_target_form"),
      served("R20 F22 absolute-form is served", target("http://weir/plaintext"), {hello}),
      served("R21 V03 absolute-form is routed as origin-form although Host differs",
             target("http://other.example:8080/plaintext"), {hello}),
      served("R21 the authority of absolute-form is the one a handler sees, not that of Host",
             target("http://other.example:8080/authority"), {"other.example:8080"}),
      bad("R22 F22 authority-form with GET: 400", "weir:80", "bad_target_form"),
      bad("R23 F22 V03 * with GET: 400", "*", "bad_target_form"),
      served("R24 F22 V03 OPTIONS * is answered for the server: 204 with Allow",
             target("*", "OPTIONS"), {reply(204).with("allow", "GET, HEAD, POST, OPTIONS")}),
      bad("R25 F22 an absolute target with an empty host: 400", "http:///x",
          "bad_target_authority"),
      bad("R26 userinfo in a target: 400", "http://u:p@weir/plaintext", "bad_target_authority"),
      refused("R27 https over a plain connection, and http over TLS: 421",
              target("https://weir/plaintext"), 421, "misdirected"),
      bad("R27 a foreign scheme: 400", "ftp://weir/plaintext", "bad_target"),
      bad("R01 V03 UTF-8 as it is in a target: 400", "/caf\xc3\xa9", "bad_target"),
      bad("F16 a NUL in a target: 400", "/a\0b"s, "bad_target"),
      bad("F16 a control in a target: 400", "/a\x01", "bad_target"),
      bad("F16 a DEL in a target: 400", "/a\x7f", "bad_target"),
      refused("F16 a control in a method: 400", "G\x01T / HTTP/1.1\r\n\r\n", 400, "bad_method"),
      refused("F16 a DEL in a method: 400", "G\x7fT / HTTP/1.1\r\n\r\n", 400, "bad_method"),
      refused("F16 a NUL in a method: 400", "G\0T / HTTP/1.1\r\n\r\n"s, 400, "bad_method"),
      bad("F23 a bad escape in a path: 400", "/%zz", "bad_path"),
      bad("F23 an escaped NUL in a path: 400", "/a%00b", "bad_path"),
      bad("F23 an escaped slash in a path: 400", "/a%2Fb", "bad_path"),
      bad("F23 a path that leaves the root: 400", "/../x", "bad_path"),
      bad("F23 a path that leaves the root in escapes: 400", "/%2e%2e/x", "bad_path"),
      served("F23 dots that stay inside the root are resolved before routing",
             target("/echo/./b/../c"), {"c"}),
      bad("R15 a fragment in a target: 400", "/a#b", "bad_target"),
  };
}

std::vector<probe> field_lines() {
  const auto with = [](const char* name, std::string_view lines, const char* code) {
    return refused(name, get_with(lines), 400, code);
  };
  const auto hosts = [](const char* name, const std::string& lines, const char* code,
                        const char* version = "1.1") {
    return refused(name, "GET /plaintext HTTP/" + std::string(version) + "\r\n" + lines + "\r\n",
                   400, code);
  };
  return {
      // -- Host --
      hosts("R16 F19 V02 HTTP/1.1 without Host: 400", "", "missing_host"),
      last("F19 V02 HTTP/1.0 without Host is served", "GET /plaintext HTTP/1.0\r\n\r\n", {hello}),
      hosts("R17 F19 two Host lines: 400", "Host: a\r\nHost: b\r\n", "duplicate_host"),
      hosts("R17 two equal Host lines in HTTP/1.0: 400", "Host: a\r\nhost: a\r\n", "duplicate_host",
            "1.0"),
      hosts("R18 V02 Host with userinfo: 400", "Host: u@weir\r\n", "bad_host"),
      hosts("R18 Host with a path: 400", "Host: weir/x\r\n", "bad_host"),
      hosts("R18 Host with a port that is no number: 400", "Host: weir:8x\r\n", "bad_host"),
      hosts("F19 an empty Host: 400", "Host:\r\n", "bad_host"),
      hosts("F19 a Host of a comma alone: 400", "Host: ,\r\n", "bad_host"),
      hosts("F19 a list of Hosts: 400", "Host: a, b\r\n", "bad_host"),
      // -- names --
      with("R28 F18 a space inside a field name: 400", "Ho st: a\r\n", "bad_header_name"),
      with("R28 F18 an empty field name: 400", ": v\r\n", "bad_header_name"),
      with("R28 F18 a field name with a letter that is not ASCII: 400", "N\xc3\xa4me: v\r\n",
           "bad_header_name"),
      with("R28 V04 a line without a colon: 400", "Abc\r\n", "bad_header_name"),
      with("R29 V04 a space before the colon: 400", "A : b\r\n", "bad_header_name"),
      with("R29 a TAB before the colon: 400", "A\t: b\r\n", "bad_header_name"),
      with("F16 a NUL in a field name: 400", "A\0: b\r\n"s, "bad_header_name"),
      with("F16 a control in a field name: 400", "A\x01: b\r\n", "bad_header_name"),
      with("F16 a DEL in a field name: 400", "A\x7f: b\r\n", "bad_header_name"),
      // -- values --
      with("R30 F17 V04 a folded line: 400", "A: b\r\n c\r\n", "obs_fold"),
      with("R30 a line folded with a TAB: 400", "A: b\r\n\tc\r\n", "obs_fold"),
      served("R31 V04 white space around a value is no part of it",
             "GET /agent HTTP/1.1\r\n" + host + "User-Agent: \t weir test \t\r\n\r\n",
             {"weir test"}),
      with("R32 F16 V04 a NUL in a value: 400", "A: b\0c\r\n"s, "bad_header_value"),
      with("R33 F16 a control in a value: 400", "A: b\x01\r\n", "bad_header_value"),
      with("R33 F16 a DEL in a value: 400", "A: b\x7f\r\n", "bad_header_value"),
      served("R01 R33 bytes above ASCII in a value are passed on as they are",
             "GET /agent HTTP/1.1\r\n" + host + "User-Agent: caf\xc3\xa9 \xff\r\n\r\n",
             {"caf\xc3\xa9 \xff"}),
      served("V04 a HTAB inside a value is kept",
             "GET /agent HTTP/1.1\r\n" + host + "User-Agent: a\tb\r\n\r\n", {"a\tb"}),
      served("V04 an empty value is a value", get_with("A:\r\n"), {hello}),
      served("R35 lines of one name keep their order",
             "GET /tags HTTP/1.1\r\n" + host + "X-Tag: a\r\nX-Tag: b, c\r\nx-tag: d\r\n\r\n",
             {"a, b, c, d"}),
      served("R38 R88 empty elements of a list are skipped",
             get_with("Connection: , keep-alive ,,\r\n"), {hello}),
      // -- sizes --
      refused("R36 F11 a field of 70,000 bytes: 431, and the whole answer can be read",
              get_with("X-Fill: " + std::string(70'000, 'a') + "\r\n"), 431, "head_too_large")
          .under(small_head),
      refused("R36 F12 one field line past the limit: 431", fields(65), 431, "too_many_headers")
          .under(sixty_four_fields),
      served("F12 as many field lines as the limit are served", fields(64), {hello})
          .under(sixty_four_fields),
      served("V05 a line of 200 bytes is served", get_with("X: " + std::string(200, 'a') + "\r\n"),
             {hello}),
      refused("V05 a line of 9 KiB under a head of 8 KiB: 431",
              get_with("X: " + std::string(9 * 1'024, 'a') + "\r\n"), 431, "head_too_large")
          .under(eight_kib),
      served("V05 50 fields are served", fields(50), {hello}),
      refused("V05 a head of 72 KB: 431",
              get_with("X: " + std::string(36'000, 'a') + "\r\nY: " + std::string(36'000, 'a') +
                       "\r\n"),
              431, "head_too_large"),
      // -- once only --
      with("F30 two Authorization lines: 400", "Authorization: a\r\nauthorization: b\r\n",
           "duplicate_header"),
      with("F30 two X-API-Key lines: 400", "X-API-Key: a\r\nX-Api-Key: b\r\n", "duplicate_header"),
      with("F30 V02 two Content-Type lines: 400", "Content-Type: a/b\r\nContent-Type: a/b\r\n",
           "duplicate_header"),
      served("F30 two Cookie lines are joined to one",
             get("/cookie", "Cookie: a=1\r\nCookie: b=2\r\n"), {"a=1; b=2"}),
      with("V04 Transfer_Encoding beside Content-Length: 400",
           "Content-Length: 5\r\nTransfer_Encoding: chunked\r\n", "framing_lookalike"),
      with("V04 Content_Length beside Transfer-Encoding: 400",
           "Content_Length: 5\r\nTransfer-Encoding: chunked\r\n", "framing_lookalike"),
      // -- credentials --
      served("J09 a missing key: 401 with WWW-Authenticate, and goes on",
             get("/secret") + get("/plaintext"),
             {reply(401, "unauthorized").with("www-authenticate", "ApiKey realm=\"weir\""), hello}),
      served("J09 a wrong key gets the same bytes as a missing one",
             get("/secret") + get("/secret", "X-API-Key: a key that somebody guessed\r\n"),
             {{401, "unauthorized"}, {401, "unauthorized"}})
          .seen_as([](const stage::seen& seen) {
            CHECK(seen.answers[0].body == seen.answers[1].body);
            CHECK(seen.answers[0].fields.size() == seen.answers[1].fields.size());
          }),
      served("J09 the right key is let in",
             get("/secret", "X-API-Key: " + std::string(api_key) + "\r\n"), {"told"}),
      // -- Connection, Upgrade, Expect without a body --
      last("R67 R68 V13 Connection: close is honoured and said", get_with("Connection: close\r\n"),
           {hello}),
      last("R70 after a request with close nothing more is processed",
           "GET /echo/one HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n", {"one"}),
      last("R88 close is found in any case and place of a list, over several lines",
           get_with("Connection: x, keep-alive\r\nConnection: y,  CLOSE ,\r\n"), {hello}),
      served("R67 HTTP/1.1 persists without being asked", get("/echo/one") + get("/echo/two"),
             {"one", "two"}),
      last("R67 R68 HTTP/1.0 ends without keep-alive", "GET /plaintext HTTP/1.0\r\n\r\n", {hello}),
      served("R67 HTTP/1.0 persists with keep-alive",
             "GET /plaintext HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
             {reply(hello).with("connection", "keep-alive")}),
      served("R90 an Upgrade nobody takes is ignored",
             get_with("Connection: Upgrade\r\nUpgrade: h2c\r\n"), {hello}),
      last("R89 an Upgrade from HTTP/1.0 is ignored",
           "GET /plaintext HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", {hello}),
      served("R91 R92 fields of conditions and ranges that a route does not know are ignored",
             get_with("If-Modified-Since: yesterday\r\nRange: bytes=0-18446744073709551616\r\n"),
             {hello}),
      last("R10 R84 HTTP/1.0 is answered as HTTP/1.1, without an interim answer",
           "POST /submit HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
           {"hello"})
          .seen_as([](const stage::seen& seen) { CHECK(seen.interim == 0); }),
  };
}

const bool registered[] = {register_probes(request_lines()), register_probes(targets()),
                           register_probes(field_lines())};

}  // namespace
}  // namespace weir::http::behaviour
