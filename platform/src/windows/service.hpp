// platform/windows/service.hpp - what a watch of termination and the manager of services tell each
// other.
#pragma once

namespace weir::platform::windows {

// Whether the manager of services runs this process: between run_service() and its end.
bool is_service() noexcept;

// Tells the manager that the service is up and can be stopped; nothing when this is none.
void service_is_up() noexcept;

// Tells it that the service ends with `code` without returning from its body.
void service_ends(int code) noexcept;

}  // namespace weir::platform::windows
