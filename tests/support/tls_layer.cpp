// support/tls_layer.cpp - see the header.
#include "support/tls_layer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <weir/platform/assert.hpp>

namespace weir::test {

namespace {

std::unique_ptr<tls::engine> open(const tls::context& of, std::string_view host_name) {
  result<std::unique_ptr<tls::engine>> made = tls::engine::for_client(of, host_name);
  WEIR_ASSERT(made.ok());
  return std::move(made).value();
}

}  // namespace

tls_layer::tls_layer(const tls::context& of, std::string_view host_name)
    : engine_(open(of, host_name)) {
  step();
}

// All that needs nothing from the wire; what the engine has to send, we have.
void tls_layer::step() {
  do {
    static_cast<void>(engine_->advance());
    while (engine_->egress_bytes() > 0) {
      const byte_view piece = engine_->egress()[0];
      outgoing_ += as_text(piece);
      engine_->sent(piece.size());
    }
  } while (engine_->wants_send() && !engine_->why_failed());
}

std::size_t tls_layer::say(std::string_view text) {
  const result<std::size_t> taken = engine_->write(as_bytes(text));
  step();
  if (taken.ok()) return taken.value();
  return taken.why() == errc::would_block ? 0 : text.size();
}

void tls_layer::end() {
  static_cast<void>(engine_->close());
  step();
}

void tls_layer::read(std::string& into) {
  std::array<std::byte, 16'384> room;
  for (;;) {
    const result<std::size_t> got = engine_->read(room);
    if (!got.ok()) return;
    into += as_text(byte_view(room).first(got.value()));
  }
}

void tls_layer::hear(std::string_view wire, std::string& text) {
  while (!wire.empty() && !engine_->why_failed()) {
    const byte_span room = engine_->ingress_room();
    const std::size_t count = std::min(room.size(), wire.size());
    if (count == 0) break;  // behind its close_notify: nobody looks at it
    std::memcpy(room.data(), wire.data(), count);
    wire.remove_prefix(count);
    engine_->received(count);
    step();
    if (!engine_->handshaking()) read(text);
    step();
  }
}

}  // namespace weir::test
