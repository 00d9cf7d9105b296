// http/scan_kernels.hpp - what a vector unit's source adds to the list of kernels.
#pragma once

#include <cstddef>
#include <span>

#include "class_scan.hpp"

namespace weir::http::detail {

inline constexpr std::size_t vector_kernels_max = 2;

// Puts those that this processor can run into `to`, slower ones first; how many. Defined by the
// source of the architecture: scan_x86.cpp or scan_neon.cpp. (weir/platform/abi.hpp stops a build
// for any other.)
std::size_t add_vector_kernels(std::span<named_kernel, vector_kernels_max> to) noexcept;

}  // namespace weir::http::detail
