// apps/tls_setup.cpp - see the header.
#include "tls_setup.hpp"

#include <optional>
#include <utility>

#include <weir/platform/clock.hpp>
#include <weir/platform/file.hpp>
#include <weir/platform/mutex.hpp>
#include <weir/tls/certificate_facts.hpp>
#include <weir/tls/context.hpp>
#include <weir/tls/server_security.hpp>

#include "text_file.hpp"
#include "units.hpp"

namespace weir::apps {

namespace {

// What loops take their new sessions from.
class current_context {
 public:
  void set(const tls::context& now) noexcept {
    lock hold(mutex_);
    now_ = now;
    ++version_;
  }
  // What was set last, unless that is what has been `seen`.
  std::optional<tls::context> newer_than(std::uint64_t& seen) const noexcept {
    lock hold(mutex_);
    if (seen == version_) return std::nullopt;
    seen = version_;
    return now_;
  }

 private:
  mutable mutex mutex_;
  std::optional<tls::context> now_;
  std::uint64_t version_ = 0;
};

// Of one loop, on its thread.
class loop_security final : public runtime::stream_security {
 public:
  loop_security(runtime::scheduler& loop, std::shared_ptr<const current_context> from)
      : from_(std::move(from)), inner_(loop, from_->newer_than(seen_).value()) {}

  result<std::unique_ptr<runtime::secured_stream>> secure(
      runtime::byte_stream& inner, const runtime::secured_limits& bounds) noexcept override {
    if (std::optional<tls::context> newer = from_->newer_than(seen_)) {
      inner_.use(std::move(*newer));
    }
    return inner_.secure(inner, bounds);
  }

 private:
  std::uint64_t seen_ = 0;
  std::shared_ptr<const current_context> from_;
  tls::server_security inner_;
};

result<std::string> read(const char* flag, const std::string& path, std::string& wrong) {
  result<std::string> text = read_text(path);
  if (!text.ok()) {
    wrong = std::string(flag) + " " + path + ": " + file_problem(text.why());
    if (text.why() == errc::not_found) wrong += "; weir cert makes some for tests";
  }
  return text;
}

// Why no client would be content with a certificate; "" when some may be.
std::string unusable(const tls::certificate_facts& facts) {
  const std::int64_t now = system_clock().unix_seconds();
  if (facts.not_after < now) return "it expired on " + format_moment(facts.not_after);
  if (facts.not_before > now) return "it is not valid before " + format_moment(facts.not_before);
  if (facts.names.empty()) {
    return "it is for no host name or address (subject alternative name), and no client takes that";
  }
  if (!facts.for_servers) return "it is not for servers (extended key usage)";
  return {};
}

std::string load_pair(const tls_files& from, std::vector<tls::identity>& into) {
  std::string wrong;
  const result<std::string> chain = read("--tls-cert", from.certificate, wrong);
  if (!chain.ok()) return wrong;
  const result<std::string> key = read("--tls-key", from.key, wrong);
  if (!key.ok()) return wrong;
  result<tls::identity> made = tls::identity::from_pem(chain.value(), key.value());
  const std::string both = "--tls-cert " + from.certificate + " --tls-key " + from.key + ": ";
  if (!made.ok()) {
    const bool unreadable = made.why() == errc::malformed;
    return both + (unreadable ? "cannot read the " : "") + made.why().where +
           (unreadable ? ", which has to be PEM text without a password" : "");
  }
  if (const std::string why = unusable(tls::facts_of(made.value())); !why.empty()) {
    return "--tls-cert " + from.certificate + ": " + why;
  }
  into.push_back(std::move(made).value());
  return {};
}

// How a file looks from outside; all zero when it cannot be opened.
struct file_look {
  std::uint64_t identity = 0;
  std::uint64_t size = 0;
  std::int64_t modified = 0;
  friend bool operator==(const file_look&, const file_look&) = default;
};

std::vector<file_look> look_at(const tls_settings& from) {
  std::vector<file_look> looks;
  const auto add = [&looks](const std::string& path) {
    const result<file> found = file::open_read(path);
    looks.push_back(found.ok() ? file_look{found.value().identity(), found.value().size(),
                                           found.value().modified_unix_seconds()}
                               : file_look{});
  };
  for (const tls_files& pair : from.pairs) {
    add(pair.certificate);
    add(pair.key);
  }
  if (!from.client_ca.empty()) add(from.client_ca);
  return looks;
}

}  // namespace

struct tls_setup::impl {
  explicit impl(tls_settings from) : settings(std::move(from)) {}

  const tls_settings settings;
  const std::shared_ptr<current_context> current = std::make_shared<current_context>();
  std::vector<tls::certificate_facts> facts;
  std::vector<file_look> loaded;  // before they were read
  std::vector<file_look> seen;
};

tls_setup::tls_setup(tls_settings settings) : impl_(std::make_unique<impl>(std::move(settings))) {}

tls_setup::~tls_setup() = default;

std::string tls_setup::load() {
  const tls_settings& from = impl_->settings;
  impl_->loaded = look_at(from);
  tls::server_options options;
  for (const tls_files& pair : from.pairs) {
    if (const std::string wrong = load_pair(pair, options.identities); !wrong.empty()) return wrong;
  }
  std::vector<tls::certificate_facts> facts;
  facts.reserve(options.identities.size());
  for (const tls::identity& each : options.identities) facts.push_back(tls::facts_of(each));
  if (!from.client_ca.empty()) {
    std::string wrong;
    const result<std::string> text = read("--tls-client-ca", from.client_ca, wrong);
    if (!text.ok()) return wrong;
    const result<tls::trust_anchors> anchors = tls::trust_anchors::from_pem(text.value());
    if (!anchors.ok()) {
      return "--tls-client-ca " + from.client_ca + ": cannot read the " + anchors.why().where +
             ", which have to be certificates as PEM text";
    }
    options.client_anchors = anchors.value();
    options.ask = from.client_optional ? tls::client_certificates::optional
                                       : tls::client_certificates::required;
  }
  if (from.only_1_3) options.oldest = tls::version::tls_1_3;
  options.tickets = from.tickets;
  const result<tls::context> made = tls::context::for_servers(std::move(options));
  if (!made.ok()) {
    return std::string("TLS cannot be used: ") + made.why().where + " (" +
           to_string(made.why().code) + ")";
  }
  impl_->facts = std::move(facts);
  impl_->current->set(made.value());
  return {};
}

bool tls_setup::changed() {
  std::vector<file_look> now = look_at(impl_->settings);
  const bool settled = now == impl_->seen;
  impl_->seen = std::move(now);
  return settled && impl_->seen != impl_->loaded;
}

std::vector<std::string> tls_setup::about() const {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < impl_->facts.size(); ++i) {
    const tls::certificate_facts& each = impl_->facts[i];
    lines.push_back("certificate " + impl_->settings.pairs[i].certificate + " for " + each.names +
                    " until " + format_moment(each.not_after) + ", serial " + each.serial);
  }
  return lines;
}

std::shared_ptr<runtime::stream_security> tls_setup::secure(runtime::scheduler& loop) const {
  return std::make_shared<loop_security>(loop, impl_->current);
}

}  // namespace weir::apps
