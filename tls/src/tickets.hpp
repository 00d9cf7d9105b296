// tls/tickets.hpp - tickets as mbedTLS asks for them: a session in, a ticket out, and back.
//
// mbedTLS calls with the configuration alone, not with the session in whose handshake it does; what
// that session was asked for is told on the side, by whoever steps its handshake (ticket_scope).
#pragma once

#include <string_view>

#include <weir/tls/context.hpp>

#include "context_data.hpp"
#include "ticket_sealer.hpp"

namespace weir::tls {

// Tickets of `of`, whose identities, anchors and protocols are there. errc::not_supported, or no
// memory.
error set_up_tickets(context_data& of, const server_options& options);

// While one lives, tickets of this thread are for the host in `host`: all zero until its handshake
// has met a name. One at a time on a thread.
class ticket_scope {
 public:
  explicit ticket_scope(digest& host) noexcept;
  ~ticket_scope();
  ticket_scope(const ticket_scope&) = delete;
  ticket_scope& operator=(const ticket_scope&) = delete;
};

// The client of the handshake that this thread steps has named this host.
void ticket_host(std::string_view host) noexcept;

}  // namespace weir::tls
