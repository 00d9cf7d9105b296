// simulation/forgetful_stream.hpp - secured streams with a bug on purpose: some sessions end
// without their last word. Without the bug they are what they stand over.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include <weir/platform/random.hpp>
#include <weir/runtime/secured_stream.hpp>

namespace weir::simulation {

class forgetful_stream final : public runtime::secured_stream {
 public:
  explicit forgetful_stream(std::unique_ptr<runtime::secured_stream> of) : of_(std::move(of)) {}

  runtime::task<error> handshake(time_ns due_ns) override { return of_->handshake(due_ns); }
  runtime::task<error> finish(time_ns /*due_ns*/) override { return of_->abandon(); }
  runtime::task<error> abandon() override { return of_->abandon(); }
  runtime::secured_end ended_by() const noexcept override { return of_->ended_by(); }

  result<std::size_t> try_read(byte_span into) noexcept override { return of_->try_read(into); }
  result<std::size_t> try_write(std::span<const byte_view> parts) noexcept override {
    return of_->try_write(parts);
  }
  error shut_write() noexcept override { return of_->shut_write(); }
  bool writes_files() const noexcept override { return of_->writes_files(); }
  platform::started start_wait_readable(runtime::io_wait& wait) noexcept override {
    return of_->start_wait_readable(wait);
  }
  platform::started start_write(byte_view bytes, runtime::io_wait& wait) noexcept override {
    return of_->start_write(bytes, wait);
  }
  platform::started start_write_file(const file& source, std::uint64_t offset, std::uint64_t count,
                                     runtime::io_wait& wait) noexcept override {
    return of_->start_write_file(source, offset, count, wait);
  }
  void cancel(platform::operation_id operation) noexcept override { of_->cancel(operation); }

 private:
  std::unique_ptr<runtime::secured_stream> of_;
};

class forgetful_security final : public runtime::stream_security {
 public:
  // `may` false: it forgets nothing.
  forgetful_security(std::uint64_t seed, bool may) : roll_(seed), may_(may) {}
  void over(runtime::stream_security& of) { of_ = &of; }
  std::uint64_t forgotten() const { return forgotten_; }

  result<std::unique_ptr<runtime::secured_stream>> secure(
      runtime::byte_stream& inner, const runtime::secured_limits& bounds) noexcept override {
    result<std::unique_ptr<runtime::secured_stream>> made = of_->secure(inner, bounds);
    if (!made.ok() || !may_ || !roll_.chance(1, 50)) return made;
    ++forgotten_;
    return std::unique_ptr<runtime::secured_stream>(
        std::make_unique<forgetful_stream>(std::move(made).value()));
  }

 private:
  seeded_random roll_;
  bool may_;
  runtime::stream_security* of_ = nullptr;
  std::uint64_t forgotten_ = 0;
};

}  // namespace weir::simulation
