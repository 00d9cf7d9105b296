// tests/platform/contract/system_host.hpp - a backend over the system's own sockets, on loopback.
#pragma once

#include <filesystem>
#include <optional>
#include <random>
#include <string>

#include "hosts.hpp"

namespace weir::platform::contract {

class system_host final : public host {
 public:
  using opener = result<std::unique_ptr<poller>> (*)(const poller_options& options) noexcept;

  // Without a name it bears that of its pollers.
  explicit system_host(opener how, const char* name = nullptr) : open_(how), name_(name) {
    if (name_ != nullptr) return;
    result<std::unique_ptr<poller>> probe = open_({});
    name_ = probe ? probe.value()->name() : "native";
  }
  ~system_host() override {
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }
  const char* name() const override { return name_; }
  result<std::unique_ptr<poller>> open(const poller_options& options) override {
    return open_(options);
  }
  std::optional<address> unix_path() override {
    if (!has_unix_sockets()) return std::nullopt;
    if (folder_.empty()) {
      std::random_device any;
      folder_ = std::filesystem::temp_directory_path() / ("weir-contract-" + std::to_string(any()));
      std::filesystem::create_directories(folder_);
    }
    const result<address> at = address::unix_path((folder_ / std::to_string(++paths_)).string());
    if (!at) return std::nullopt;
    return at.value();
  }

 private:
  bool has_unix_sockets() const {
    const result<address> name = address::unix_path("weir-probe");
    if (!name) return false;
    result<std::unique_ptr<poller>> p = open_({});
    return p && p.value()->open_stream(name.value()).ok();
  }

  opener open_;
  const char* name_;
  std::filesystem::path folder_;
  int paths_ = 0;
};

}  // namespace weir::platform::contract
