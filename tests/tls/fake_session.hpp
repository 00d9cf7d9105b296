// tests/tls/fake_session.hpp - a TLS library that says what the test wants it to say.
//
// Without a script it carries plaintext as it is, and the handshake is done at once. A script for
// an operation is used up answer by answer. Every call is written down with its arguments; it is an
// error of the engine to repeat an unfinished write with other bytes, to run another operation over
// it, or to call anything after a failure.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch_amalgamated.hpp>

#include <weir/tls/engine.hpp>

#include "session.hpp"

namespace weir::test {

using answer = tls::outcome::answer;

class fake_session final : public tls::session {
 public:
  struct script {
    std::deque<answer> handshake;
    std::deque<answer> read;
    std::deque<answer> write;
    std::deque<answer> close;
    // Ciphertext that an answer of want_write leaves on the wire, as a full ring would hold it.
    std::string left_on_wire = "#";
    bool pending = false;
    std::deque<bool> unsent;           // answers of unsent(); false once used up
    std::string calls;                 // h, r, w, c
    std::vector<std::string> written;  // the bytes of each call of write()
    bool failed = false;
  };

  explicit fake_session(script& by) noexcept : script_(by) {}

  error attach(tls::wire& to) noexcept override {
    wire_ = &to;
    return {};
  }

  tls::outcome handshake() noexcept override {
    called('h');
    return scripted(script_.handshake, [] { return tls::outcome{}; });
  }

  tls::outcome read(byte_span into) noexcept override {
    called('r');
    CHECK(armed_.empty());
    return scripted(script_.read, [&] {
      const result<std::size_t> got = wire_->take(into);
      if (got.ok()) return tls::outcome{answer::done, got.value(), {}};
      const bool ended = got.why() == errc::eof;
      return tls::outcome{ended ? answer::eof : answer::want_read, 0, {}};
    });
  }

  tls::outcome write(byte_view bytes) noexcept override {
    called('w');
    script_.written.emplace_back(as_text(bytes));
    CHECK_FALSE(bytes.empty());
    if (!armed_.empty()) CHECK(armed_ == as_text(bytes));
    armed_.assign(as_text(bytes));
    const tls::outcome got = scripted(script_.write, [&] {
      const result<std::size_t> given = wire_->give(bytes);
      CHECK(given.ok());
      return tls::outcome{answer::done, given.ok() ? given.value() : 0, {}};
    });
    if (got.what == answer::done || got.what == answer::failed) armed_.clear();
    return got;
  }

  tls::outcome close_notify() noexcept override {
    called('c');
    CHECK(armed_.empty());
    return scripted(script_.close, [&] {
      const result<std::size_t> given = wire_->give(as_bytes("!"));
      CHECK(given.ok());
      return tls::outcome{};
    });
  }

  bool pending() const noexcept override { return script_.pending; }
  bool unsent() const noexcept override {
    if (script_.unsent.empty()) return false;
    const bool first = script_.unsent.front();
    script_.unsent.pop_front();
    return first;
  }
  std::size_t record_bytes_max() const noexcept override { return 16'384; }
  std::string_view protocol() const noexcept override { return "http/1.1"; }
  tls::version spoken() const noexcept override { return tls::version::tls_1_3; }

 private:
  void called(char what) noexcept {
    script_.calls += what;
    CHECK_FALSE(script_.failed);  // no call after a failure
  }

  template <class Otherwise>
  tls::outcome scripted(std::deque<answer>& answers, Otherwise otherwise) noexcept {
    if (answers.empty()) return otherwise();
    const answer what = answers.front();
    answers.pop_front();
    if (what == answer::failed) {
      script_.failed = true;
      return {what, 0, {errc::protocol, "scripted"}};
    }
    if (what == answer::want_write) {
      const result<std::size_t> given = wire_->give(as_bytes(script_.left_on_wire));
      CHECK(given.ok());
    }
    return {what, 0, {}};
  }

  script& script_;
  tls::wire* wire_ = nullptr;
  std::string armed_;
};

// An engine over a fake, and a wire of two strings.
struct fake_engine {
  fake_engine() : of(std::make_unique<fake_session>(script), tls::engine_options()) {}

  void open() { REQUIRE_FALSE(of.advance()); }
  // Events. Something, or nothing at all: a wake-up for no reason.
  void readable(std::string_view bytes = "") {
    const byte_span room = of.ingress_room();
    REQUIRE(room.size() >= bytes.size());
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(room.data()));
    of.received(bytes.size());
    static_cast<void>(of.advance());
  }
  void writable() {
    for (const byte_view piece : of.egress()) wire += as_text(piece);
    of.sent(of.egress_bytes());
    static_cast<void>(of.advance());
  }
  error write(std::string_view text, std::size_t* taken = nullptr) {
    const result<std::size_t> got = of.write(as_bytes(text));
    if (taken != nullptr) *taken = got.ok() ? got.value() : 0;
    return got.why();
  }
  std::string read(error* why = nullptr) {
    std::array<std::byte, 100> room;
    const result<std::size_t> got = of.read(room);
    if (why != nullptr) *why = got.why();
    return got.ok() ? std::string(as_text(byte_view(room).first(got.value()))) : std::string();
  }
  std::string take_calls() { return std::exchange(script.calls, ""); }

  fake_session::script script;
  tls::engine of;
  std::string wire;  // what has left
};

}  // namespace weir::test
