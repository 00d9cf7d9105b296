// apps/tls_setup.hpp - the certificates of `weir serve` in the words of its flags: what is wrong
// with them, and what is in use.
//
// weir::tls reads, checks and exchanges them (tls::server_credentials); there is no way from here
// to serving plainly.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <weir/runtime/scheduler.hpp>
#include <weir/runtime/secured_stream.hpp>

namespace weir::apps {

struct tls_files {
  std::string certificate;  // the chain, the leaf first
  std::string key;
};

struct tls_settings {
  // The first is for clients that name no host, or one that none is for. Empty: no TLS.
  std::vector<tls_files> pairs;
  std::string client_ca;         // whose certificates clients show; "": they are not asked
  bool client_optional = false;  // one that shows none is served too
  bool only_1_3 = false;
  bool tickets = true;
  std::string ticket_keys;  // that other servers have too; "": nobody else has ours
};

// load(), changed() and about() by one thread at a time, secure() and what it gives by any.
class tls_setup {
 public:
  explicit tls_setup(const tls_settings& settings);
  tls_setup(const tls_setup&) = delete;
  tls_setup& operator=(const tls_setup&) = delete;
  ~tls_setup();

  // As tls::server_credentials. "", or what is wrong, for a person: then nothing has changed.
  std::string load();
  bool changed();

  // What is in use, a line for each pair: whose it is, until when, its serial number.
  std::vector<std::string> about() const;

  // What protects the connections of one loop. After a load() that went well; it may outlive this.
  std::shared_ptr<runtime::stream_security> secure(runtime::scheduler& loop) const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace weir::apps
