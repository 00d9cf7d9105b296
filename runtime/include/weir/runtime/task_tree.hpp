// runtime/task_tree.hpp - who waits for what, and since when: the question at three in the morning.
#pragma once

#include <string>

#include <weir/platform/export.hpp>

namespace weir::runtime {

class scheduler;

// One line a scope and one an operation parked in it, indented by depth:
//
//   root 12.004s
//     server 12.004s
//       connection 3.310s, due in 6.690s
//         readable 3.310s
//
// At most `lines_max` lines; the rest is counted in the last one. Allocates: for logs and tests.
WEIR_EXPORT std::string task_tree(scheduler& of, std::size_t lines_max = 1'000);

}  // namespace weir::runtime
