// tests/platform/contract/native_host.cpp - the system's own backend, over loopback.
#include <cstdlib>
#include <filesystem>
#include <random>

#include "hosts.hpp"

namespace weir::platform::contract {

namespace {

class native_host final : public host {
 public:
  native_host() {
    result<std::unique_ptr<poller>> probe = open_poller({});
    if (probe) name_ = probe.value()->name();
  }
  ~native_host() override {
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }
  const char* name() const override { return name_; }
  result<std::unique_ptr<poller>> open(const poller_options& options) override {
    return open_poller(options);
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
  static bool has_unix_sockets() {
    const result<address> name = address::unix_path("weir-probe");
    if (!name) return false;
    result<std::unique_ptr<poller>> p = open_poller({});
    return p && p.value()->open_stream(name.value()).ok();
  }
  const char* name_ = "native";
  std::filesystem::path folder_;
  int paths_ = 0;
};

}  // namespace

std::unique_ptr<host> make_native() {
  return std::make_unique<native_host>();
}

}  // namespace weir::platform::contract
