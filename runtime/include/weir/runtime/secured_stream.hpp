// runtime/secured_stream.hpp - a byte_stream that protects another: how a server gets one without
// knowing what protects it.
//
// `tls` implements both classes, `http` uses them, and neither names the other.
#pragma once

#include <cstdint>
#include <memory>

#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>
#include <weir/platform/time.hpp>
#include <weir/runtime/byte_stream.hpp>
#include <weir/runtime/task.hpp>
#include <weir/runtime/waits.hpp>

namespace weir::runtime {

// Why a secured stream ended itself, as far as its owner counts it or has something to say.
enum class secured_end : std::uint8_t {
  other,  // none of these, or it did not
  // In the handshake.
  spoken_to_plainly,  // what came first was text, as of a peer that knows of no protection
  // After it.
  truncated,  // the peer's side ended without the word that it is complete: errc::truncated
  failed,     // by what the peer sent; it was told, as far as it could be
  tls_records_per_second_max,
};

class WEIR_EXPORT secured_stream : public byte_stream {
 public:
  // First of all, and all of it by `due_ns`. After a failure the stream is good for abandon() only.
  virtual task<error> handshake(time_ns due_ns) = 0;
  // Sends what waits and the end of our side, by `due_ns`, out of reach of cancels around it.
  virtual task<error> finish(time_ns due_ns) = 0;
  // As finish(), without a word to the peer. One of the two comes before the end of the object.
  virtual task<error> abandon() = 0;
  virtual secured_end ended_by() const noexcept = 0;

  bool secure() const noexcept final { return true; }
};

// Bounds that its owner has for a secured stream. See http/limits.hpp, where they have defaults.
struct secured_limits {
  // A permit for each step of a handshake that is being computed, shared by the streams of a
  // server. A step that finds none waits, and is counted. A peer that stalls has none. May be null.
  semaphore* handshake_steps = nullptr;
  std::uint64_t* handshake_steps_paused = nullptr;
  std::uint32_t tls_records_per_second_max = 10'000;
};

// Makes them. Belongs to one scheduler, and is used on its thread.
class WEIR_EXPORT stream_security {
 public:
  // Our end of a connection that was accepted. `inner` outlives what is returned, and is used by
  // nobody else meanwhile; so does this object.
  virtual result<std::unique_ptr<secured_stream>> secure(byte_stream& inner,
                                                         const secured_limits& bounds) noexcept = 0;

 protected:
  stream_security() = default;
  ~stream_security() = default;
  stream_security(const stream_security&) = default;
  stream_security& operator=(const stream_security&) = default;
};

}  // namespace weir::runtime
