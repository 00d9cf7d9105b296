// tests/tls/narrow_wire.hpp - a wire with a given amount of room, and a session over one.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "session.hpp"

namespace weir::test {

inline constexpr std::size_t plenty = ~std::size_t{0};

// A wire of two strings, the outgoing one with limited room.
struct string_wire final : tls::wire {
  result<std::size_t> take(byte_span into) noexcept override {
    if (in.empty()) return error(ended ? errc::eof : errc::would_block, "test");
    const std::size_t count = std::min(into.size(), in.size());
    std::memcpy(into.data(), in.data(), count);
    in.erase(0, count);
    return count;
  }
  result<std::size_t> give(byte_view bytes) noexcept override {
    if (room == 0) return error(errc::would_block, "test");
    const std::size_t count = std::min(bytes.size(), room);
    out += as_text(bytes.first(count));
    if (room != plenty) room -= count;
    return count;
  }
  std::string in;
  std::string out;
  std::size_t room = plenty;
  bool ended = false;
};

// The same library under an engine: what leaves is limited in between.
struct narrow_session : tls::session, tls::wire {
  narrow_session(std::unique_ptr<tls::session> real, std::size_t& room_left)
      : over(std::move(real)), room(room_left) {}
  error attach(tls::wire& to) noexcept override {
    below = &to;
    return over->attach(*this);
  }
  result<std::size_t> take(byte_span into) noexcept override { return below->take(into); }
  result<std::size_t> give(byte_view bytes) noexcept override {
    if (room == 0) return error(errc::would_block, "test");
    const result<std::size_t> got = below->give(bytes.first(std::min(bytes.size(), room)));
    if (got.ok() && room != plenty) room -= got.value();
    return got;
  }
  tls::outcome handshake() noexcept override { return over->handshake(); }
  tls::outcome read(byte_span into) noexcept override { return over->read(into); }
  tls::outcome write(byte_view bytes) noexcept override { return over->write(bytes); }
  tls::outcome close_notify() noexcept override { return over->close_notify(); }
  bool pending() const noexcept override { return over->pending(); }
  bool unsent() const noexcept override { return over->unsent(); }
  std::size_t record_bytes_max() const noexcept override { return over->record_bytes_max(); }
  std::string_view protocol() const noexcept override { return over->protocol(); }
  tls::version spoken() const noexcept override { return over->spoken(); }
  void rest(runtime::buffer_pool& records) noexcept override { over->rest(records); }
  std::unique_ptr<tls::session> over;
  tls::wire* below = nullptr;
  std::size_t& room;
};

}  // namespace weir::test
