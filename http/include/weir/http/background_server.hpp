// http/background_server.hpp - a server on threads of its own: started and stopped from anywhere.
//
//   open --listen()--> bound --start()--> serving --drain(), stop()--> draining --> stopped
//
// For hosts that have no loop and want none: each thread has a scheduler and a server, they share
// addresses and limits, and all calls here may come from any thread. Those who have a loop use
// server.hpp on it. Handlers run on the threads, several at one time.
//
// One life each: what was stopped is not started again, but the next one may bind the same address
// at once. No signal is handled and nothing is printed here.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include <weir/http/handler.hpp>
#include <weir/http/server.hpp>
#include <weir/platform/address.hpp>
#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/runtime/scheduler.hpp>
#include <weir/runtime/secured_stream.hpp>

namespace weir::http {

struct background_options {
  std::uint32_t threads = 1;
  // Of each thread. `shared` null: they share an admission of their own.
  server_options served;
  runtime::scheduler_options loop;
  // Asked for each thread before its server is made: for an observer that is not shared.
  void (*adapt)(void* context, std::uint32_t thread, server_options& served) = nullptr;
  // Asked for each thread before its server is made, when there is to be listen_secure(): what
  // protects those connections, on that thread's loop. It is kept for as long as the server is, and
  // ends before the loop does. Null: there are no secure connections.
  std::shared_ptr<runtime::stream_security> (*secure)(void* context,
                                                      runtime::scheduler& loop) = nullptr;
  // Told on one of the threads when the last server has ended: after a drain, or because one broke
  // (then the others were drained), or the start failed. It may not call stop(), which waits for
  // that thread.
  void (*on_ended)(void* context) noexcept = nullptr;
  void* context = nullptr;
};

class WEIR_EXPORT background_server {
 public:
  // `handlers`, and what the options point to, outlive it. Errors: no scheduler could be had
  // (errc::handles_exhausted, errc::memory_exhausted), or no thread was asked for (errc::invalid).
  static result<std::unique_ptr<background_server>> open(
      const routes& handlers, const background_options& options = background_options());
  background_server(const background_server&) = delete;
  background_server& operator=(const background_server&) = delete;
  ~background_server();  // stop()

  // Binds an address for all threads; before start(). Returns what was bound. After an error what
  // was bound before stays so; stop(), or the end of this object, closes it. Errors as in
  // server::listen(); errc::invalid: too late.
  result<address> listen(const address& at);
  result<address> listen(std::string_view at);
  // As listen(), for https: see server::listen_secure().
  result<address> listen_secure(const address& at);
  result<address> listen_secure(std::string_view at);

  // Begins to serve. After an error all is closed and no thread is left. Errors: errc::cancelled
  // (stopped already), errc::invalid (started twice), errc::limit (no thread, no frame).
  error start();

  // Asks for a drain, and does not wait for it.
  void drain() noexcept;
  // drain(), waits for its end, and returns the counts of all threads: in time, because a drain
  // ends. Before start(): closes what was bound; nothing will start. Twice, or from several threads
  // at one time: all get the same counts. Not from a handler on one of the threads, which would
  // wait for itself (asserted); that one asks with drain().
  drain_report stop() noexcept;

  // Why a server broke, if one did.
  error why_broken() const noexcept;

 private:
  struct impl;
  explicit background_server(std::unique_ptr<impl> made) noexcept;
  std::unique_ptr<impl> impl_;
};

}  // namespace weir::http
