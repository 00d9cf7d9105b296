// apps/cert.cpp - see the header.
//
//   check names -> read or make the authority -> make the leaf -> write all -> publish all
//                                                                  |             |
//                                                a signal: discard all           an error: take
//                                                back
#include "cert.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>
#include <utility>

#include <weir/platform/address.hpp>
#include <weir/platform/clock.hpp>
#include <weir/platform/file.hpp>
#include <weir/platform/process.hpp>
#include <weir/platform/random.hpp>
#include <weir/platform/staged_file.hpp>
#include <weir/tls/certificate_facts.hpp>
#include <weir/tls/make_certificate.hpp>

#include "exit_code.hpp"
#include "say.hpp"
#include "text_file.hpp"
#include "units.hpp"

namespace weir::apps {

namespace {

constexpr std::int64_t day_seconds = 86'400;
// Clocks of other machines run late.
constexpr std::int64_t early_seconds = 300;
constexpr std::size_t names_max = 64;
constexpr std::size_t dns_name_bytes_max = 253;  // RFC 1035 3.1
constexpr std::size_t dns_label_bytes_max = 63;
constexpr std::size_t common_name_bytes_max = 64;  // RFC 5280 A.1

bool is_dns_label(std::string_view label) noexcept {
  if (label.empty() || label.size() > dns_label_bytes_max) return false;
  if (label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

// A host name, `*.` in front of it allowed.
bool is_dns_name(std::string_view name) noexcept {
  if (name.size() > dns_name_bytes_max) return false;
  if (name.starts_with("*.")) name.remove_prefix(2);
  for (;;) {
    const std::size_t dot = name.find('.');
    if (!is_dns_label(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

void add_once(std::vector<std::string>& to, const std::string& name) {
  if (std::find(to.begin(), to.end(), name) == to.end()) to.push_back(name);
}

class maker {
 public:
  explicit maker(const cert_options& options)
      : options_(options), now_(system_clock().unix_seconds()) {}

  int run();

 private:
  bool take_names();
  bool leaf_is_free() const;
  bool find_authority();
  bool load_authority(const std::string& certificate, const std::string& key);
  bool make_authority();
  bool make_leaf();
  bool stage(const std::string& path, const std::string& text, replace_existing replace);
  bool publish_all();
  void tell() const;

  std::string at(const char* file) const {
    return options_.folder == "." ? file : options_.folder + "/" + file;
  }
  std::string leaf(const char* end) const {
    return at((std::string(options_.for_client ? "client" : "server") + end).c_str());
  }
  bool cannot_write(const std::string& path, error why) const;

  struct staged {
    staged_file file;
    replace_existing replace;
  };

  const cert_options& options_;
  const std::int64_t now_;
  tls::certificate_request request_;  // of the leaf
  tls::made_certificate authority_;
  std::int64_t authority_ends_ = 0;
  bool new_authority_ = false;
  std::vector<staged> files_;
};

bool maker::take_names() {
  add_once(request_.dns_names, "localhost");
  add_once(request_.addresses, "127.0.0.1");
  add_once(request_.addresses, "::1");
  if (options_.names.size() > names_max) {
    say("--name: at most " + std::to_string(names_max) + " of them");
    return false;
  }
  for (const std::string& name : options_.names) {
    if (address::parse_host(name, 0).ok()) {
      add_once(request_.addresses, name);
    } else if (is_dns_name(name)) {
      add_once(request_.dns_names, name);
    } else {
      say("--name " + name + ": neither an address nor a host name; names beyond ASCII are " +
          "written as they are in DNS (xn--...)");
      return false;
    }
  }
  if (options_.names.empty()) {
    request_.common_name = "localhost";
  } else if (options_.names.front().size() <= common_name_bytes_max) {
    request_.common_name = options_.names.front();
  }
  return true;
}

// Said before a key is made for nothing. What decides is publish(), which nobody can come between.
bool maker::leaf_is_free() const {
  if (options_.replace_leaf) return true;
  for (const std::string& path : {leaf(".pem"), leaf(".key")}) {
    const result<file> found = file::open_read(path);
    if (found.ok() || found.why().code != errc::not_found) {
      return cannot_write(path, error(errc::exists, "open"));
    }
  }
  return true;
}

bool maker::cannot_write(const std::string& path, error why) const {
  if (why.code == errc::exists) {
    say(path + " is there already and was not touched; --force makes a new leaf in its place, " +
        "--dir writes elsewhere");
  } else if (why.code == errc::not_found) {
    say("cannot write " + path + ": there is no folder " + options_.folder + "; make it first");
  } else {
    say("cannot write " + path + ": " + file_problem(why) + "; nothing was made");
  }
  return false;
}

bool maker::find_authority() {
  const std::string certificate = at("ca.pem");
  const std::string key = at("ca.key");
  const result<std::string> certificate_text = read_text(certificate);
  const result<std::string> key_text = read_text(key);
  const bool no_certificate = certificate_text.why() == errc::not_found;
  const bool no_key = key_text.why() == errc::not_found;
  if (no_certificate && no_key) return make_authority();
  if (no_certificate || no_key) {
    say("there is " + (no_key ? certificate : key) + " but not " + (no_key ? key : certificate) +
        "; put it back, or move the other one away for a new authority");
    return false;
  }
  for (const auto& [path, text] : {std::pair(certificate, &certificate_text), {key, &key_text}}) {
    if (text->ok()) continue;
    say("cannot read " + path + ": " + file_problem(text->why()) +
        "; move it away for a new authority");
    return false;
  }
  return load_authority(certificate_text.value(), key_text.value());
}

bool maker::load_authority(const std::string& certificate, const std::string& key) {
  const std::string both = at("ca.pem") + " and " + at("ca.key");
  const std::string instead = "; move both away for a new authority";
  const result<tls::identity> read = tls::identity::from_pem(certificate, key);
  if (!read.ok()) {
    say(both + " are no authority: " + read.why().where + instead);
    return false;
  }
  const tls::certificate_facts facts = tls::facts_of(read.value());
  if (!facts.authority) {
    say(at("ca.pem") + " may not sign other certificates" + instead);
    return false;
  }
  if (facts.not_after <= now_ || facts.not_before > now_) {
    say(at("ca.pem") + " is good from " + format_moment(facts.not_before) + " to " +
        format_moment(facts.not_after) + ", which is not now" + instead);
    return false;
  }
  authority_ = {certificate, key};
  authority_ends_ = facts.not_after;
  return true;
}

bool maker::make_authority() {
  // Clients look for an issuer by its name first: two authorities had better not share one.
  std::array<std::byte, 4> random{};
  if (const error why = system_random().fill(random)) {
    say(std::string("no random numbers: ") + to_string(why.code));
    return false;
  }
  std::array<char, 9> mark{};
  std::snprintf(mark.data(), mark.size(), "%02x%02x%02x%02x", std::to_integer<unsigned>(random[0]),
                std::to_integer<unsigned>(random[1]), std::to_integer<unsigned>(random[2]),
                std::to_integer<unsigned>(random[3]));
  tls::certificate_request asked;
  asked.common_name = std::string("weir development authority ") + mark.data();
  asked.authority = true;
  asked.kind = options_.rsa ? tls::key_kind::rsa_2048 : tls::key_kind::p256;
  asked.not_before = now_ - early_seconds;
  asked.not_after = now_ + cert_days_max * day_seconds;
  result<tls::made_certificate> made = tls::make_certificate(asked, nullptr);
  if (!made.ok()) {
    say(std::string("cannot make an authority: ") + made.why().where);
    return false;
  }
  authority_ = std::move(made).value();
  authority_ends_ = asked.not_after;
  new_authority_ = true;
  return true;
}

bool maker::make_leaf() {
  request_.kind = options_.rsa ? tls::key_kind::rsa_2048 : tls::key_kind::p256;
  request_.for_servers = !options_.for_client;
  request_.for_clients = options_.for_client;
  request_.not_before = now_ - early_seconds;
  request_.not_after = std::min(now_ + options_.days * day_seconds, authority_ends_);
  const result<tls::made_certificate> made = tls::make_certificate(request_, &authority_);
  if (!made.ok()) {
    say(std::string("cannot make a certificate: ") + made.why().where);
    return false;
  }
  const auto replace = options_.replace_leaf ? replace_existing::yes : replace_existing::no;
  // The authority goes last: whoever runs beside us and finds it whole finds our leaf in the way,
  // and nobody signs with one that is taken back.
  return stage(leaf(".key"), made.value().key, replace) &&
         stage(leaf(".pem"), made.value().certificate, replace) &&
         (!new_authority_ || (stage(at("ca.key"), authority_.key, replace_existing::no) &&
                              stage(at("ca.pem"), authority_.certificate, replace_existing::no)));
}

bool maker::stage(const std::string& path, const std::string& text, replace_existing replace) {
  result<staged_file> written = staged_file::write(path, text);
  if (!written.ok()) return cannot_write(path, written.why());
  files_.push_back({std::move(written).value(), replace});
  return true;
}

bool maker::publish_all() {
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const error why = files_[i].file.publish(files_[i].replace);
    if (!why) continue;
    // What replaced something cannot be taken back, and is a whole file of its own.
    for (std::size_t done = 0; done < i; ++done) {
      if (files_[done].replace == replace_existing::no) files_[done].file.withdraw();
    }
    return cannot_write(files_[i].file.path(), why);
  }
  return true;
}

void maker::tell() const {
  for (const staged& each : files_) std::printf("%s\n", each.file.path().c_str());
  std::fflush(stdout);
  if (new_authority_) {
    say("an authority of your own until " + format_moment(authority_ends_) +
        "; clients are told of " + "it (curl --cacert " + at("ca.pem") + "), and " + at("ca.key") +
        " is a secret");
  } else {
    say("signed by the authority that was there, " + at("ca.pem"));
  }
  std::string names;
  for (const auto* list : {&request_.dns_names, &request_.addresses}) {
    for (const std::string& name : *list) names += (names.empty() ? "" : ", ") + name;
  }
  say("a certificate for " + names + " until " + format_moment(request_.not_after) + "; " +
      (options_.for_client
           ? "curl --cert " + leaf(".pem") + " --key " + leaf(".key")
           : "weir serve --tls-cert " + leaf(".pem") + " --tls-key " + leaf(".key")));
}

int maker::run() {
  if (!take_names() || !leaf_is_free()) return exit_code::misuse;
  // Until the end a signal is only counted: files that were written go away with their owner.
  platform::termination_watch watch;
  if (const error why = watch.start(nullptr, nullptr)) {
    say(std::string("cannot watch for signals: ") + to_string(why.code));
    return exit_code::failed;
  }
  const bool made = find_authority() && make_leaf();
  if (made && platform::termination_watch::count() > 0) {
    say("ended by a signal; nothing was made");
    return exit_code::killed;
  }
  if (!made || !publish_all()) return exit_code::misuse;
  tell();
  return exit_code::done;
}

}  // namespace

int make_cert(const cert_options& options) {
  return maker(options).run();
}

}  // namespace weir::apps
