// apps/cert_command.cpp - see the header.
#include "cert_command.hpp"

#include "misuse.hpp"
#include "units.hpp"

namespace weir::apps {

cert_command::cert_command(CLI::App& app)
    : words_(*app.add_subcommand("cert", "Make certificates for development and tests")) {
  words_.add_option("--dir", options_.folder, "Folder for the files, which is there already")
      ->type_name("DIR")
      ->default_str("the current one");
  words_
      .add_option("--name", options_.names,
                  "Host name (*.a.test too) or address the certificate is for, beside localhost, "
                  "127.0.0.1 and ::1; may be repeated")
      ->type_name("NAME")
      ->expected(1)
      ->take_all();
  words_
      .add_option("--days", days_,
                  "How long it is good for, at most " + std::to_string(cert_days_max) +
                      "; the authority is for as long as that")
      ->type_name("N")
      ->default_str("1");
  words_.add_flag("--rsa", options_.rsa, "Keys of RSA with 2048 bits instead of P-256");
  words_.add_flag("--client", options_.for_client,
                  "A certificate that clients show: client.pem and client.key");
  words_.add_flag("--force", options_.replace_leaf,
                  "Replace the certificate and key that are there; never the authority");
  words_.footer(
      "Makes an authority (ca.pem, ca.key), or uses the one in the folder, and a certificate that "
      "it signs (server.pem, server.key). The files belong to their owner alone (0600), are there "
      "whole or not at all, and replace nothing unless told to. Their paths are printed, one a "
      "line.\n"
      "Whoever is given ca.pem believes these certificates, and whoever has ca.key can make more: "
      "an authority for tests, on the machine where it was made.\n"
      "Exit code 2: something is in the way or cannot be used, and nothing was made.");
}

int cert_command::run() {
  const std::string command = "weir cert";
  const result<std::uint32_t> days = parse_count(days_);
  if (!days.ok()) return wrong_words("--days " + days_ + ": " + days.why().where, command);
  if (days.value() == 0 || days.value() > cert_days_max) {
    return wrong_words("--days " + days_ + ": from 1 to " + std::to_string(cert_days_max), command);
  }
  options_.days = days.value();
  if (options_.folder.empty()) {
    return wrong_words("--dir: the name of a folder is missing", command);
  }
  return make_cert(options_);
}

}  // namespace weir::apps
