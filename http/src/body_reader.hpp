// http/body_reader.hpp - the body of one request, cut out of the bytes that arrive. No I/O.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include <weir/http/chunked.hpp>
#include <weir/http/framing.hpp>
#include <weir/http/limits.hpp>

namespace weir::http {

class body_reader {
 public:
  void begin(const body_framing& framing, const limits& bounds) {
    kind_ = framing.kind;
    left_ = framing.kind == body_kind::length ? framing.length : 0;
    done_ = !framing.has_body();
    received_ = 0;
    if (kind_ == body_kind::chunked) {
      chunks_.emplace(bounds);
    } else {
      chunks_.reset();
    }
  }

  // Takes a front part of `input`, as chunked_decoder::decode() does.
  chunked_decoder::piece next(std::string_view input) noexcept {
    chunked_decoder::piece found;
    if (done_) {
      found.step = parse_step::done;
      return found;
    }
    if (kind_ == body_kind::chunked) {
      found = chunks_->decode(input);
    } else {
      found.consumed = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
      found.data = input.substr(0, found.consumed);
      left_ -= found.consumed;
      found.step = left_ == 0 ? parse_step::done : parse_step::more;
    }
    received_ += found.data.size();
    done_ = found.step == parse_step::done;
    return found;
  }

  bool done() const noexcept { return done_; }
  // Why next() refused.
  refusal why() const noexcept { return chunks_ ? chunks_->why() : refusal(); }
  // Data bytes so far.
  std::uint64_t received() const noexcept { return received_; }
  // What is left at least; nothing is known of a chunked body.
  std::optional<std::uint64_t> left() const noexcept {
    if (kind_ == body_kind::chunked) return std::nullopt;
    return left_;
  }
  std::span<const header_field> trailers() const noexcept {
    return chunks_ ? chunks_->trailers() : std::span<const header_field>();
  }

 private:
  std::optional<chunked_decoder> chunks_;
  std::uint64_t left_ = 0;
  std::uint64_t received_ = 0;
  body_kind kind_ = body_kind::none;
  bool done_ = true;
};

}  // namespace weir::http
