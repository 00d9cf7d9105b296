// fuzz/tls_sides.hpp - a server's and a client's session for fuzz targets, the same in every run.
//
// Each side has random numbers of its own: what a server says does not depend on who draws beside
// it, and so a recorded client can be played to it again.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include <weir/platform/assert.hpp>
#include <weir/tls/engine.hpp>

#include "support/seeded_tls.hpp"

namespace weir::fuzz {

inline tls::context taken(result<tls::context> made) {
  WEIR_ASSERT(made.ok());
  return std::move(made).value();
}

inline const tls::context& server_context() {
  static const tls::context one = [] {
    tls::server_options options;
    options.identities = {test::seeded_identity()};
    // The keys of its tickets are the same whatever was drawn before.
    const seeded_random before = std::exchange(test::tls_numbers(), seeded_random(4));
    tls::context made = taken(tls::context::for_servers(std::move(options)));
    test::tls_numbers() = before;
    return made;
  }();
  return one;
}

inline tls::context make_client_context(tls::version newest) {
  tls::client_options options;
  options.anchors = test::seeded_anchors();
  options.newest = newest;
  return taken(tls::context::for_clients(std::move(options)));
}
inline const tls::context& client_context(bool older) {
  static const tls::context now = make_client_context(tls::version::tls_1_3);
  static const tls::context before = make_client_context(tls::version::tls_1_2);
  return older ? before : now;
}

// One end. What it draws is its own as long as it is called through engine().
class side {
 public:
  static side server(const tls::engine_options& options = {}) {
    const tls::context& of = server_context();
    side made(2);
    made.open([&] { return tls::engine::for_server(of, options); });
    return made;
  }
  static side client(bool older, const tls::engine_options& options = {}) {
    const tls::context& of = client_context(older);
    side made(3);
    made.open([&] { return tls::engine::for_client(of, test::seeded_host, options); });
    return made;
  }

  // auto got = s.call([&](tls::engine& e) { return e.advance(); });
  template <class F>
  auto call(F f) {
    const drawing from(*this);
    return f(*engine_);
  }
  const tls::engine& engine() const { return *engine_; }

 private:
  class drawing {
   public:
    explicit drawing(side& of) : of_(of) { std::swap(of_.numbers_, test::tls_numbers()); }
    drawing(const drawing&) = delete;
    drawing& operator=(const drawing&) = delete;
    ~drawing() { std::swap(of_.numbers_, test::tls_numbers()); }

   private:
    side& of_;
  };

  explicit side(std::uint64_t seed) : numbers_(seed) {}
  template <class F>
  void open(F f) {
    const drawing from(*this);
    auto opened = f();
    WEIR_ASSERT(opened.ok());
    engine_ = std::move(opened).value();
  }

  seeded_random numbers_;
  std::unique_ptr<tls::engine> engine_;
};

// First of all: what a target finds with numbers that are not its own it does not find again.
inline void begin() {
  static const bool owned = test::own_tls();
  WEIR_ASSERT(owned);
}

}  // namespace weir::fuzz
