// http/admission.hpp - who may come in: the limits that are per process, shared by its servers.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <new>

#include <weir/http/server.hpp>
#include <weir/platform/address.hpp>
#include <weir/platform/mutex.hpp>

namespace weir::http {

struct admission::impl {
  explicit impl(const limits& bounds)
      : connections_max(bounds.connections_max),
        per_peer_max(bounds.connections_per_peer_max),
        in_flight_max(bounds.requests_in_flight_max),
        counts_peers(bounds.connections_per_peer_max < bounds.connections_max) {}

  enum class verdict : std::uint8_t { welcome, connections_max, connections_per_peer_max };

  verdict enter(const address& peer) noexcept {
    if (connections.fetch_add(1, std::memory_order_relaxed) >= connections_max) {
      connections.fetch_sub(1, std::memory_order_relaxed);
      return verdict::connections_max;
    }
    if (!counts_peers || enter_peer(peer)) return verdict::welcome;
    connections.fetch_sub(1, std::memory_order_relaxed);
    return verdict::connections_per_peer_max;
  }

  void leave(const address& peer) noexcept {
    connections.fetch_sub(1, std::memory_order_relaxed);
    if (!counts_peers) return;
    lock hold(peers_mutex);
    const auto found = peers.find(key_of(peer));
    if (found != peers.end() && --found->second == 0) peers.erase(found);
  }

  bool begin_request() noexcept {
    if (in_flight.fetch_add(1, std::memory_order_relaxed) < in_flight_max) return true;
    in_flight.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  void end_request() noexcept { in_flight.fetch_sub(1, std::memory_order_relaxed); }

  std::atomic<std::uint32_t> connections{0};
  std::atomic<std::uint32_t> in_flight{0};
  const std::uint32_t connections_max;
  const std::uint32_t per_peer_max;
  const std::uint32_t in_flight_max;
  const bool counts_peers;

 private:
  // The host without the port; all Unix-domain peers are one. IPv6 by /64, which is what one
  // subscriber holds: by single addresses the limit would bound nothing.
  using key = std::array<std::uint8_t, 17>;
  static key key_of(const address& peer) noexcept {
    key out{};
    const address plain = peer.unmapped();
    out[0] = static_cast<std::uint8_t>(plain.family());
    if (plain.family() == address_family::ipv4) {
      const auto bytes = plain.ipv4_bytes();
      std::copy(bytes.begin(), bytes.end(), out.begin() + 1);
    } else if (plain.family() == address_family::ipv6) {
      const auto bytes = plain.ipv6_bytes();
      std::copy(bytes.begin(), bytes.begin() + 8, out.begin() + 1);
    }
    return out;
  }

  // An ordered map: no hash of what an attacker chooses. At most connections_max entries.
  bool enter_peer(const address& peer) noexcept {
    lock hold(peers_mutex);
    try {
      std::uint32_t& count = peers[key_of(peer)];
      if (count >= per_peer_max) return false;
      ++count;
      return true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }

  mutex peers_mutex;
  std::map<key, std::uint32_t> peers;
};

}  // namespace weir::http
