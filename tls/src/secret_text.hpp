// tls/secret_text.hpp - a small file as text that may be a key: wiped when it goes.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <weir/platform/error.hpp>
#include <weir/platform/file.hpp>

namespace weir::tls {

enum class readers : bool { any, owner_alone };

class secret_text {
 public:
  // Errors of file::open_read(); errc::limit: longer than any text of ours; errc::invalid: of
  // readers::owner_alone, and others may use it. May throw std::bad_alloc.
  static result<secret_text> read(const std::string& path, readers allowed);

  secret_text(secret_text&& other) noexcept
      : bytes_(std::move(other.bytes_)), count_(std::exchange(other.count_, 0)) {}
  secret_text& operator=(secret_text&&) = delete;
  ~secret_text();

  std::string_view view() const noexcept { return {bytes_.get(), count_}; }

 private:
  explicit secret_text(std::size_t count)
      : bytes_(std::make_unique<char[]>(count)), count_(count) {}

  std::unique_ptr<char[]> bytes_;
  std::size_t count_;
};

}  // namespace weir::tls
