// simulation/client_wire.hpp - what clients of a secure server do to the wire below their scripts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <weir/platform/sim.hpp>

namespace weir::simulation {

enum class wire_manner : std::uint8_t {
  honest,
  mute_end,      // ends its side without saying so
  altered,       // one bit of what it sends is another one
  cut_short,     // sends so much and no more: the wire ends, or is silent, inside a record
  leaves_early,  // breaks off at any moment of its handshake
  deaf,          // says its first flight and reads nothing
  plain,         // speaks HTTP without a session
  garbage,       // speaks nothing
};
inline constexpr std::size_t wire_manners = 8;
const char* to_string(wire_manner how) noexcept;

struct wire_plan {
  wire_manner how = wire_manner::honest;
  bool older = false;  // TLS 1.2
  std::size_t at = 0;  // which byte is altered; how many leave
  unsigned bit = 0;    // of that byte
  // Something that the server has to take for an attack, or for the end.
  bool harms() const noexcept {
    return how == wire_manner::altered || how == wire_manner::cut_short;
  }
  bool has_session() const noexcept {
    return how != wire_manner::plain && how != wire_manner::garbage;
  }
};

// Between a client's session and the network.
class client_wire final : public platform::sim_layer {
 public:
  client_wire(const wire_plan& plan, std::shared_ptr<platform::sim_layer> session)
      : plan_(plan), session_(std::move(session)) {}

  bool ready() const override;
  std::size_t say(std::string_view text) override;
  void end() override;
  void hear(std::string_view wire, std::string& text) override;
  bool heard_end() const override { return session_->heard_end(); }
  std::string& outgoing() override;

  // How much of what the script said is for the server to read: what comes behind an altered byte,
  // or a cut, is not.
  std::size_t whole_bytes() const noexcept { return whole_; }
  // Of every byte that passed, either way.
  std::uint64_t digest() const noexcept { return digest_; }

 private:
  void mix(std::string_view bytes);

  wire_plan plan_;
  std::shared_ptr<platform::sim_layer> session_;
  std::string wire_;
  std::size_t passed_ = 0;
  std::size_t said_ = 0;
  std::size_t whole_ = 0;
  bool touched_ = false;  // by us
  bool harmed_ = false;   // and so is the rest of what the script says
  std::uint64_t digest_ = 0xcbf29ce484222325u;
};

}  // namespace weir::simulation
