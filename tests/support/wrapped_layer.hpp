// support/wrapped_layer.hpp - clients whose session is good, and whose manners are not.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <weir/platform/sim.hpp>

namespace weir::test {

class wrapped_layer : public platform::sim_layer {
 public:
  explicit wrapped_layer(std::shared_ptr<platform::sim_layer> of) : of_(std::move(of)) {}
  bool ready() const override { return of_->ready(); }
  std::size_t say(std::string_view text) override { return of_->say(text); }
  void end() override { of_->end(); }
  void hear(std::string_view wire, std::string& text) override { of_->hear(wire, text); }
  bool heard_end() const override { return of_->heard_end(); }
  std::string& outgoing() override { return of_->outgoing(); }

 protected:
  std::shared_ptr<platform::sim_layer> of_;
};

// Ends the wire without a word.
class mute_end final : public wrapped_layer {
 public:
  using wrapped_layer::wrapped_layer;
  void end() override {}
};

// Says that it ends right behind what it said first, and leaves the wire open.
class early_end final : public wrapped_layer {
 public:
  using wrapped_layer::wrapped_layer;
  std::size_t say(std::string_view text) override {
    const std::size_t taken = of_->say(text);
    of_->end();
    return taken;
  }
};

// Its second record never comes whole.
class torn_record final : public wrapped_layer {
 public:
  using wrapped_layer::wrapped_layer;
  std::size_t say(std::string_view text) override {
    const std::size_t taken = of_->say(text);
    if (++said_ == 2) of_->outgoing().resize(of_->outgoing().size() / 2);
    return taken;
  }

 private:
  int said_ = 0;
};

// The first byte of its second record, and then one more for each text it is told to say.
class dripped_record final : public wrapped_layer {
 public:
  using wrapped_layer::wrapped_layer;
  std::size_t say(std::string_view text) override {
    std::string& out = of_->outgoing();
    if (++said_ == 1) return of_->say(text);
    if (said_ == 2) {
      const std::size_t before = out.size();
      of_->say(text);
      rest_ = out.substr(before);
      out.resize(before);
    }
    out += rest_.substr(0, 1);
    rest_.erase(0, 1);
    return text.size();
  }

 private:
  int said_ = 0;
  std::string rest_;
};

// Its second record is not what it was.
class flipped_bit final : public wrapped_layer {
 public:
  using wrapped_layer::wrapped_layer;
  std::size_t say(std::string_view text) override {
    const std::size_t taken = of_->say(text);
    if (++said_ == 2) of_->outgoing().back() ^= 1;
    return taken;
  }

 private:
  int said_ = 0;
};

}  // namespace weir::test
