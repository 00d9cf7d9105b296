// tls/server_credentials.cpp - see the header.
#include <weir/tls/server_credentials.hpp>

#include <utility>

#include <weir/platform/clock.hpp>
#include <weir/platform/file.hpp>

#include "secret_text.hpp"

namespace weir::tls {

namespace {

using problem_part = credential_problem::part;

// How a file looks from outside; all zero when it cannot be opened.
struct file_look {
  std::uint64_t identity = 0;
  std::uint64_t size = 0;
  std::int64_t modified = 0;
  bool open_to_others = false;
  friend bool operator==(const file_look&, const file_look&) = default;
};

std::vector<file_look> look_at(const credential_files& from) {
  std::vector<file_look> looks;
  const auto add = [&looks](const std::string& path) {
    if (path.empty()) return;
    const result<file> found = file::open_read(path);
    looks.push_back(found.ok() ? file_look{found.value().identity(), found.value().size(),
                                           found.value().modified_unix_seconds(),
                                           found.value().open_to_others()}
                               : file_look{});
  };
  for (const credential_files::pair& each : from.pairs) {
    add(each.certificate);
    add(each.key);
  }
  add(from.client_anchors);
  add(from.ticket_keys);
  return looks;
}

credential_problem problem(problem_part of, const std::string& file, error why,
                           std::size_t pair = 0) {
  credential_problem made;
  made.of = of;
  made.pair = pair;
  made.file = file;
  made.why = why;
  return made;
}

const char* words(fitness unfit) noexcept {
  switch (unfit) {
    case fitness::fit: return "";
    case fitness::expired: return "it has expired";
    case fitness::not_yet_valid: return "it is not valid yet";
    case fitness::for_nobody: return "it is for no host name or address";
    case fitness::not_for_servers: return "it is not for servers";
  }
  return "";
}

}  // namespace

std::string credential_problem::text() const {
  std::string line = file;
  if (!line.empty()) line += ": ";
  switch (why.code) {
    case errc::malformed:
      return line + (of == problem_part::ticket_keys ? "" : "cannot read the ") + why.where;
    case errc::invalid:
    case errc::limit: return line + why.where;
    case errc::not_found: return line + "there is no such file";
    case errc::not_regular: return line + "it is no regular file";
    default: return line + to_string(why.code) + " (" + why.where + ")";
  }
}

struct server_credentials::impl {
  impl(credential_files files, server_options others)
      : from(std::move(files)), rest(std::move(others)) {}

  credential_problem read_pair(std::size_t which, std::vector<identity>& into);
  credential_problem read_anchors(trust_anchors& into);
  credential_problem read_ticket_keys(ticket_keys& into);

  const credential_files from;
  const server_options rest;
  std::shared_ptr<live_context> live;
  std::vector<certificate_facts> facts;
  std::vector<file_look> loaded;  // before they were read
  std::vector<file_look> seen;
};

credential_problem server_credentials::impl::read_pair(std::size_t which,
                                                       std::vector<identity>& into) {
  const credential_files::pair& pair = from.pairs[which];
  const result<secret_text> chain = secret_text::read(pair.certificate, readers::any);
  if (!chain.ok()) return problem(problem_part::certificate, pair.certificate, chain.why(), which);
  const result<secret_text> key = secret_text::read(pair.key, readers::any);
  if (!key.ok()) return problem(problem_part::key, pair.key, key.why(), which);
  const result<identity> made = identity::from_pem(chain.value().view(), key.value().view());
  if (!made.ok()) return problem(problem_part::pair, pair.certificate, made.why(), which);
  certificate_facts about = facts_of(made.value());
  const fitness unfit = fitness_for_servers(about, system_clock().unix_seconds());
  if (unfit != fitness::fit) {
    credential_problem wrong = problem(problem_part::certificate, pair.certificate,
                                       error(errc::invalid, words(unfit)), which);
    wrong.unfit = unfit;
    wrong.facts = std::move(about);
    return wrong;
  }
  into.push_back(made.value());
  return {};
}

credential_problem server_credentials::impl::read_anchors(trust_anchors& into) {
  const result<secret_text> text = secret_text::read(from.client_anchors, readers::any);
  if (!text.ok()) return problem(problem_part::client_anchors, from.client_anchors, text.why());
  const result<trust_anchors> made = trust_anchors::from_pem(text.value().view());
  if (!made.ok()) return problem(problem_part::client_anchors, from.client_anchors, made.why());
  into = made.value();
  return {};
}

credential_problem server_credentials::impl::read_ticket_keys(ticket_keys& into) {
  const result<secret_text> text = secret_text::read(from.ticket_keys, readers::owner_alone);
  if (!text.ok()) return problem(problem_part::ticket_keys, from.ticket_keys, text.why());
  const result<ticket_keys> made = ticket_keys::from_text(text.value().view());
  if (!made.ok()) return problem(problem_part::ticket_keys, from.ticket_keys, made.why());
  into = made.value();
  return {};
}

server_credentials::server_credentials(credential_files from, server_options rest)
    : impl_(std::make_unique<impl>(std::move(from), std::move(rest))) {}

server_credentials::~server_credentials() = default;

credential_problem server_credentials::load() {
  impl& of = *impl_;
  of.loaded = look_at(of.from);
  server_options options = of.rest;
  options.identities.clear();
  for (std::size_t i = 0; i < of.from.pairs.size(); ++i) {
    if (credential_problem wrong = of.read_pair(i, options.identities)) return wrong;
  }
  options.client_anchors = trust_anchors();
  if (!of.from.client_anchors.empty()) {
    if (credential_problem wrong = of.read_anchors(options.client_anchors)) return wrong;
  }
  options.shared_ticket_keys = ticket_keys();
  if (!of.from.ticket_keys.empty()) {
    if (credential_problem wrong = of.read_ticket_keys(options.shared_ticket_keys)) return wrong;
  }
  std::vector<certificate_facts> facts;
  facts.reserve(options.identities.size());
  for (const identity& each : options.identities) facts.push_back(facts_of(each));
  const result<context> made = context::for_servers(std::move(options));
  if (!made.ok()) return problem(problem_part::rest, {}, made.why());
  if (of.live == nullptr) {
    of.live = std::make_shared<live_context>(made.value());
  } else {
    of.live->use(made.value());
  }
  of.facts = std::move(facts);
  return {};
}

bool server_credentials::changed() {
  std::vector<file_look> now = look_at(impl_->from);
  const bool settled = now == impl_->seen;
  impl_->seen = std::move(now);
  return settled && impl_->seen != impl_->loaded;
}

const std::vector<certificate_facts>& server_credentials::facts() const noexcept {
  return impl_->facts;
}

std::shared_ptr<const live_context> server_credentials::live() const noexcept {
  return impl_->live;
}

}  // namespace weir::tls
