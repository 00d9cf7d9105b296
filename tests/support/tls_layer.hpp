// support/tls_layer.hpp - a client's TLS session below the script of a peer.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <weir/platform/sim.hpp>
#include <weir/tls/engine.hpp>

namespace weir::test {

// Its first flight is outgoing from the start. heard_end(): close_notify came.
class tls_layer final : public platform::sim_layer {
 public:
  tls_layer(const tls::context& of, std::string_view host_name);

  bool ready() const override { return engine_->at() == tls::engine::phase::open; }
  std::size_t say(std::string_view text) override;
  void end() override;
  void hear(std::string_view wire, std::string& text) override;
  bool heard_end() const override { return engine_->peer_closed(); }
  std::string& outgoing() override { return outgoing_; }

 private:
  void step();
  void read(std::string& into);

  std::unique_ptr<tls::engine> engine_;
  std::string outgoing_;
};

}  // namespace weir::test
