// What a handler may not do to the wire: end a field's line, frame the message, throw.
//
// Handlers of each kind are told in the target which field they set, with the value in hex: what a
// careless one would make of a request. Each gets its 500, and nothing of the field leaves.
#include "behaviour/probe.hpp"

namespace weir::http::behaviour {
namespace {

using namespace std::string_literals;

struct kind {
  const char* name;
  std::string path;
};
const kind kinds[] = {
    {"a plain handler", "/set/"},
    {"a coroutine that sends", "/set-send/"},
    {"a coroutine that begins", "/set-begin/"},
    {"a blocking handler", "/set-blocking/"},
};

std::string hex(std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) out += "%" + hex({&c, 1});
  return out;
}

std::string setting(const kind& of, std::string_view name, std::string_view value) {
  return get(of.path + escaped(name) + "/" + hex(value));
}

// Only the 500 leaves: no byte of what the handler wanted to say, in its head or in its body.
probe stopped(std::string what, const kind& of, std::string_view name, std::string_view value) {
  return last("R75 " + what + " of " + of.name + " never reaches the wire: 500",
              setting(of, name, value), {{500, "bad_response"}})
      .seen_as([](const stage::seen& seen) {
        for (const auto& [field, text] : seen.answers[0].fields) {
          CHECK(field != "injected");
          CHECK(text.find("7654321") == std::string::npos);
        }
        CHECK(seen.answers[0].body.find("set by a handler") == std::string::npos);
      });
}

std::vector<probe> fields() {
  std::vector<probe> all;
  for (const kind& of : kinds) {
    all.push_back(served("R75 a field that may be set by "s + of.name + " is sent as it is",
                         setting(of, "X-Set", "caf\xc3\xa9 \t!"),
                         {reply(200).with("x-set", "caf\xc3\xa9 \t!")}));
    all.push_back(stopped("a CR LF in a value", of, "X-Set", "a\r\nInjected: 7654321"));
    all.push_back(stopped("a lone CR in a value", of, "X-Set", "a\rInjected: 7654321"));
    all.push_back(stopped("a lone LF in a value", of, "X-Set", "a\nInjected: 7654321"));
    all.push_back(stopped("a NUL in a value", of, "X-Set", "7654321\0"s));
    all.push_back(stopped("a CR LF in a name", of, "X-Set\r\nInjected", "7654321"));
    all.push_back(stopped("a name that ends in white space", of, "Content-Length ", "7654321"));
    for (const char* framing : {"Content-Length", "transfer-encoding", "Connection", "Keep-Alive",
                                "Upgrade", "Trailer", "TE", "Proxy-Connection", "Date", "Server"}) {
      all.push_back(stopped(std::string(framing) + " as a field", of, framing, "7654321"));
    }
  }
  return all;
}

// What it throws ends in one place, and the client learns nothing of it.
std::vector<probe> throwing() {
  const auto thrown = [](const char* name, std::string_view target) {
    return last(name, get(target), {{500, "handler_failed"}}).seen_as([](const stage::seen& seen) {
      CHECK(seen.answers[0].body.find("trouble") == std::string::npos);
    });
  };
  return {
      thrown("a plain handler that throws: 500", "/throw"),
      thrown("a plain handler that throws no exception of the library: 500", "/throw-number"),
      thrown("a coroutine that throws before its answer: 500", "/throw-async"),
      thrown("a coroutine that throws at once: 500", "/throw-first"),
      thrown("a blocking handler that throws: 500", "/throw-blocking"),
  };
}

const bool registered[] = {register_probes(fields()), register_probes(throwing())};

}  // namespace
}  // namespace weir::http::behaviour
