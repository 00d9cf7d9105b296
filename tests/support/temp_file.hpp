// support/temp_file.hpp - a file in the system's folder for such, under a name of its own: the same
// test may run in two processes at one time.
#pragma once

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <string_view>

namespace weir::test {

// Holds the bytes it is made with, and is removed with its maker. Where a file that is open cannot
// be removed (Windows), close it first.
class temp_file {
 public:
  explicit temp_file(std::string_view bytes) {
    std::random_device random;
    char name[48];
    std::snprintf(name, sizeof name, "weir-test-%08x%08x.tmp", random(), random());
    at_ = std::filesystem::temp_directory_path() / name;
    std::ofstream(at_, std::ios::binary) << bytes;
  }
  temp_file(const temp_file&) = delete;
  temp_file& operator=(const temp_file&) = delete;
  ~temp_file() {
    std::error_code none;
    std::filesystem::remove(at_, none);
  }

  // UTF-8.
  std::string path() const {
    const std::u8string text = at_.u8string();
    return {text.begin(), text.end()};
  }

 private:
  std::filesystem::path at_;
};

}  // namespace weir::test
