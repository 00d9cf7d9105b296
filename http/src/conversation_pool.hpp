// http/conversation_pool.hpp - conversations of one server that nobody has, for whom it turns to.
//
// The one given back last is taken first: on the common path, where a request is answered within a
// turn, all connections use the same one, and it stays in the cache.
#pragma once

#include <cstdint>

namespace weir::http {

class conversation;
struct service;

class conversation_pool {
 public:
  explicit conversation_pool(service& of) noexcept : service_(of) {}
  conversation_pool(const conversation_pool&) = delete;
  conversation_pool& operator=(const conversation_pool&) = delete;
  ~conversation_pool();

  // Null: no memory.
  conversation* take() noexcept;
  // One that is between requests.
  void give_back(conversation& talk) noexcept;

 private:
  static constexpr std::uint32_t kept_max = 256;

  service& service_;
  conversation* kept_ = nullptr;
  std::uint32_t kept_count_ = 0;
};

}  // namespace weir::http
