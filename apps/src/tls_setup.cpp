// apps/tls_setup.cpp - see the header.
#include "tls_setup.hpp"

#include <utility>

#include <weir/tls/server_credentials.hpp>
#include <weir/tls/server_security.hpp>

#include "text_file.hpp"
#include "units.hpp"

namespace weir::apps {

namespace {

tls::credential_files files_of(const tls_settings& settings) {
  tls::credential_files files;
  for (const tls_files& each : settings.pairs) files.pairs.push_back({each.certificate, each.key});
  files.client_anchors = settings.client_ca;
  files.ticket_keys = settings.ticket_keys;
  return files;
}

tls::server_options options_of(const tls_settings& settings) {
  tls::server_options options;
  if (!settings.client_ca.empty()) {
    options.ask = settings.client_optional ? tls::client_certificates::optional
                                           : tls::client_certificates::required;
  }
  if (settings.only_1_3) options.oldest = tls::version::tls_1_3;
  options.tickets = settings.tickets;
  return options;
}

std::string about_file(const tls::credential_problem& wrong) {
  switch (wrong.unfit) {
    case tls::fitness::expired: return "it expired on " + format_moment(wrong.facts.not_after);
    case tls::fitness::not_yet_valid:
      return "it is not valid before " + format_moment(wrong.facts.not_before);
    case tls::fitness::for_nobody:
      return "it is for no host name or address (subject alternative name), and no client takes "
             "that";
    case tls::fitness::not_for_servers: return "it is not for servers (extended key usage)";
    case tls::fitness::fit: break;
  }
  std::string said = file_problem(wrong.why);
  if (wrong.why == errc::not_found) said += "; weir cert makes some for tests";
  return said;
}

// What is wrong with what could be read; of a file that could not, what the system says.
std::string unreadable(const tls::credential_problem& wrong, const char* should) {
  if (wrong.why == errc::malformed) {
    return std::string("cannot read the ") + wrong.why.where + ", which " + should;
  }
  return file_problem(wrong.why);
}

}  // namespace

struct tls_setup::impl {
  explicit impl(const tls_settings& from)
      : settings(from), credentials(files_of(from), options_of(from)) {}

  std::string words_for(const tls::credential_problem& wrong) const;

  const tls_settings settings;
  tls::server_credentials credentials;
};

std::string tls_setup::impl::words_for(const tls::credential_problem& wrong) const {
  using part = tls::credential_problem::part;
  switch (wrong.of) {
    case part::none: return {};
    case part::certificate: return "--tls-cert " + wrong.file + ": " + about_file(wrong);
    case part::key: return "--tls-key " + wrong.file + ": " + about_file(wrong);
    case part::pair:
      return "--tls-cert " + wrong.file + " --tls-key " + settings.pairs[wrong.pair].key + ": " +
             unreadable(wrong, "has to be PEM text without a password");
    case part::client_anchors:
      return "--tls-client-ca " + wrong.file + ": " +
             unreadable(wrong, "have to be certificates as PEM text");
    case part::ticket_keys:
      return "--tls-ticket-keys " + wrong.file + ": " +
             (wrong.why == errc::malformed ? wrong.why.where : file_problem(wrong.why));
    case part::rest:
      return std::string("TLS cannot be used: ") + wrong.why.where + " (" +
             to_string(wrong.why.code) + ")";
  }
  return {};
}

tls_setup::tls_setup(const tls_settings& settings) : impl_(std::make_unique<impl>(settings)) {}

tls_setup::~tls_setup() = default;

std::string tls_setup::load() {
  return impl_->words_for(impl_->credentials.load());
}

bool tls_setup::changed() {
  return impl_->credentials.changed();
}

std::vector<std::string> tls_setup::about() const {
  std::vector<std::string> lines;
  const std::vector<tls::certificate_facts>& facts = impl_->credentials.facts();
  lines.reserve(facts.size());
  for (std::size_t i = 0; i < facts.size(); ++i) {
    lines.push_back("certificate " + impl_->settings.pairs[i].certificate + " for " +
                    facts[i].names + " until " + format_moment(facts[i].not_after) + ", serial " +
                    facts[i].serial);
  }
  return lines;
}

std::shared_ptr<runtime::stream_security> tls_setup::secure(runtime::scheduler& loop) const {
  return std::make_shared<tls::server_security>(loop, impl_->credentials.live());
}

}  // namespace weir::apps
