// simulation/client_wire.cpp - see the header.
#include "simulation/client_wire.hpp"

#include <algorithm>
#include <utility>

namespace weir::simulation {

namespace {

// Small enough to be one record each, so that what is harmed is harmed whole.
constexpr std::size_t piece_bytes_max = 1'000;

}  // namespace

const char* to_string(wire_manner how) noexcept {
  switch (how) {
    case wire_manner::honest: return "honest";
    case wire_manner::mute_end: return "ends without a word";
    case wire_manner::altered: return "altered";
    case wire_manner::cut_short: return "cut short";
    case wire_manner::leaves_early: return "leaves early";
    case wire_manner::deaf: return "deaf";
    case wire_manner::plain: return "plain HTTP";
    case wire_manner::garbage: return "garbage";
  }
  return "?";
}

// Whoever misbehaves in the handshake does not wait for its end.
bool client_wire::ready() const {
  if (plan_.how == wire_manner::leaves_early || plan_.how == wire_manner::deaf) return true;
  return session_->ready();
}

std::size_t client_wire::say(std::string_view text) {
  static_cast<void>(outgoing());
  const bool before = touched_;
  const std::size_t said = session_->say(plan_.harms() ? text.substr(0, piece_bytes_max) : text);
  static_cast<void>(outgoing());
  said_ += said;
  // What was altered in the handshake may have been a byte that nobody looks at.
  if (touched_ && (!before || plan_.how == wire_manner::cut_short)) harmed_ = true;
  if (!harmed_) whole_ = said_;
  return said;
}

void client_wire::end() {
  if (plan_.how != wire_manner::mute_end) session_->end();
}

void client_wire::hear(std::string_view wire, std::string& text) {
  mix(wire);
  if (plan_.how != wire_manner::deaf) session_->hear(wire, text);
}

std::string& client_wire::outgoing() {
  std::string fresh = std::exchange(session_->outgoing(), {});
  const std::size_t end = passed_ + fresh.size();
  if (plan_.how == wire_manner::altered && passed_ <= plan_.at && plan_.at < end) {
    char& byte = fresh[plan_.at - passed_];
    byte = static_cast<char>(static_cast<unsigned char>(byte) ^ 1u << plan_.bit);
    touched_ = true;
  }
  if (plan_.how == wire_manner::cut_short && plan_.at < end) {
    fresh.resize(plan_.at - std::min(plan_.at, passed_));
    touched_ = true;
  }
  passed_ = end;
  mix(fresh);
  wire_ += fresh;
  return wire_;
}

void client_wire::mix(std::string_view bytes) {
  for (const char c : bytes) {
    digest_ = (digest_ ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  }
}

}  // namespace weir::simulation
