// tests/http/chunked_vectors.hpp - chunked bodies by the name of what they try, and the one right
// answer.
#pragma once

#include <string>
#include <vector>

namespace weir::http::test {

struct chunk_vector {
  std::string name;
  std::string bytes;
  std::string data;
  std::string code;  // "" when it is accepted
};

inline std::vector<chunk_vector> chunk_vectors() {
  using namespace std::string_literals;
  return {
      {"basic", "5\r\nhello\r\n0\r\n\r\n", "hello", ""},
      {"empty", "0\r\n\r\n", "", ""},
      {"several zeros end the body", "000\r\n\r\n", "", ""},
      {"leading zeros", "0005\r\nhello\r\n0\r\n\r\n", "hello", ""},
      {"hex in both cases", "A\r\n0123456789\r\nb\r\nabcdefghijk\r\n0\r\n\r\n",
       "0123456789abcdefghijk", ""},
      {"data that looks like framing", "7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n\r\n", ""},
      {"extension", "5;ext\r\nhello\r\n0;ext\r\n\r\n", "hello", ""},
      {"extension with values", "5;a=b;c=\"d;\\\"e\"\r\nhello\r\n0\r\n\r\n", "hello", ""},
      {"white space before ; and around =", "5 \t;a \t= b ;c\r\nhello\r\n0\r\n\r\n", "hello", ""},
      {"trailers", "5\r\nhello\r\n0\r\nX-Sum:  1 \r\nY: \r\n\r\n", "hello", ""},
      {"extensions behind every kind of value",
       "1;a=b;c\r\na\r\n1;a=\"b\";c ;d=\"\\x\" ;e\r\na\r\n0;a=b\r\n\r\n", "aa", ""},
      {"text behind a quoted string", "5;a=\"b\"c\r\n", "", "bad_chunk_extension"},
      {"text behind a space", "5 a\r\n", "", "bad_chunk_extension"},
      {"a value ended by a bad byte", "5;a=b@\r\n", "", "bad_chunk_extension"},
      {"a control character behind a backslash", "5;a=\"\\\x01\"\r\n", "", "bad_chunk_extension"},
      {"a name that begins with ;", "5;;\r\n", "", "bad_chunk_extension"},
      {"two names", "5;a b\r\n", "", "bad_chunk_extension"},
      {"minus", "-1\r\n", "", "bad_chunk_size"},
      {"plus", "+0\r\n", "", "bad_chunk_size"},
      {"0x", "0x5\r\nhello", "", "bad_chunk_size"},
      {"underscore", "1_0\r\n", "", "bad_chunk_size"},
      {"leading space", " 5\r\n", "", "bad_chunk_size"},
      {"trailing space", "5 \r\nhello", "", "bad_chunk_extension"},
      {"trailing TAB", "5\t\r\nhello", "", "bad_chunk_extension"},
      {"not hex", "XYZ\r\n", "", "bad_chunk_size"},
      {"empty size", "\r\n", "", "bad_chunk_size"},
      {"extension without size", ";a\r\n", "", "bad_chunk_size"},
      {"negative after a good chunk", "1\r\na\r\n-6\r\n", "a", "bad_chunk_size"},
      {"empty extension", "5;\r\nhello", "", "bad_chunk_extension"},
      {"space after ;", "5; a\r\nhello", "", "bad_chunk_extension"},
      {"bad name in extension", "5;a@b=c\r\nhello", "", "bad_chunk_extension"},
      {"empty value in extension", "5;a=\r\nhello", "", "bad_chunk_extension"},
      {"space at the end of an extension", "5;a \r\nhello", "", "bad_chunk_extension"},
      {"open quoted string", "5;a=\"b\r\nhello", "", "bad_chunk_extension"},
      {"control in quoted string", "5;a=\"\x01\"\r\n", "", "bad_chunk_extension"},
      {"bare LF after size", "5\nhello", "", "bare_lf"},
      {"bare LF in extension", "5;a\nhello", "", "bare_lf"},
      {"bare LF in quoted string", "5;a=\"\n\"\r\nhello", "", "bare_lf"},
      {"bare CR after size", "5\rhello", "", "bare_cr"},
      {"bare CR in extension", "2\r\r;a\r\n", "", "bare_cr"},
      {"bare CR in extension, later", "2;a\rb\r\n", "", "bare_cr"},
      {"data longer than its size", "5\r\nhello!\r\n", "hello", "bad_chunk_end"},
      {"data ended by LF", "5\r\nhello\n0\r\n\r\n", "hello", "bad_chunk_end"},
      {"data ended by CR CR", "5\r\nhello\r\r0", "hello", "bad_chunk_end"},
      {"no CRLF after data", "5\r\nhello0\r\n\r\n", "hello", "bad_chunk_end"},
      {"LF ends the trailers", "0\r\n\n", "", "bare_lf"},
      {"LF ends a trailer line", "0\r\nA: b\n\r\n", "", "bare_lf"},
      {"CR ends the trailers", "0\r\n\rX", "", "bare_cr"},
      {"trailer without colon", "0\r\nA\r\n\r\n", "", "bad_header_name"},
      {"trailer that is folded", "0\r\nA: b\r\n c\r\n\r\n", "", "obs_fold"},
      {"next request in place of the trailers", "0\r\nGET / HTTP/1.1\r\n\r\n", "",
       "bad_header_name"},
      {"trailer Authorization", "0\r\nAuthorization: x\r\n\r\n", "", "forbidden_trailer"},
      {"trailer Content-Length", "0\r\ncontent-length: 5\r\n\r\n", "", "forbidden_trailer"},
      {"trailer Transfer-Encoding", "0\r\nTRANSFER-ENCODING: chunked\r\n\r\n", "",
       "forbidden_trailer"},
      {"trailer Host", "0\r\nA: b\r\nHost: x\r\n\r\n", "", "forbidden_trailer"},
      {"trailer X-Forwarded-For", "0\r\nX-Forwarded-For: x\r\n\r\n", "", "forbidden_trailer"},
      {"size over the limit", "100001\r\n", "", "body_too_large"},
      {"size of 64 bits", "FFFFFFFFFFFFFFFF\r\n", "", "body_too_large"},
      {"size of 65 bits", "10000000000000000\r\n", "", "bad_chunk_size"},
      {"size of 68 bits that ends small", "100000000000000005\r\nhello", "", "bad_chunk_size"},
      {"a sum over the limit", "1\r\na\r\n100000\r\n", "a", "body_too_large"},
      {"endless size line", std::string(300, '0'), "", "chunk_line_too_long"},
      {"endless extension", "5;" + std::string(65'536, 'a'), "", "chunk_line_too_long"},
      {"endless trailer", "0\r\nA: " + std::string(65'536, 'a'), "", "trailers_too_large"},
  };
}

}  // namespace weir::http::test
