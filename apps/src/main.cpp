// apps/main.cpp - the program `weir`: its command line, and which command it means.
#include <cstdio>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <weir/platform/process.hpp>

#include "limit_flags.hpp"
#include "serve.hpp"
#include "units.hpp"

namespace {

using namespace weir::apps;

constexpr const char* examples =
    "Examples:\n"
    "  weir serve                                          http://127.0.0.1:8080\n"
    "  weir serve --listen '[::1]:0' --print-port          a free port, printed\n"
    "  weir serve --files ./public --log json --threads 2  a folder, under /files/\n";

// The values of the limit flags as they were typed, in the order of http::limit_fields.
using typed_limits = std::vector<std::string>;

struct command_line {
  CLI::App app;
  CLI::App* serve = nullptr;
  serve_options options;
  std::string log = "off";
  std::string threads = "1";
  bool as_service = false;
  typed_limits limits = typed_limits(weir::http::limit_fields.size());
};

void describe(command_line& line) {
  line.app.name("weir");
  line.app.set_version_flag("--version", "weir " WEIR_VERSION, "Print the version and exit");
  line.app.require_subcommand(1);
  CLI::App& serve = *line.app.add_subcommand("serve", "Serve HTTP/1.1 until a signal");
  line.serve = &serve;
  serve
      .add_option("--listen", line.options.listen,
                  "Address to listen on: 127.0.0.1:8080, [::1]:0, unix:/path; may be repeated")
      ->type_name("ADDR")
      ->expected(1)
      ->take_all()
      ->default_str("127.0.0.1:8080");
  serve
      .add_option("--admin-listen", line.options.admin_listen,
                  "Serve /livez, /readyz and /startupz at this address alone, also while draining")
      ->type_name("ADDR");
  serve.add_option("--threads", line.threads, "Loops, each with its own thread")
      ->type_name("N")
      ->default_str("1");
  serve
      .add_option("--log", line.log,
                  "Access log on standard output: plain, json or off; bounded, lines that do not "
                  "fit are dropped and counted")
      ->type_name("FORMAT")
      ->default_str("off");
  serve.add_flag(
      "--print-port", line.options.print_port,
      "Print each bound port (or Unix path) on standard output, one a line, --admin-listen "
      "last");
  serve.add_option("--files", line.options.files, "Serve this folder under /files/")
      ->type_name("DIR");
  serve.add_flag("--service", line.as_service,
                 "Run as a service of Windows: for the manager of services, who starts it");
  std::size_t at = 0;
  for (const weir::http::limit_field& field : weir::http::limit_fields) {
    std::string help(field.help);
    if (field.unbounded_ok) help += " (or: unbounded)";
    serve.add_option("--" + flag_of(field.name), line.limits[at++], help)
        ->type_name(std::string(value_name(field)))
        ->default_str(limit_text(weir::http::limits(), field))
        ->group("Limits (durations 250ms 4s 2min, sizes 64KiB 1MiB)");
  }
  serve.footer(
      "SIGTERM or SIGINT drains: requests under way are answered, then the counts are printed and\n"
      "the exit code is 0. A second signal ends at once with 130. 2: something cannot be used.");
}

int wrong(const std::string& what) {
  std::fprintf(stderr, "weir: %s; see weir serve --help\n", what.c_str());
  return exit_code::misuse;
}

// What CLI11 leaves as text. Returns "", or what is wrong.
std::string interpret(command_line& line) {
  const weir::result<std::uint32_t> threads = parse_count(line.threads);
  if (!threads.ok()) return "--threads " + line.threads + ": " + threads.why().where;
  if (threads.value() == 0 || threads.value() > threads_max) {
    return "--threads " + line.threads + ": from 1 to " + std::to_string(threads_max);
  }
  line.options.threads = threads.value();
  if (line.log == "plain") {
    line.options.log = log_format::plain;
  } else if (line.log == "json") {
    line.options.log = log_format::json;
  } else if (line.log != "off") {
    return "--log " + line.log + ": plain, json or off";
  }
  if (line.serve->count("--admin-listen") > 0 && line.options.admin_listen.empty()) {
    return "--admin-listen: the address is missing";
  }
  if (line.serve->count("--files") > 0 && line.options.files.empty()) {
    return "--files: the name of a folder is missing";
  }
  weir::http::limits& bounds = line.options.bounds;
  std::size_t at = 0;
  for (const weir::http::limit_field& field : weir::http::limit_fields) {
    const std::string flag = "--" + flag_of(field.name);
    const std::string& text = line.limits[at++];
    if (line.serve->count(flag) > 0) {
      const std::string problem = set_limit(bounds, field, text);
      if (!problem.empty()) {
        std::string said = flag;
        return said.append(" ").append(text).append(": ").append(problem);
      }
    } else if (field.follows != nullptr) {
      bounds.*field.count = bounds.*field.follows;
    }
  }
  line.options.connections_max_asked = line.serve->count("--connections-max") > 0;
  return {};
}

// The manager's hint: the drain, and then the end of the log and of the process.
constexpr weir::time_ns stop_slack_ns = 5 * weir::second_ns;

int serve_as_service(const serve_options& options) {
  const auto body = [](void* context) noexcept {
    try {
      return serve(*static_cast<const serve_options*>(context));
    } catch (const std::exception& why) {
      std::fprintf(stderr, "weir: %s\n", why.what());
      return exit_code::failed;
    }
  };
  const weir::http::limits& bounds = options.bounds;
  const weir::time_ns stop_ns =
      weir::due_after(weir::due_after(bounds.drain_delay, bounds.drain_timeout), stop_slack_ns);
  const weir::result<int> code =
      weir::platform::run_service(body, const_cast<serve_options*>(&options), stop_ns);
  if (code.ok()) return code.value();
  switch (code.why().code) {
    case weir::errc::not_supported:
      return wrong("--service: this system has no manager of services that wants to be answered");
    case weir::errc::not_connected:
      return wrong("--service: it is the manager of services who starts a service (sc start)");
    default: return wrong(std::string("--service: ") + weir::to_string(code.why().code));
  }
}

// `words` begin with the program's name.
int run(const std::vector<std::string>& words) {
  command_line line;
  describe(line);
  if (words.size() < 2) {
    std::fprintf(stderr, "%s\n%s", examples, line.app.help().c_str());
    return exit_code::misuse;
  }
  try {
    // The rest from its end: this is how that library takes words that are not main's.
    line.app.parse(std::vector<std::string>(words.rbegin(), words.rend() - 1));
  } catch (const CLI::CallForHelp&) {
    const CLI::App& about = line.serve->parsed() ? *line.serve : line.app;
    std::printf("%s\n%s", examples, about.help().c_str());
    return exit_code::done;
  } catch (const CLI::CallForVersion& version) {
    std::printf("%s\n", version.what());
    return exit_code::done;
  } catch (const CLI::ParseError& why) {
    return wrong(why.what());
  }
  const std::string problem = interpret(line);
  if (!problem.empty()) return wrong(problem);
  return line.as_service ? serve_as_service(line.options) : serve(line.options);
}

}  // namespace

int main(int count, char** words) {
  weir::platform::use_plain_output();
  try {
    const weir::result<std::vector<std::string>> spelled =
        weir::platform::command_line_words(count, words);
    if (!spelled.ok()) return wrong("the command line cannot be spelled in UTF-8");
    return run(spelled.value());
  } catch (const std::exception& why) {
    std::fprintf(stderr, "weir: %s\n", why.what());
    return weir::apps::exit_code::failed;
  }
}
