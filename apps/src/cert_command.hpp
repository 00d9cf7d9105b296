// apps/cert_command.hpp - the words of `weir cert`.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "cert.hpp"

namespace weir::apps {

class cert_command {
 public:
  // Describes it to `app`, which lives no longer than this.
  explicit cert_command(CLI::App& app);
  cert_command(const cert_command&) = delete;
  cert_command& operator=(const cert_command&) = delete;

  // What the words mean, and then doing it; the exit code.
  int run();

  const CLI::App& words() const noexcept { return words_; }

 private:
  CLI::App& words_;
  cert_options options_;
  std::string days_ = "1";
};

}  // namespace weir::apps
