// tls/byte_ring.cpp - see the header.
#include <weir/tls/byte_ring.hpp>

#include <algorithm>
#include <cstring>
#include <new>

#include <weir/platform/assert.hpp>

namespace weir::tls {

bool byte_ring::hold() noexcept {
  if (has_memory()) return true;
  if (pool_ != nullptr) {
    pooled_ = pool_->take();
  } else {
    own_.reset(new (std::nothrow) std::byte[heap_bytes_]);
  }
  return has_memory();
}

byte_span byte_ring::free_piece() noexcept {
  if (!hold()) return {};
  const byte_span all = memory();
  const std::size_t end = first_ + size_;
  if (end < all.size()) return all.subspan(end);
  return all.subspan(end - all.size(), all.size() - size_);
}

void byte_ring::filled(std::size_t bytes) noexcept {
  WEIR_ASSERT(bytes <= room());
  size_ += bytes;
}

std::array<byte_view, 2> byte_ring::pieces() const noexcept {
  const byte_span all = memory();
  const std::size_t in_first = std::min(size_, all.size() - first_);
  return {all.subspan(first_, in_first), all.first(size_ - in_first)};
}

void byte_ring::taken(std::size_t bytes) noexcept {
  WEIR_ASSERT(bytes <= size_);
  if (bytes == 0) return;
  size_ -= bytes;
  first_ = size_ == 0 ? 0 : (first_ + bytes) % memory().size();
}

std::size_t byte_ring::put(byte_view bytes) noexcept {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const byte_span into = free_piece();
    const std::size_t count = std::min(into.size(), bytes.size() - done);
    if (count == 0) break;
    std::memcpy(into.data(), bytes.data() + done, count);
    filled(count);
    done += count;
  }
  return done;
}

std::size_t byte_ring::get(byte_span into) noexcept {
  std::size_t done = 0;
  while (done < into.size() && size_ > 0) {
    const byte_view from = pieces()[0];
    const std::size_t count = std::min(from.size(), into.size() - done);
    std::memcpy(into.data() + done, from.data(), count);
    taken(count);
    done += count;
  }
  return done;
}

void byte_ring::give_back_if_empty() noexcept {
  if (size_ != 0) return;
  own_.reset();
  pooled_ = runtime::pooled_buffer();
}

}  // namespace weir::tls
