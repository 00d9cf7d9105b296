// apps/serve_command.cpp - see the header.
#include "serve_command.hpp"

#include <cstdio>
#include <exception>

#include <weir/http/target.hpp>
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
      ->default_str("127.0.0.1:8080, with TLS 127.0.0.1:8443");
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
  describe_tls();
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
      "the exit code is 0. A second signal ends at once with 130. 2: something cannot be used.\n"
      "SIGHUP reads certificates and keys again; what cannot be used is said, and changes "
      "nothing.");
}

void serve_command::describe_tls() {
  const std::string group = "TLS";
  const auto repeated = [this, &group](const char* flag, std::vector<std::string>& into,
                                       const char* help) {
    words_.add_option(flag, into, help)->type_name("FILE")->expected(1)->take_all()->group(group);
  };
  repeated("--tls-cert", certificates_,
           "Serve https alone, with this certificate chain (PEM, the leaf first); repeated, a "
           "client gets the one for the host it names, and the first otherwise. Read again on "
           "SIGHUP");
  repeated("--tls-key", keys_, "The private key of each --tls-cert, in the same order (PEM)");
  words_
      .add_option("--tls-client-ca", options_.tls.client_ca,
                  "Ask clients for a certificate that one of these authorities has signed (PEM)")
      ->type_name("FILE")
      ->group(group);
  words_
      .add_option("--tls-client-auth", client_auth_,
                  "Whether a client without one is refused: required or optional")
      ->type_name("HOW")
      ->default_str("required")
      ->group(group);
  words_.add_option("--tls-min", tls_min_, "The oldest version that is spoken: 1.2 or 1.3")
      ->type_name("VERSION")
      ->default_str("1.2")
      ->group(group);
  words_
      .add_option("--tls-tickets", tickets_,
                  "Let clients resume their sessions without a full handshake: on or off")
      ->type_name("HOW")
      ->default_str("on")
      ->group(group);
  words_
      .add_option(
          "--tls-ticket-keys", options_.tls.ticket_keys,
          "Keys of tickets that several servers share, so that each resumes the sessions of "
          "all: lines of 64 hexadecimal digits, the first seals, two more only open")
      ->type_name("FILE")
      ->group(group);
  words_
      .add_option("--tls-watch", tls_watch_,
                  "Look at these files so often, and read them again when they have changed and "
                  "look the same twice")
      ->type_name("DURATION")
      ->default_str("off")
      ->group(group);
  words_
      .add_option("--redirect-http", options_.redirect_listen,
                  "Answer plain HTTP at this address with 308, to the same path by https")
      ->type_name("ADDR")
      ->group(group);
  words_
      .add_option("--redirect-to", options_.redirect_to,
                  "The host[:port] it redirects to, whatever host a client names")
      ->type_name("HOST")
      ->default_str("the first --listen")
      ->group(group);
}

// The words about TLS, likewise.
std::string serve_command::interpret_tls() {
  if (certificates_.size() != keys_.size()) {
    return "--tls-cert is there " + std::to_string(certificates_.size()) + " times and --tls-key " +
           std::to_string(keys_.size()) + " times; each certificate has a key, in the same order";
  }
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    if (certificates_[i].empty()) return "--tls-cert: the name of a file is missing";
    if (keys_[i].empty()) return "--tls-key: the name of a file is missing";
    options_.tls.pairs.push_back({certificates_[i], keys_[i]});
  }
  for (const char* flag :
       {"--tls-client-ca", "--tls-client-auth", "--tls-min", "--tls-tickets", "--tls-ticket-keys",
        "--tls-watch", "--redirect-http", "--redirect-to"}) {
    if (words_.count(flag) > 0 && options_.tls.pairs.empty()) {
      return std::string(flag) + " goes with --tls-cert and --tls-key, which are missing";
    }
  }
  if (words_.count("--tls-client-ca") > 0 && options_.tls.client_ca.empty()) {
    return "--tls-client-ca: the name of a file is missing";
  }
  if (words_.count("--tls-client-auth") > 0 && options_.tls.client_ca.empty()) {
    return "--tls-client-auth goes with --tls-client-ca, which is missing";
  }
  if (client_auth_ != "required" && client_auth_ != "optional") {
    return "--tls-client-auth " + client_auth_ + ": required or optional";
  }
  if (tls_min_ != "1.2" && tls_min_ != "1.3") return "--tls-min " + tls_min_ + ": 1.2 or 1.3";
  if (tickets_ != "on" && tickets_ != "off") return "--tls-tickets " + tickets_ + ": on or off";
  if (words_.count("--tls-ticket-keys") > 0) {
    if (options_.tls.ticket_keys.empty()) return "--tls-ticket-keys: the name of a file is missing";
    if (tickets_ == "off") return "--tls-ticket-keys goes with --tls-tickets on";
  }
  if (words_.count("--tls-watch") > 0) {
    const result<time_ns> often = parse_duration(tls_watch_);
    if (!often.ok()) return "--tls-watch " + tls_watch_ + ": " + often.why().where;
    if (often.value() < tls_watch_min) {
      return "--tls-watch " + tls_watch_ + ": at least " + format_duration(tls_watch_min);
    }
    options_.tls_watch = often.value();
  }
  options_.tls.client_optional = client_auth_ == "optional";
  options_.tls.only_1_3 = tls_min_ == "1.3";
  options_.tls.tickets = tickets_ == "on";
  if (words_.count("--redirect-http") > 0 && options_.redirect_listen.empty()) {
    return "--redirect-http: the address is missing";
  }
  if (words_.count("--redirect-to") == 0) return {};
  if (options_.redirect_listen.empty()) {
    return "--redirect-to goes with --redirect-http, which is missing";
  }
  const std::string& to = options_.redirect_to;
  if (to.empty() || to.ends_with(':') || !http::is_authority(to)) {
    return "--redirect-to " + to + ": a host name or address and perhaps a port, as in a.test:8443";
  }
  return {};
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
  if (std::string problem = interpret_tls(); !problem.empty()) return problem;
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
