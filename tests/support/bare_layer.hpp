// support/bare_layer.hpp - a bare client (tests/tls/bare_client.hpp) below the script of a peer.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <weir/platform/sim.hpp>

#include "tls/bare_client.hpp"

namespace weir::test {

class bare_layer final : public platform::sim_layer {
 public:
  explicit bare_layer(const tls::context& of,
                      const std::shared_ptr<const bare_client::ticket>& with = nullptr)
      : client_(of, with) {
    open_ = client_.handshake();
  }

  const bare_client& client() const noexcept { return client_; }
  // Says that in front of the nth text of the script, the first being 1.
  void intrude(bare_client::message with, int nth) noexcept {
    intrusion_ = with;
    intrudes_in_ = nth;
  }

  bool ready() const override { return open_; }
  std::size_t say(std::string_view text) override {
    if (--intrudes_in_ == 0) client_.say(intrusion_);
    static_cast<void>(client_.write(text));  // one that failed takes everything
    return text.size();
  }
  void end() override {
    if (open_) client_.close();
  }
  void hear(std::string_view wire, std::string& text) override {
    client_.in += wire;
    if (!open_) open_ = client_.handshake();
    if (open_) text += client_.read_all();
  }
  bool heard_end() const override { return client_.heard_close(); }
  std::string& outgoing() override { return client_.out; }

 private:
  bare_client client_;
  bool open_ = false;
  int intrudes_in_ = 0;  // texts from now; 0 or less: never
  bare_client::message intrusion_{};
};

}  // namespace weir::test
