// platform/error.cpp - names of error codes.
#include <weir/platform/error.hpp>

namespace weir {

const char* to_string(errc code) noexcept {
  switch (code) {
    case errc::none: return "none";
    case errc::would_block: return "would_block";
    case errc::eof: return "eof";
    case errc::truncated: return "truncated";
    case errc::timed_out: return "timed_out";
    case errc::cancelled: return "cancelled";
    case errc::limit: return "limit";
    case errc::malformed: return "malformed";
    case errc::reset: return "reset";
    case errc::aborted: return "aborted";
    case errc::broken_pipe: return "broken_pipe";
    case errc::refused: return "refused";
    case errc::unreachable: return "unreachable";
    case errc::network_down: return "network_down";
    case errc::not_connected: return "not_connected";
    case errc::already_connected: return "already_connected";
    case errc::in_progress: return "in_progress";
    case errc::message_too_long: return "message_too_long";
    case errc::protocol: return "protocol";
    case errc::address_in_use: return "address_in_use";
    case errc::address_unavailable: return "address_unavailable";
    case errc::family_unsupported: return "family_unsupported";
    case errc::not_supported: return "not_supported";
    case errc::permission: return "permission";
    case errc::invalid: return "invalid";
    case errc::bad_handle: return "bad_handle";
    case errc::not_found: return "not_found";
    case errc::exists: return "exists";
    case errc::not_regular: return "not_regular";
    case errc::handles_exhausted: return "handles_exhausted";
    case errc::memory_exhausted: return "memory_exhausted";
    case errc::interrupted: return "interrupted";
    case errc::name_temporary: return "name_temporary";
    case errc::name_failure: return "name_failure";
    case errc::deadlock: return "deadlock";
    case errc::exception: return "exception";
    case errc::other: return "other";
  }
  return "other";
}

}  // namespace weir
