// apps/serve_command.cpp - see the header.
#include "serve_command.hpp"

#include <cstdio>
#include <exception>

#include <weir/platform/process.hpp>

#include "exit_code.hpp"
#include "limit_flags.hpp"
#include "misuse.hpp"
#include "units.hpp"

namespace weir::apps {

serve_command::serve_command(CLI::App& app)
    : words_(*app.add_subcommand("serve", "Serve HTTP/1.1 until a signal")) {
  words_
      .add_option("--listen", options_.listen,
                  "Address to listen on: 127.0.0.1:8080, [::1]:0, unix:/path; may be repeated")
      ->type_name("ADDR")
      ->expected(1)
      ->take_all()
      ->default_str("127.0.0.1:8080");
  words_
      .add_option("--admin-listen", options_.admin_listen,
                  "Serve /livez, /readyz and /startupz at this address alone, also while draining")
      ->type_name("ADDR");
  words_.add_option("--threads", threads_, "Loops, each with its own thread")
      ->type_name("N")
      ->default_str("1");
  words_
      .add_option("--log", log_,
                  "Access log on standard output: plain, json or off; bounded, lines that do not "
                  "fit are dropped and counted")
      ->type_name("FORMAT")
      ->default_str("off");
  words_.add_flag(
      "--print-port", options_.print_port,
      "Print each bound port (or Unix path) on standard output, one a line, --admin-listen "
      "last");
  words_.add_option("--files", options_.files, "Serve this folder under /files/")->type_name("DIR");
  words_.add_flag("--service", as_service_,
                  "Run as a service of Windows: for the manager of services, who starts it");
  std::size_t at = 0;
  for (const http::limit_field& field : http::limit_fields) {
    std::string help(field.help);
    if (field.unbounded_ok) help += " (or: unbounded)";
    words_.add_option("--" + flag_of(field.name), limits_[at++], help)
        ->type_name(std::string(value_name(field)))
        ->default_str(limit_text(http::limits(), field))
        ->group("Limits (durations 250ms 4s 2min, sizes 64KiB 1MiB)");
  }
  words_.footer(
      "SIGTERM or SIGINT drains: requests under way are answered, then the counts are printed and\n"
      "the exit code is 0. A second signal ends at once with 130. 2: something cannot be used.");
}

// What CLI11 leaves as text. Returns "", or what is wrong.
std::string serve_command::interpret() {
  const result<std::uint32_t> threads = parse_count(threads_);
  if (!threads.ok()) return "--threads " + threads_ + ": " + threads.why().where;
  if (threads.value() == 0 || threads.value() > threads_max) {
    return "--threads " + threads_ + ": from 1 to " + std::to_string(threads_max);
  }
  options_.threads = threads.value();
  if (log_ == "plain") {
    options_.log = log_format::plain;
  } else if (log_ == "json") {
    options_.log = log_format::json;
  } else if (log_ != "off") {
    return "--log " + log_ + ": plain, json or off";
  }
  if (words_.count("--admin-listen") > 0 && options_.admin_listen.empty()) {
    return "--admin-listen: the address is missing";
  }
  if (words_.count("--files") > 0 && options_.files.empty()) {
    return "--files: the name of a folder is missing";
  }
  http::limits& bounds = options_.bounds;
  std::size_t at = 0;
  for (const http::limit_field& field : http::limit_fields) {
    const std::string flag = "--" + flag_of(field.name);
    const std::string& text = limits_[at++];
    if (words_.count(flag) > 0) {
      const std::string problem = set_limit(bounds, field, text);
      if (!problem.empty()) {
        std::string said = flag;
        return said.append(" ").append(text).append(": ").append(problem);
      }
    } else if (field.follows != nullptr) {
      bounds.*field.count = bounds.*field.follows;
    }
  }
  options_.connections_max_asked = words_.count("--connections-max") > 0;
  return {};
}

namespace {

// The manager's hint: the drain, and then the end of the log and of the process.
constexpr time_ns stop_slack_ns = 5 * second_ns;

constexpr const char* command = "weir serve";

}  // namespace

int serve_command::run_as_service() {
  const auto body = [](void* context) noexcept {
    try {
      return serve(*static_cast<const serve_options*>(context));
    } catch (const std::exception& why) {
      std::fprintf(stderr, "weir: %s\n", why.what());
      return exit_code::failed;
    }
  };
  const http::limits& bounds = options_.bounds;
  const time_ns stop_ns =
      due_after(due_after(bounds.drain_delay, bounds.drain_timeout), stop_slack_ns);
  const result<int> code = platform::run_service(body, &options_, stop_ns);
  if (code.ok()) return code.value();
  switch (code.why().code) {
    case errc::not_supported:
      return wrong_words(
          "--service: this system has no manager of services that wants to be answered", command);
    case errc::not_connected:
      return wrong_words("--service: it is the manager of services who starts a service (sc start)",
                         command);
    default: return wrong_words(std::string("--service: ") + to_string(code.why().code), command);
  }
}

int serve_command::run() {
  const std::string problem = interpret();
  if (!problem.empty()) return wrong_words(problem, command);
  return as_service_ ? run_as_service() : serve(options_);
}

}  // namespace weir::apps
