// tls/server_credentials.hpp - the certificates of a server as files: read, checked as a whole, and
// read again while it runs.
//
//   tls::credential_files files;
//   files.pairs.push_back({"server.pem", "server.key"});
//   tls::server_credentials ours(files, tls::server_options());
//   if (const tls::credential_problem wrong = ours.load()) return fail(wrong.text());
//   tls::server_security security(loop, ours.live());     // one for each loop
//   ...
//   if (ours.changed()) ours.load();                      // by a timer; or load() on a signal
//
// What a maintainer must not break: nothing is used that has not been checked together with all the
// rest, and what cannot be used changes nothing. There is no way from here to serving plainly.
//
// load(), changed() and facts() by one thread at a time, whichever; they wait for the disk, and for
// some milliseconds of arithmetic. live() and what it gives by any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/tls/certificate_facts.hpp>
#include <weir/tls/context.hpp>
#include <weir/tls/live_context.hpp>

namespace weir::tls {

// Paths; each file is PEM text of at most 1 MiB, but for the last.
struct credential_files {
  struct pair {
    std::string certificate;  // the chain, the leaf first
    std::string key;          // of the leaf, without a password
  };
  std::vector<pair> pairs{};     // as server_options::identities; at least one
  std::string client_anchors{};  // "": none
  std::string ticket_keys{};     // as ticket_keys.hpp says, for its owner alone (0600); "": none
};

// Why load() changed nothing.
struct credential_problem {
  enum class part : std::uint8_t {
    none,
    certificate,
    key,
    pair,
    client_anchors,
    ticket_keys,
    rest
  };

  part of = part::none;
  std::size_t pair = 0;  // which one, for the first three
  std::string file{};    // the one to look at; of a pair its certificate
  error why{};           // `where` is a part of a sentence, or what the system was asked
  // Of a certificate that can be read and that no client would take: why, and what it says.
  fitness unfit = fitness::fit;
  certificate_facts facts{};

  explicit operator bool() const noexcept { return of != part::none; }
  // One line for a log: "server.pem: it has expired".
  WEIR_EXPORT std::string text() const;
};

class WEIR_EXPORT server_credentials {
 public:
  // `rest`: what does not come from files. Its identities, anchors and shared keys of tickets are
  // replaced. Nothing is read yet.
  server_credentials(credential_files from, server_options rest);
  server_credentials(const server_credentials&) = delete;
  server_credentials& operator=(const server_credentials&) = delete;
  ~server_credentials();

  // Reads all files and checks them: that each certificate and its key are a pair, strong enough,
  // valid now, for a name, and for servers. No problem: sessions from now on begin with them,
  // wherever live() is used. May throw std::bad_alloc; then too nothing has changed.
  credential_problem load();

  // Whether the files look other than when load() last began, and as they did at the last call of
  // this: who exchanges several of them is done then, as far as one can see from outside.
  bool changed();

  // Of what is in use, in the order of the pairs.
  const std::vector<certificate_facts>& facts() const noexcept;

  // What new sessions begin with. After the first load() that went well, and null before; it may
  // outlive this.
  std::shared_ptr<const live_context> live() const noexcept;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace weir::tls
