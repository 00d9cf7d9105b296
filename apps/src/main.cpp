// apps/main.cpp - the program `weir`: which of its commands is meant.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <weir/platform/process.hpp>

#include "cert_command.hpp"
#include "exit_code.hpp"
#include "misuse.hpp"
#include "serve_command.hpp"

namespace {

using namespace weir::apps;

constexpr const char* examples =
    "Examples:\n"
    "  weir serve                                          http://127.0.0.1:8080\n"
    "  weir serve --listen '[::1]:0' --print-port          a free port, printed\n"
    "  weir serve --files ./public --log json --threads 2  a folder, under /files/\n"
    "  weir serve --tls-cert server.pem --tls-key server.key  https, with files of `weir cert`\n";
constexpr const char* cert_examples =
    "Examples:\n"
    "  weir cert                              for localhost, in this folder\n"
    "  weir cert --dir certs --name a.test    for a.test and localhost, in certs\n"
    "  weir cert --dir certs --client         for a client, of the same authority\n";

struct command_line {
  CLI::App app;
  serve_command serve{app};
  cert_command cert{app};

  command_line() {
    app.name("weir");
    app.set_version_flag("--version", "weir " WEIR_VERSION, "Print the version and exit");
    app.require_subcommand(1);
  }
};

// `words` begin with the program's name.
int run(const std::vector<std::string>& words) {
  command_line line;
  const CLI::App& cert = line.cert.words();
  if (words.size() < 2) {
    std::fprintf(stderr, "%s\n%s", examples, line.app.help().c_str());
    return exit_code::misuse;
  }
  try {
    // The rest from its end: this is how that library takes words that are not main's.
    line.app.parse(std::vector<std::string>(words.rbegin(), words.rend() - 1));
  } catch (const CLI::CallForHelp&) {
    const CLI::App& serve = line.serve.words();
    const CLI::App& about = cert.parsed() ? cert : serve.parsed() ? serve : line.app;
    std::printf("%s\n%s", cert.parsed() ? cert_examples : examples, about.help().c_str());
    return exit_code::done;
  } catch (const CLI::CallForVersion& version) {
    std::printf("%s\n", version.what());
    return exit_code::done;
  } catch (const CLI::ParseError& why) {
    return wrong_words(why.what(), cert.parsed() ? "weir cert" : "weir serve");
  }
  return cert.parsed() ? line.cert.run() : line.serve.run();
}

}  // namespace

int main(int count, char** words) {
  weir::platform::use_plain_output();
  try {
    const weir::result<std::vector<std::string>> spelled =
        weir::platform::command_line_words(count, words);
    if (!spelled.ok()) {
      return wrong_words("the command line cannot be spelled in UTF-8", "weir");
    }
    return run(spelled.value());
  } catch (const std::exception& why) {
    std::fprintf(stderr, "weir: %s\n", why.what());
    return exit_code::failed;
  }
}
