// behaviour/probe.hpp - one exchange of bytes and its one right answer, as a row of a table.
//
// Each row becomes a test case of its own, named for what it tries, and runs on every stage whole
// and in small pieces. A name begins with the ids of docs/http-requirements.md that it shows. What
// has to hold after every probe, whatever it was, is checked in run_probe(): post_conditions.hpp.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "behaviour/stage.hpp"

namespace weir::http::behaviour {

struct reply {
  int status = 200;
  std::string code;  // of its problem body; "" for an answer that is none
  std::string body;  // compared when has_body is set
  bool has_body = false;
  std::vector<std::pair<std::string, std::string>> fields;  // name in lower case, exact value

  reply(int s) : status(s) {}
  reply(int s, std::string c) : status(s), code(std::move(c)) {}
  reply(const char* b) : body(b), has_body(true) {}
  reply(std::string b) : body(std::move(b)), has_body(true) {}
  reply&& with(std::string name, std::string value) && {
    fields.emplace_back(std::move(name), std::move(value));
    return std::move(*this);
  }
};

struct probe {
  std::string name;
  std::string bytes;
  std::vector<reply> replies;
  // The last answer ends the connection: it says so, the stream ends in order, and what the peer
  // sent behind the probe is never looked at.
  bool closes = false;
  std::function<void(limits&)> set{};  // limits other than the defaults
  std::vector<std::string> methods{};  // when not all are GET or POST
  std::function<void(const stage::seen&)> also{};

  probe&& under(std::function<void(limits&)> s) && {
    set = std::move(s);
    return std::move(*this);
  }
  probe&& asked_with(std::vector<std::string> m) && {
    methods = std::move(m);
    return std::move(*this);
  }
  probe&& seen_as(std::function<void(const stage::seen&)> a) && {
    also = std::move(a);
    return std::move(*this);
  }
};

// Answered with `replies`, and the connection goes on.
probe served(std::string name, std::string bytes, std::vector<reply> replies);
// Answered, the last time with Connection: close.
probe last(std::string name, std::string bytes, std::vector<reply> replies);
// One answer, which is a problem and the end.
probe refused(std::string name, std::string bytes, int status, std::string code);

// A request with these lines in its head; `body` follows the head.
std::string post_with(std::string_view lines, std::string_view body = {});
std::string get_with(std::string_view lines);
// The line, a Host, and nothing else.
std::string request_line(std::string_view line);
// A chunked POST to /submit with this body as it stands.
std::string chunked(std::string_view raw, std::string_view target = "/submit");

void run_probe(stage& on, const probe& p);

// Makes a test case of each row. Called from a static initialiser: the result says it was.
bool register_probes(std::vector<probe> table);

}  // namespace weir::http::behaviour
