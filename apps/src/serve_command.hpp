// apps/serve_command.hpp - the words of `weir serve`.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <weir/http/limits.hpp>

#include "serve.hpp"

namespace weir::apps {

class serve_command {
 public:
  // Describes it to `app`, which lives no longer than this.
  explicit serve_command(CLI::App& app);
  serve_command(const serve_command&) = delete;
  serve_command& operator=(const serve_command&) = delete;

  // What the words mean, and then doing it; the exit code.
  int run();

  const CLI::App& words() const noexcept { return words_; }

 private:
  void describe_tls();
  std::string interpret();
  std::string interpret_tls();
  int run_as_service();

  CLI::App& words_;
  serve_options options_;
  std::string log_ = "off";
  std::string threads_ = "1";
  bool as_service_ = false;
  std::vector<std::string> certificates_;
  std::vector<std::string> keys_;
  std::string client_auth_ = "required";
  std::string tls_min_ = "1.2";
  std::string tickets_ = "on";
  std::string tls_watch_;
  // The values of the limit flags as they were typed, in the order of http::limit_fields.
  std::vector<std::string> limits_ = std::vector<std::string>(http::limit_fields.size());
};

}  // namespace weir::apps
