// tls/context.hpp - what all sessions of one kind have in common: certificates, versions, tickets.
//
// A context is a value over shared, immutable memory. Sessions keep theirs alive: to change
// certificates while running, make another context and use it for new sessions; the old one ends
// with its last session. Any thread may make sessions of one context, each used by one thread at a
// time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/tls/certificate.hpp>
#include <weir/tls/ticket_keys.hpp>

namespace weir::tls {

enum class version : std::uint8_t { tls_1_2, tls_1_3 };

enum class client_certificates : std::uint8_t {
  none,      // not asked for
  optional,  // asked for; one that is sent has to be good
  required,  // no certificate, no session
};

struct server_options {
  // The first is for clients that name no host, or one that nobody here is.
  std::vector<identity> identities{};
  // Offered in this order (RFC 7301). A client that offers others only is refused; one that does
  // not ask is served.
  std::vector<std::string> protocols{"http/1.1"};
  version oldest = version::tls_1_2;
  version newest = version::tls_1_3;
  client_certificates ask = client_certificates::none;
  trust_anchors client_anchors{};
  // Resumption by tickets. Their key changes each half lifetime and only this context has it;
  // or they are sealed with `shared_ticket_keys`, and any context opens them that has the same keys
  // and the same identities, protocols, versions and demands on clients. A ticket is good for the
  // host name alone under which it was given. What cannot be opened is a full handshake.
  bool tickets = true;
  std::uint32_t ticket_lifetime_seconds = 3'600;
  ticket_keys shared_ticket_keys{};
};

struct client_options {
  // Who may vouch for the server: trust_anchors::from_pem() or of_system(). Required: there is no
  // client that believes everybody.
  trust_anchors anchors{};
  std::vector<identity> identities{};  // ours, at most one
  std::vector<std::string> protocols{"http/1.1"};
  version oldest = version::tls_1_2;
  version newest = version::tls_1_3;
};

struct context_data;  // src/

class WEIR_EXPORT context {
 public:
  // errc::invalid names the field that cannot be used.
  static result<context> for_servers(server_options options) noexcept;
  static result<context> for_clients(client_options options) noexcept;

  const std::shared_ptr<const context_data>& data() const noexcept { return data_; }

 private:
  explicit context(std::shared_ptr<const context_data> data) noexcept : data_(std::move(data)) {}
  std::shared_ptr<const context_data> data_;
};

}  // namespace weir::tls
